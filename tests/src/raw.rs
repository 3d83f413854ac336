//! A bare socket, for requests that no HTTP library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that speaks bytes.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends bytes. A peer that has closed the connection is no failure here.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Tells the peer that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads until the peer closes the connection.
    pub async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(crate::patience(), read).await.is_ok();
        let got = String::from_utf8_lossy(&bytes).into_owned();
        assert!(ended, "the connection stays open; so far: {got}");
        got
    }

    /// Reads one answer whole, or as much of it as comes before the peer closes the connection.
    ///
    /// Envoy leaves a connection open for a second after an answer that ends it, so waiting for
    /// the end of the connection takes that long.
    pub async fn read_answer(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = async {
            while !is_whole(&bytes) && self.stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {
            }
        };
        let ended = tokio::time::timeout(crate::patience(), read).await.is_ok();
        let got = String::from_utf8_lossy(&bytes).into_owned();
        assert!(ended, "the answer does not end; so far: {got}");
        got
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => head.contains("transfer-encoding: chunked") && body.ends_with("0\r\n\r\n"),
    }
}
