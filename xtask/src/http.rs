//! A small HTTP/1.1 client over plain TCP: enough for local admin ports and for measuring.
//!
//! No TLS, no redirects, no pipelining. Start with [`request`].

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A complete answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Returns the body as text, whatever it holds.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body of a successful answer.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        if self.status != 200 {
            bail!("answered {}: {}", self.status, self.text());
        }
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }
}

/// Renders a request; `Host` and `Content-Length` are added.
pub(crate) fn render(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let own = [("host", "localhost"), ("content-length", length.as_str())];
    let headers = own.iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends one request on a connection of its own.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, patience)
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&render(method, path, headers, body))?;
    receive(&mut stream)
}

/// Reads one answer from a connection, which may be used again afterwards.
pub(crate) fn receive(stream: &mut TcpStream) -> Result<Response> {
    let mut reading = Reading::default();
    let mut body = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer).context("no answer")?;
        let fresh = buffer.get(..count).unwrap_or_default();
        if reading.feed(fresh, &mut |part| body.extend_from_slice(part))? {
            return Ok(Response { status: reading.status(), body });
        }
        if count == 0 {
            bail!("the connection closed before the answer was complete");
        }
    }
}

/// An answer as it arrives; feed it until it says that it is complete.
#[derive(Default)]
pub(crate) struct Reading {
    state: State,
    line: Vec<u8>,
    status: u16,
    framing: Framing,
}

#[derive(Default, Clone, Copy)]
enum State {
    /// Something that ends with a line feed.
    Line(Line),
    /// This many bytes of the body, then what comes after them.
    Bytes(usize, AfterBytes),
    UntilClose,
    #[default]
    Start,
    Complete,
}

#[derive(Clone, Copy)]
enum Line {
    Status,
    Header,
    ChunkSize,
    ChunkEnd,
    Trailer,
}

#[derive(Clone, Copy)]
enum AfterBytes {
    End,
    Chunk,
}

#[derive(Default, Clone, Copy)]
enum Framing {
    #[default]
    UntilClose,
    Length(usize),
    Chunked,
}

impl Reading {
    /// Returns the status once its line has arrived, 0 before.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Takes bytes as they arrived (none means: closed) and says whether the answer is complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], body: &mut dyn FnMut(&[u8])) -> Result<bool> {
        if bytes.is_empty() && matches!(self.state, State::UntilClose) {
            self.state = State::Complete;
        }
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Start => {
                    self.state = State::Line(Line::Status);
                    bytes
                }
                State::Line(kind) => self.line(kind, bytes)?,
                State::Bytes(left, after) => {
                    let (part, rest) = bytes.split_at(left.min(bytes.len()));
                    body(part);
                    self.state = match (left - part.len(), after) {
                        (0, AfterBytes::End) => State::Complete,
                        (0, AfterBytes::Chunk) => State::Line(Line::ChunkEnd),
                        (left, after) => State::Bytes(left, after),
                    };
                    rest
                }
                State::UntilClose => {
                    body(bytes);
                    &[]
                }
                State::Complete => bail!("bytes after the end of the answer"),
            };
        }
        Ok(matches!(self.state, State::Complete))
    }

    fn line<'a>(&mut self, kind: Line, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            self.line.extend_from_slice(bytes);
            return Ok(&[]);
        };
        let (part, rest) = bytes.split_at(end + 1);
        self.line.extend_from_slice(part);
        let line = std::mem::take(&mut self.line);
        self.state = self.after(kind, line.trim_ascii())?;
        self.line = line;
        self.line.clear();
        Ok(rest)
    }

    fn after(&mut self, kind: Line, line: &[u8]) -> Result<State> {
        Ok(match kind {
            Line::Status => {
                let code = line.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
                self.status = code.and_then(|code| code.parse().ok()).context("no status")?;
                self.framing = Framing::UntilClose;
                State::Line(Line::Header)
            }
            Line::Header if line.is_empty() => self.body_follows(),
            Line::Header => {
                self.header(line)?;
                State::Line(Line::Header)
            }
            Line::ChunkSize => match hexadecimal(line)? {
                0 => State::Line(Line::Trailer),
                size => State::Bytes(size, AfterBytes::Chunk),
            },
            Line::ChunkEnd => State::Line(Line::ChunkSize),
            Line::Trailer if line.is_empty() => State::Complete,
            Line::Trailer => State::Line(Line::Trailer),
        })
    }

    fn header(&mut self, line: &[u8]) -> Result<()> {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return Ok(()) };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value)?.trim_start_matches(':').trim().parse()?;
            self.framing = Framing::Length(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.framing = Framing::Chunked;
        }
        Ok(())
    }

    fn body_follows(&self) -> State {
        match (self.status, self.framing) {
            (100..=199, _) => State::Line(Line::Status),
            (204 | 304, _) | (_, Framing::Length(0)) => State::Complete,
            (_, Framing::Length(length)) => State::Bytes(length, AfterBytes::End),
            (_, Framing::Chunked) => State::Line(Line::ChunkSize),
            (_, Framing::UntilClose) => State::UntilClose,
        }
    }
}

fn hexadecimal(line: &[u8]) -> Result<usize> {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits)?.trim();
    usize::from_str_radix(digits, 16).with_context(|| format!("not a chunk size: {digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, status: u16, body: &str) {
        for step in 1..=answer.len() {
            let mut reading = Reading::default();
            let mut got = Vec::new();
            let mut complete = false;
            for part in answer.as_bytes().chunks(step) {
                assert!(!complete, "complete too early in steps of {step}");
                complete = reading.feed(part, &mut |part| got.extend_from_slice(part)).unwrap();
            }
            complete |= reading.feed(&[], &mut |_| ()).unwrap();
            assert!(complete, "incomplete in steps of {step}");
            assert_eq!(
                (reading.status(), String::from_utf8(got).unwrap()),
                (status, body.to_owned())
            );
        }
    }

    #[test]
    fn reads_a_body_of_known_length() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
        check("HTTP/1.1 401 No\r\ncontent-length:0\r\n\r\n", 401, "");
    }

    #[test]
    fn reads_chunks_and_trailers() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        check(&format!("{head}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nt: 1\r\n\r\n"), 200, {
            "abc0123456789"
        });
    }

    #[test]
    fn reads_until_the_connection_closes() {
        check("HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it");
    }

    #[test]
    fn skips_interim_answers() {
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
            200,
            "x",
        );
    }

    #[test]
    fn refuses_what_is_not_http() {
        assert!(Reading::default().feed(b"hello\r\n", &mut |_| ()).is_err());
    }
}
