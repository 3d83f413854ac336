//! Reads requests off a connection and keeps them as they came.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target as it stands in the request line, query included.
    pub target: String,
    /// The headers in their order, with names as they were spelled.
    pub headers: Vec<(String, Bytes)>,
    /// The body, after the transfer coding is taken off.
    pub body: Bytes,
    /// The trailers, when the body had any.
    pub trailers: Vec<(String, Bytes)>,
}

impl Request {
    /// Returns the path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns the first header of this name, in whatever case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Parses the body. `Null` when it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A connection and the bytes of it that are not yet used.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: BytesMut,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(BUFFER) }
    }

    /// Reads the next request. `None` when the peer closed the connection between requests.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Request>> {
        let mut head = loop {
            if let Some(head) = parse_head(&mut self.buffer)? {
                break head;
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(invalid("the head is too large"));
            }
            if self.read().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_short()) };
            }
        };
        if head.expects_continue {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        match head.body {
            BodyLength::Known(length) => head.request.body = self.take(length).await?,
            BodyLength::Chunked => {
                (head.request.body, head.request.trailers) = self.chunked_body().await?;
            }
        }
        Ok(Some(head.request))
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.buffer).await
    }

    async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        self.buffer.reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            if self.read().await? == 0 {
                return Err(cut_short());
            }
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(2);
                return Ok(line);
            }
            if self.read().await? == 0 {
                return Err(cut_short());
            }
        }
    }

    async fn chunked_body(&mut self) -> io::Result<(Bytes, Vec<(String, Bytes)>)> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
                .ok_or_else(|| invalid("the size of a chunk is no number"))?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&self.take(size).await?);
            self.line().await?;
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok((body.freeze(), trailers));
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let colon = colon.ok_or_else(|| invalid("a trailer has no colon"))?;
            let name = String::from_utf8_lossy(&line.slice(..colon)).into_owned();
            trailers.push((name, Bytes::copy_from_slice(line.slice(colon + 1..).trim_ascii())));
        }
    }
}

struct Head {
    request: Request,
    body: BodyLength,
    expects_continue: bool,
}

enum BodyLength {
    Known(usize),
    Chunked,
}

/// Takes a head off the buffer. `None` while it is incomplete.
fn parse_head(buffer: &mut BytesMut) -> io::Result<Option<Head>> {
    let mut few = [httparse::EMPTY_HEADER; 64];
    let mut many;
    let mut parsed = httparse::Request::new(&mut few);
    let status = match parsed.parse(buffer) {
        Err(httparse::Error::TooManyHeaders) => {
            many = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            parsed = httparse::Request::new(&mut many);
            parsed.parse(buffer)
        }
        parsed => parsed,
    };
    let size = match status.map_err(|error| invalid(&error.to_string()))? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    let mut body = BodyLength::Known(0);
    let mut expects_continue = false;
    let mut headers = Vec::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
            body = BodyLength::Known(length.ok_or_else(|| invalid("content-length"))?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            body = BodyLength::Chunked;
        } else if header.name.eq_ignore_ascii_case("expect") {
            expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
        }
        headers.push((header.name.to_owned(), Bytes::copy_from_slice(header.value)));
    }
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers,
        body: Bytes::new(),
        trailers: Vec::new(),
    };
    buffer.advance(size);
    Ok(Some(Head { request, body, expects_continue }))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the peer left within a request")
}

const BUFFER: usize = 16 * 1024;
const HEAD_LIMIT: usize = 16 * 1024 * 1024;
const MAX_HEADERS: usize = 20_000;
