//! An upstream that sends one frame at a time, each with the moment it was sent in it,
//! and the clients that read them.
//!
//! Both ends are in this process, so that one clock tells how long a frame took.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::load::connect;
use super::numbers::Samples;
use super::wire::Asked;
use crate::http::Reading;

/// Frames in each stream.
pub(super) const FRAMES: u32 = 200;

/// Bytes of a request that are looked at, give or take.
const MOST_KEPT: usize = 1 << 20;
const GAP: Duration = Duration::from_millis(5);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                      transfer-encoding: chunked\r\n\r\n";

/// The upstream; it serves until the process ends.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    origin: Instant,
}

impl Upstream {
    /// Starts it on a port of the system's choice.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let upstream = Self { address: listener.local_addr()?, origin: Instant::now() };
        let origin = upstream.origin;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A gateway that hangs up ends its own stream only.
                std::thread::spawn(move || serve(stream, origin).ok());
            }
        });
        Ok(upstream)
    }

    /// Runs some streams at once, some rounds long, and returns what the clients saw.
    pub(super) fn measure(
        &self,
        gateway: SocketAddr,
        request: &[u8],
        streams: u32,
        rounds: u32,
    ) -> Result<Seen> {
        let origin = self.origin;
        let results = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..streams)
                .map(|number| {
                    let late = GAP * number / streams;
                    scope.spawn(move || client(gateway, request, origin, rounds, late))
                })
                .collect();
            clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let mut seen = Seen::default();
        for result in results {
            let one = result.map_err(|_| anyhow::anyhow!("a client panicked"))??;
            seen.frames += one.frames;
            seen.first_byte.extend(one.first_byte);
            seen.lag.extend(one.lag);
        }
        Ok(seen)
    }
}

/// What clients of paced streams saw.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) frames: u64,
    /// From sending the request to the first byte of the first frame.
    pub(super) first_byte: Samples,
    /// From the upstream's write to the client's read, for each frame.
    pub(super) lag: Samples,
}

fn serve(mut stream: TcpStream, origin: Instant) -> Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let asked = Asked::of(&read_request(&mut stream)?);
        if asked.fails {
            whole(&mut stream, "503 Service Unavailable", "{\"error\":{\"message\":\"no\"}}")?;
        } else if asked.stream {
            streamed(&mut stream, asked, origin)?;
        } else {
            whole(&mut stream, "200 OK", asked.whole())?;
        }
    }
}

fn whole(stream: &mut TcpStream, status: &str, body: &str) -> Result<()> {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes())?;
    Ok(())
}

fn streamed(stream: &mut TcpStream, asked: Asked, origin: Instant) -> Result<()> {
    stream.write_all(HEAD)?;
    if let Some(opening) = asked.opening() {
        send(stream, opening)?;
    }
    let started = Instant::now();
    for number in 0..FRAMES {
        let due = started + GAP * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        send(stream, &asked.frame(number, origin.elapsed().as_micros()))?;
    }
    send(stream, &asked.closing(FRAMES))?;
    stream.write_all(b"0\r\n\r\n")?;
    Ok(())
}

fn send(stream: &mut TcpStream, text: &str) -> Result<()> {
    // One write: a frame that arrives in two packets would be the upstream's fault.
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())?;
    Ok(())
}

/// Reads a request with its body.
fn read_request(stream: &mut TcpStream) -> Result<String> {
    let mut received = Vec::new();
    let mut buffer = [0; 8192];
    let body = loop {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "closed");
        received.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(received.get(..body).unwrap_or_default()).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("no content-length")?.trim().parse()?;
    let mut missing = (body + length).saturating_sub(received.len());
    let mut buffer = vec![0; 64 * 1024];
    while missing > 0 {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "closed");
        // What decides stands at the beginning, and uploads are long.
        if received.len() < MOST_KEPT {
            received.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
        missing = missing.saturating_sub(count);
    }
    Ok(String::from_utf8_lossy(&received).into_owned())
}

fn client(
    gateway: SocketAddr,
    request: &[u8],
    origin: Instant,
    rounds: u32,
    late: Duration,
) -> Result<Seen> {
    let mut stream = connect(gateway)?;
    let mut seen = Seen::default();
    let mut buffer = vec![0; 64 * 1024];
    // Streams of real users are not in step.
    std::thread::sleep(late);
    for _ in 0..rounds {
        let sent = Instant::now();
        stream.write_all(request)?;
        let mut reading = Reading::default();
        let before = seen.frames;
        loop {
            let count = stream.read(&mut buffer).context("the stream stopped")?;
            let now = origin.elapsed();
            ensure!(count > 0, "the stream was cut after {} frames", seen.frames - before);
            let fresh = buffer.get(..count).unwrap_or_default();
            let first = seen.frames == before;
            let complete = reading.feed(fresh, &mut |part| look(part, now, &mut seen))?;
            if first && seen.frames > before {
                seen.first_byte.add(sent.elapsed());
            }
            if complete {
                break;
            }
        }
        ensure!(reading.status() == 200, "answered {}", reading.status());
        ensure!(seen.frames - before == u64::from(FRAMES), "frames are missing");
    }
    Ok(seen)
}

/// Finds the moments in a part of the stream and compares them with now.
fn look(part: &[u8], now: Duration, seen: &mut Seen) {
    let text = String::from_utf8_lossy(part);
    for micros in text.split('@').skip(1).step_by(2).filter_map(|text| text.parse().ok()) {
        seen.frames += 1;
        seen.lag.add(now.saturating_sub(Duration::from_micros(micros)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_arrives_and_says_when_it_was_sent() {
        let upstream = Upstream::start().unwrap();
        let request = crate::http::render("POST", "/", &[], br#"{"stream":true}"#);

        let mut seen = upstream.measure(upstream.address, &request, 2, 1).unwrap();

        assert_eq!(seen.frames, u64::from(2 * FRAMES));
        assert!(seen.lag.micros(0.5) < 5_000.0, "{}", seen.lag.micros(0.5));
        assert!(seen.first_byte.micros(0.5) > 0.0);
    }
}
