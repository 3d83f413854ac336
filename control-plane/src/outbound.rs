//! Calls that the control plane itself makes to providers: to test a key, to list models.
//!
//! A URL that somebody wrote must not lead into the machine's own network: names are looked up
//! here, every address is judged before it is connected to, and redirects are not followed.

mod address;
pub mod embedding;
pub mod question;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::BaseUrl;

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the internet.
    Public,
    /// Those of this machine and its networks, too. Never link-local ones: clouds have their
    /// metadata there.
    Private,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query, with the base URL's path.
    pub path: String,
    /// What is sent besides `host`. Holds credentials.
    pub headers: HeaderMap,
    /// Empty: none.
    pub body: Bytes,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer. Never says what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address may not be connected to.
    #[error(
        "{0} is an address of this machine, of its networks or of a cloud's metadata; \
         set allowPrivate if the provider is meant to be there"
    )]
    Forbidden(String),
    /// Nobody is there, or no HTTP is spoken.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("did not answer in {} seconds", PATIENCE.as_secs())]
    TimedOut,
}

/// Sends a request and reads the whole answer.
pub async fn send(url: &BaseUrl, call: Call, reach: Reach) -> Result<Reply, OutboundError> {
    tokio::time::timeout(PATIENCE, exchange(url, call, reach))
        .await
        .unwrap_or(Err(OutboundError::TimedOut))
}

async fn exchange(url: &BaseUrl, call: Call, reach: Reach) -> Result<Reply, OutboundError> {
    let stream = connect(url, reach).await?;
    if !url.tls {
        return speak(stream, url, call).await;
    }
    let name = ServerName::try_from(url.host.clone()).map_err(unreachable)?;
    let connector = TlsConnector::from(TLS.clone());
    let stream = connector.connect(name, stream).await.map_err(unreachable)?;
    speak(stream, url, call).await
}

/// Connects to the first address that may be connected to and answers.
async fn connect(url: &BaseUrl, reach: Reach) -> Result<TcpStream, OutboundError> {
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await;
    let found: Vec<SocketAddr> = found.map_err(unreachable)?.collect();
    let allowed = found.iter().filter(|address| address::is_allowed(address.ip(), reach));
    let mut last = None;
    for address in allowed {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    match (last, found.first()) {
        (Some(error), _) => Err(unreachable(error)),
        (None, Some(_)) => Err(OutboundError::Forbidden(url.host.clone())),
        (None, None) => Err(OutboundError::Unreachable("the name has no address".into())),
    }
}

async fn speak<S>(stream: S, url: &BaseUrl, call: Call) -> Result<Reply, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let driver = tokio::spawn(async move {
        // What breaks the connection fails the request as well.
        let _ = connection.await;
    });
    let mut request = Request::builder().method(call.method).uri(call.path);
    if let Some(headers) = request.headers_mut() {
        *headers = call.headers;
        headers.insert(HOST, HeaderValue::from_str(&url.authority).map_err(unreachable)?);
    }
    let request = request.body(Full::new(call.body)).map_err(unreachable)?;
    let answer = sender.send_request(request).await.map_err(unreachable);
    let reply = match answer {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
            let body = body.map_err(|error| OutboundError::Unreachable(error.to_string()));
            body.map(|body| Reply { status, body: body.to_bytes() })
        }
        Err(error) => Err(error),
    };
    driver.abort();
    reply
}

fn unreachable(error: impl std::fmt::Display) -> OutboundError {
    OutboundError::Unreachable(error.to_string())
}

/// Trusts what the system trusts.
static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // Without a default for the process rustls takes the one provider that is compiled in.
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
});

const PATIENCE: Duration = Duration::from_secs(15);
/// The longest list of models is far below.
const MOST_BYTES: usize = 8 << 20;
