//! Clients that send the next request as soon as the answer is there.
//!
//! One thread and blocking sockets that are read only when they have something: cheap enough
//! not to be what is measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::numbers::Samples;
use crate::http::Reading;

/// What came back.
#[derive(Default)]
pub(super) struct Outcome {
    /// Answered in time.
    requests: u64,
    /// Answered at all, those after the end included.
    pub(super) served: u64,
    elapsed: Duration,
    pub(super) latencies: Samples,
}

impl Outcome {
    /// Returns requests per second.
    pub(super) fn rate(&self) -> f64 {
        super::numbers::float(self.requests) / self.elapsed.as_secs_f64()
    }
}

/// Sends the same request over and over on some connections, for some time.
///
/// Any answer but a complete 200 fails the measurement: a gateway that refuses is a fast one.
pub(super) fn run(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
) -> Result<Outcome> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(Client::connect(address, request)?);
    }
    let started = Instant::now();
    let mut outcome = Outcome::default();
    let mut buffer = vec![0; 64 * 1024];
    while started.elapsed() < duration {
        for index in ready(&clients)? {
            let Some(client) = clients.get_mut(index) else { continue };
            if let Some(latency) = client.read(&mut buffer)? {
                outcome.requests += 1;
                outcome.latencies.add(latency);
                client.send(request)?;
            }
        }
    }
    outcome.elapsed = started.elapsed();
    outcome.served = outcome.requests + super::numbers::count(clients.len());
    // Nothing may still run when the next measurement begins.
    for client in &mut clients {
        while client.read(&mut buffer)?.is_none() {}
    }
    ensure!(outcome.requests > 0, "no answer from {address} in {duration:?}");
    Ok(outcome)
}

/// Waits until some connections have something to read and returns which.
fn ready(clients: &[Client]) -> Result<Vec<usize>> {
    let mut waiting: Vec<_> =
        clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN)).collect();
    let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
    let count = poll(&mut waiting, Some(&patience)).context("poll")?;
    ensure!(count > 0, "no answer within 10 s");
    let ready = (0..).zip(&waiting).filter(|(_, waiting)| !waiting.revents().is_empty());
    Ok(ready.map(|(index, _)| index).collect())
}

/// One keep-alive connection with one request in flight.
struct Client {
    stream: TcpStream,
    reading: Reading,
    sent: Instant,
}

impl Client {
    fn connect(address: SocketAddr, request: &[u8]) -> Result<Self> {
        let stream = connect(address)?;
        let mut client = Self { stream, reading: Reading::default(), sent: Instant::now() };
        client.send(request)?;
        Ok(client)
    }

    fn send(&mut self, request: &[u8]) -> Result<()> {
        self.sent = Instant::now();
        self.reading = Reading::default();
        self.stream.write_all(request).context("cannot send")
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Duration>> {
        let count = self.stream.read(buffer).context("no answer")?;
        ensure!(count > 0, "the connection was closed");
        let fresh = buffer.get(..count).unwrap_or_default();
        let complete = self.reading.feed(fresh, &mut |_| ())?;
        if complete {
            let status = self.reading.status();
            ensure!(status == 200, "answered {status}: {}", String::from_utf8_lossy(fresh));
        }
        Ok(complete.then(|| self.sent.elapsed()))
    }
}

/// Opens a connection that sends at once and does not wait for ever.
pub(super) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}
