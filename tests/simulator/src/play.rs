//! Writes an answer onto a connection, as badly as the script wants it.

use std::io::{self, Write as _};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::request::Connection;
use crate::script::{Fault, Framing, Script};
use crate::server::State;
use crate::wire::{Answer, Bill, Body, Event};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was sent to the end; the connection may be used again.
    KeepAlive,
    /// It was sent as scripted; the connection is to be closed.
    Close,
    /// The peer left before the end.
    Abandoned,
}

/// Plays an answer without watching the peer: for what takes no time.
pub(crate) async fn play_plain(
    connection: &mut Connection,
    answer: &Answer,
    head_only: bool,
) -> io::Result<()> {
    let mut bytes = BytesMut::with_capacity(1024);
    match &answer.body {
        Body::Whole(body) => {
            write_head(&mut bytes, answer, &Frame::Length(body.len()));
            if head_only {
                return connection.stream.write_all(&bytes).await;
            }
            if body.len() <= ONE_WRITE {
                bytes.extend_from_slice(body);
                return connection.stream.write_all(&bytes).await;
            }
            connection.stream.write_all(&bytes).await?;
            connection.stream.write_all(body).await
        }
        Body::Events(events) => {
            write_head(&mut bytes, answer, &Frame::Chunks);
            connection.stream.write_all(&bytes).await?;
            for event in events {
                connection.stream.write_all(&chunk(&event.bytes)).await?;
            }
            connection.stream.write_all(LAST_CHUNK).await
        }
    }
}

/// Plays an answer as scripted and watches whether the peer leaves.
pub(crate) async fn play_script(
    connection: &mut Connection,
    answer: Answer,
    script: &Script,
    state: &State,
) -> io::Result<End> {
    let Connection { stream, buffer } = connection;
    let (mut reader, writer) = stream.split();
    let mut player = Player { writer, script, state };
    tokio::select! {
        biased;
        end = player.play(answer) => end,
        () = left(&mut reader, buffer) => Ok(End::Abandoned),
    }
}

/// Waits until the peer leaves; what it sends meanwhile is kept for the next request.
async fn left(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while matches!(reader.read_buf(buffer).await, Ok(1..)) {}
}

struct Player<'a> {
    writer: WriteHalf<'a>,
    script: &'a Script,
    state: &'a State,
}

impl Player<'_> {
    async fn play(&mut self, answer: Answer) -> io::Result<End> {
        pause(self.script.delay).await;
        match self.script.fault {
            Some(Fault::CloseBeforeHead) => return Ok(End::Close),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Garbage) => {
                self.writer.write_all(GARBAGE).await?;
                return Ok(End::Close);
            }
            Some(Fault::CloseAfterHead | Fault::CloseMidBody | Fault::GarbageBody) | None => {}
        }
        let bill = answer.bill.clone();
        let mut answer = answer;
        let pieces = pieces(&mut answer, self.script)?;
        let length: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let frame = self.frame(&answer, length);

        let mut head = BytesMut::new();
        write_head(&mut head, &answer, &frame);
        self.writer.write_all(&head).await?;
        self.state.head_sent(bill.as_ref());
        if self.script.fault == Some(Fault::CloseAfterHead) {
            return Ok(End::Close);
        }
        let limit = match self.script.fault {
            Some(Fault::CloseMidBody) => length / 2,
            _ => length,
        };
        self.pieces(&pieces, limit, &frame, bill.as_ref()).await?;
        if limit < length {
            return Ok(End::Close);
        }
        if matches!(frame, Frame::Chunks) {
            let end: &[u8] = if self.script.trailers { TRAILERS } else { LAST_CHUNK };
            self.writer.write_all(end).await?;
        }
        self.state.completed(bill.as_ref());
        let close = matches!(frame, Frame::Close) || self.script.length_lie != 0;
        Ok(if close { End::Close } else { End::KeepAlive })
    }

    fn frame(&self, answer: &Answer, length: usize) -> Frame {
        let by_length = matches!(answer.body, Body::Whole(_)) && !self.script.trailers;
        match self.script.framing {
            Framing::Usual if by_length => {
                let lie = isize::try_from(self.script.length_lie).unwrap_or_default();
                Frame::Length(length.saturating_add_signed(lie))
            }
            Framing::Usual | Framing::Chunked => Frame::Chunks,
            Framing::Close => Frame::Close,
        }
    }

    async fn pieces(
        &mut self,
        pieces: &[Event],
        limit: usize,
        frame: &Frame,
        bill: Option<&Bill>,
    ) -> io::Result<()> {
        let mut sent = 0;
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                pause(self.script.chunk_delay).await;
            }
            if let Some(gate) = &self.script.gate
                && gate.after == place
            {
                self.state.gate(&gate.name).pass().await;
            }
            let room = piece.bytes.len().min(limit - sent);
            if room == 0 {
                return Ok(());
            }
            let bytes = piece.bytes.slice(..room);
            match frame {
                Frame::Chunks => self.writer.write_all(&chunk(&bytes)).await?,
                Frame::Length(_) | Frame::Close => self.writer.write_all(&bytes).await?,
            }
            sent += room;
            self.state.tokens_sent(bill, piece.tokens);
            // Lets the peer read what was written, so that pieces stay pieces.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// How the end of the body is told.
enum Frame {
    Length(usize),
    Chunks,
    Close,
}

/// Cuts the body into the pieces to write, with what the script does to their bytes.
fn pieces(answer: &mut Answer, script: &Script) -> io::Result<Vec<Event>> {
    let mut pieces = match &answer.body {
        Body::Whole(body) => {
            let tokens = answer.bill.as_ref().map_or(0, |bill| bill.tokens.completion);
            vec![Event { bytes: body.clone(), tokens }]
        }
        Body::Events(events) => events.clone(),
    };
    if script.crlf && matches!(answer.body, Body::Events(_)) {
        for piece in &mut pieces {
            piece.bytes = Bytes::from(with_crlf(&piece.bytes));
        }
    }
    if script.gzip {
        answer.headers.push(("content-encoding".to_owned(), Bytes::from_static(b"gzip")));
        compress(&mut pieces)?;
    }
    if let Some(join) = script.join {
        pieces = pieces.chunks(join.max(1)).map(joined).collect();
    }
    if let Some(size) = script.split {
        pieces = split(&joined(&pieces), size.max(1));
    }
    Ok(pieces)
}

fn joined(pieces: &[Event]) -> Event {
    let bytes: Vec<&[u8]> = pieces.iter().map(|piece| piece.bytes.as_ref()).collect();
    let tokens = pieces.iter().map(|piece| piece.tokens).sum();
    Event { bytes: Bytes::from(bytes.concat()), tokens }
}

/// Splits at every `size` bytes; the tokens go with the last piece.
fn split(whole: &Event, size: usize) -> Vec<Event> {
    let count = whole.bytes.len().div_ceil(size);
    (0..count)
        .map(|place| {
            let start = place * size;
            let end = (start + size).min(whole.bytes.len());
            let tokens = if place + 1 == count { whole.tokens } else { 0 };
            Event { bytes: whole.bytes.slice(start..end), tokens }
        })
        .collect()
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// Compresses the pieces as one gzip stream, flushed after each so that none waits for the next.
fn compress(pieces: &mut [Event]) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let last = pieces.len().saturating_sub(1);
    for (place, piece) in pieces.iter_mut().enumerate() {
        encoder.write_all(&piece.bytes)?;
        if place == last {
            encoder.try_finish()?;
        } else {
            encoder.flush()?;
        }
        piece.bytes = Bytes::from(std::mem::take(encoder.get_mut()));
    }
    Ok(())
}

/// Sleeps; not at all for no time, since the timer's resolution is a millisecond.
async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn write_head(head: &mut BytesMut, answer: &Answer, frame: &Frame) {
    let status = answer.status;
    head.put_slice(format!("HTTP/1.1 {status} {}\r\n", reason(status)).as_bytes());
    for (name, value) in &answer.headers {
        head.put_slice(name.as_bytes());
        head.put_slice(b": ");
        head.put_slice(value);
        head.put_slice(b"\r\n");
    }
    match frame {
        Frame::Length(length) => {
            head.put_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
        }
        Frame::Chunks => head.put_slice(b"transfer-encoding: chunked\r\n\r\n"),
        Frame::Close => head.put_slice(b"connection: close\r\n\r\n"),
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

const ONE_WRITE: usize = 64 * 1024;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const TRAILERS: &[u8] = b"0\r\nx-provider-trailer: seen\r\n\r\n";
const GARBAGE: &[u8] = b"\x16\x03\x01this is not http at all\r\n\r\n";
