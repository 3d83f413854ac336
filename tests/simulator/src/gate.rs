//! Places in a stream that a test holds closed: streaming is proved without timing.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate at which scripted streams wait. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    waiting: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let inner = Inner { waiting: watch::Sender::new(0), open: watch::Sender::new(false) };
        Self { inner: Arc::new(inner) }
    }

    /// Waits until this many streams have come to the gate.
    pub async fn reached_by(&self, streams: usize) {
        let mut waiting = self.inner.waiting.subscribe();
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = waiting.wait_for(|count| *count >= streams).await;
    }

    /// Lets every stream pass that waits here, or comes later.
    pub fn release(&self) {
        self.inner.open.send_replace(true);
    }

    pub(crate) async fn pass(&self) {
        self.inner.waiting.send_modify(|count| *count += 1);
        let mut open = self.inner.open.subscribe();
        let _ = open.wait_for(|open| *open).await;
    }
}
