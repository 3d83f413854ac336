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

    /// Reads until the text has come, and returns everything up to and with it.
    pub async fn read_until(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        let read = async {
            while !bytes.ends_with(text.as_bytes()) {
                let Ok(byte) = self.stream.read_u8().await else { break };
                bytes.push(byte);
            }
        };
        let _ = tokio::time::timeout(crate::patience(), read).await;
        let got = String::from_utf8_lossy(&bytes).into_owned();
        assert!(got.ends_with(text), "`{text}` did not come: {got}");
        got
    }
}
