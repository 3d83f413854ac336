//! What processes print, kept until a test fails.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// A buffer of lines. Clones are the same buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Reads lines until the other side closes.
    pub(crate) async fn follow(self, source: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(source).lines();
        loop {
            match lines.next_line().await {
                Ok(Some(line)) => self.push(line),
                Ok(None) => return,
                Err(error) => self.push(format!("(not text: {error})")),
            }
        }
    }

    /// Returns how many lines there are so far.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns the lines from a place on.
    pub(crate) fn since(&self, start: usize) -> String {
        self.lock().get(start..).unwrap_or_default().join("\n")
    }

    fn push(&self, line: String) {
        self.lock().push(line);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
