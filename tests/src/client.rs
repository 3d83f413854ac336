//! A client that lets tests say exactly what goes over the wire.
//!
//! Each call has a connection of its own, so dropping an [`Answer`] is a client that leaves.

mod answer;

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

pub use answer::Answer;

use crate::tls::Certificate;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, with prior knowledge when there is no TLS.
    Http2,
}

/// Speaks to one server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    protocol: Protocol,
    certificate: Option<Certificate>,
    key: Option<String>,
}

impl Client {
    /// Speaks HTTP/1.1 in the clear.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, protocol: Protocol::Http1, certificate: None, key: None }
    }

    /// Returns the server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the same client with another protocol.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Returns the same client, but over TLS.
    #[must_use]
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Returns the same client, presenting this key as bearer token in every call.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Begins a GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// Begins a POST with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Begins a call.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path);
        let call = Call {
            client: self.clone(),
            request: request.body(Bytes::new()).unwrap(),
            frames: None,
        };
        match &self.key {
            Some(key) => call.header("authorization", format!("Bearer {key}")),
            None => call,
        }
    }

    /// Chats: one user message to a model.
    pub fn chat(&self, model: &str, more: &Value) -> Call {
        let mut body = serde_json::json!({
            "model": model, "messages": [{ "role": "user", "content": "Hello, how are you?" }],
        });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.post("/v1/chat/completions", &body)
    }
}

/// A request in the making.
pub struct Call {
    client: Client,
    request: Request<Bytes>,
    frames: Option<Vec<Frame<Bytes>>>,
}

impl Call {
    /// Adds a header; any bytes that HTTP allows.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    /// Sets the body, sent with its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sends the body in chunks of this size, without telling its length.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        let body = std::mem::take(self.request.body_mut());
        let frames =
            body.chunks(size).map(|chunk| Frame::data(Bytes::copy_from_slice(chunk))).collect();
        self.frames = Some(frames);
        self
    }

    /// Adds a trailer; the body is sent in chunks.
    #[must_use]
    pub fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        let body = std::mem::take(self.request.body_mut());
        let mut trailers = HeaderMap::new();
        trailers.insert(name, HeaderValue::from_static(value));
        let frames = self.frames.get_or_insert_with(|| vec![Frame::data(body)]);
        frames.push(Frame::trailers(trailers));
        self.request.headers_mut().insert("trailer", HeaderValue::from_static(name));
        self
    }

    /// Sends it and waits for the head of the answer.
    pub async fn send(self) -> Answer {
        match self.try_send().await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error:#}"),
        }
    }

    /// Sends it; an answer that does not come is an error and no failed test.
    ///
    /// # Errors
    ///
    /// When the connection cannot be made or ends before the head of an answer.
    pub async fn try_send(self) -> anyhow::Result<Answer> {
        let Self { client, mut request, frames } = self;
        let stream = TcpStream::connect(client.address).await?;
        stream.set_nodelay(true)?;
        let host = format!("{}", client.address);
        let secure = client.certificate.is_some();
        if client.protocol == Protocol::Http1 {
            request.headers_mut().entry("host").or_insert(HeaderValue::from_str(&host)?);
        } else {
            let scheme = if secure { "https" } else { "http" };
            let uri = format!("{scheme}://{host}{}", request.uri());
            *request.uri_mut() = uri.parse()?;
        }
        let request = request.map(|body| match frames {
            Some(frames) => {
                let frames = frames.into_iter().map(Ok::<_, Infallible>);
                StreamBody::new(tokio_stream::iter(frames)).boxed_unsync()
            }
            None => Full::new(body).boxed_unsync(),
        });
        let response = match &client.certificate {
            Some(certificate) => {
                let connector = certificate.connector(client.protocol == Protocol::Http2);
                let name = ServerName::try_from("localhost")?;
                exchange(client.protocol, connector.connect(name, stream).await?, request).await?
            }
            None => exchange(client.protocol, stream, request).await?,
        };
        Ok(Answer::new(response))
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn exchange<S>(
    protocol: Protocol,
    stream: S,
    request: Request<Body>,
) -> anyhow::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            let (mut sender, connection) = builder.max_headers(20_000).handshake(io).await?;
            tokio::spawn(connection);
            Ok(sender.send_request(request).await?)
        }
        Protocol::Http2 => {
            let builder = http2::Builder::new(TokioExecutor::new());
            let (mut sender, connection) = builder.handshake(io).await?;
            tokio::spawn(connection);
            Ok(sender.send_request(request).await?)
        }
    }
}
