//! Reading an answer: whole, event by event, or as JSON.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use serde_json::Value;

/// An answer whose head has come. Dropping it closes the connection.
pub struct Answer {
    response: Response<Incoming>,
    /// Bytes of the body that have come and belong to no event yet.
    pending: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    pub(super) fn new(response: Response<Incoming>) -> Self {
        Self { response, pending: Vec::new(), trailers: None }
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns a header as text. Empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Reads the rest of the body.
    pub async fn bytes(&mut self) -> Bytes {
        match self.try_bytes().await {
            Ok(bytes) => bytes,
            Err(error) => panic!("the body broke off: {error:#}"),
        }
    }

    /// Reads the rest of the body, as far as it comes.
    ///
    /// # Errors
    ///
    /// When it ends before it is complete.
    pub async fn try_bytes(&mut self) -> anyhow::Result<Bytes> {
        while self.more().await? {}
        Ok(Bytes::from(std::mem::take(&mut self.pending)))
    }

    /// Reads the rest of the body as text.
    pub async fn text(&mut self) -> String {
        String::from_utf8(self.bytes().await.into()).expect("the body is not text")
    }

    /// Reads the rest of the body as JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// Waits for the next event of a stream and returns its data. `None` at the end.
    pub async fn event(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.pending.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("the event is not text");
                if let Some(data) = event.trim_end().strip_prefix("data: ") {
                    return Some(data.to_owned());
                }
                continue;
            }
            if !self.more().await.expect("the stream broke off") {
                assert!(self.pending.is_empty(), "half an event: {:?}", self.pending);
                return None;
            }
        }
    }

    /// Reads the rest of a stream: its chunks, and whether it ended with `[DONE]`.
    pub async fn chunks(&mut self) -> (Vec<Value>, bool) {
        let mut chunks = Vec::new();
        let mut done = false;
        while let Some(data) = self.event().await {
            assert!(!done, "an event after [DONE]: {data}");
            if data == "[DONE]" {
                done = true;
            } else {
                let chunk = serde_json::from_str(&data);
                chunks.push(chunk.unwrap_or_else(|_| panic!("not JSON: {data}")));
            }
        }
        (chunks, done)
    }

    /// Returns the trailers, after the body was read.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// Checks that this is an OpenAI error of the given status, type and code.
    #[track_caller]
    pub fn refused(&mut self, status: u16, kind: &str, code: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let got = self.status();
            let body = self.text().await;
            let json: Value = serde_json::from_str(&body).unwrap_or_default();
            let error = &json["error"];
            let expected = (status, Some(kind), Some(code));
            let seen = (got, error["type"].as_str(), error["code"].as_str());
            assert!(seen == expected, "{caller}: expected {expected:?}, got {got} {body}");
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
            assert_eq!(self.header("content-type"), "application/json", "{caller}");
            error.clone()
        }
    }

    async fn more(&mut self) -> anyhow::Result<bool> {
        let waiting = tokio::time::timeout(crate::patience(), self.response.body_mut().frame());
        match waiting.await {
            Err(_) => anyhow::bail!("nothing more came; so far {} bytes", self.pending.len()),
            Ok(None) => Ok(false),
            Ok(Some(frame)) => {
                match frame?.into_data() {
                    Ok(data) => self.pending.extend_from_slice(&data),
                    Err(other) => self.trailers = other.into_trailers().ok(),
                }
                Ok(true)
            }
        }
    }
}
