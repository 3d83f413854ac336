//! Calls that the control plane itself makes to providers: to test a key, to list models.
//!
//! A URL that somebody wrote must not lead into the machine's own network: names are looked up
//! here, every address is judged before it is connected to, and redirects are not followed.
//! [`fetch`] is for addresses that clients write, and follows redirects as far as it is told.

mod address;
pub mod embedding;
pub mod fetch;
pub mod question;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

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

/// Reads the base URL of a provider that somebody makes over the API. One that leads to where
/// clouds have their metadata stands in the configuration file or nowhere.
///
/// # Errors
/// Says why it is none.
pub fn base_url(text: &str) -> Result<BaseUrl, String> {
    let url = BaseUrl::parse(text)?;
    let address = url.host.parse().ok();
    let never = address.is_some_and(|address| !address::is_allowed(address, Reach::Private));
    if never || METADATA_NAMES.contains(&url.host.trim_end_matches('.')) {
        return Err(format!(
            "{:?} is a link-local address, or one of a cloud's metadata",
            url.host
        ));
    }
    Ok(url)
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
    let whole = async {
        let mut answer = begin(url, call, None, reach).await?;
        let mut body = BytesMut::new();
        while let Some(piece) = answer.next().await? {
            if body.len().saturating_add(piece.len()) > MOST_BYTES {
                return Err(OutboundError::Unreachable("the answer is too long".into()));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status: answer.status, body: body.freeze() })
    };
    tokio::time::timeout(PATIENCE, whole).await.unwrap_or(Err(OutboundError::TimedOut))
}

/// Asks whom the configuration names, wherever that is, and follows no redirect.
pub async fn exchange(
    request: Request<Vec<u8>>,
) -> Result<hyper::Response<Vec<u8>>, OutboundError> {
    let (head, body) = request.into_parts();
    let origin = format!(
        "{}://{}",
        head.uri.scheme_str().unwrap_or_default(),
        head.uri.authority().map_or("", |authority| authority.as_str())
    );
    let url = BaseUrl::parse(&origin).map_err(unreachable)?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let call = Call { method: head.method, path, headers: head.headers, body: body.into() };
    let whole = async {
        let mut answer = begin(&url, call, None, Reach::Private).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.next().await? {
            if body.len().saturating_add(piece.len()) > MOST_BYTES {
                return Err(OutboundError::Unreachable("the answer is too long".into()));
            }
            body.extend_from_slice(&piece);
        }
        let mut response = hyper::Response::new(body);
        *response.status_mut() = hyper::StatusCode::from_u16(answer.status).map_err(unreachable)?;
        *response.headers_mut() = std::mem::take(&mut answer.headers);
        Ok(response)
    };
    tokio::time::timeout(PATIENCE, whole).await.unwrap_or(Err(OutboundError::TimedOut))
}

/// Sends a request and returns its answer when that begins. `body`: what comes instead of the
/// call's own, in pieces, for as long as it takes.
pub async fn open(
    url: &BaseUrl,
    call: Call,
    body: Option<mpsc::Receiver<Bytes>>,
    reach: Reach,
) -> Result<Answer, OutboundError> {
    let patience = if body.is_some() { LONG_PATIENCE } else { PATIENCE };
    tokio::time::timeout(patience, begin(url, call, body, reach))
        .await
        .unwrap_or(Err(OutboundError::TimedOut))
}

/// An answer that comes in pieces. Dropping it closes the connection.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    _connection: AbortOnDrop,
}

impl Answer {
    /// Returns the next piece. `None`: that was all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OutboundError> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            match frame.map_err(|_| OutboundError::TimedOut)? {
                None => return Ok(None),
                Some(Err(error)) => return Err(unreachable(error)),
                Some(Ok(frame)) => {
                    // Trailers say nothing to us.
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn begin(
    url: &BaseUrl,
    call: Call,
    body: Option<mpsc::Receiver<Bytes>>,
    reach: Reach,
) -> Result<Answer, OutboundError> {
    let stream = connect(url, reach).await?;
    if !url.tls {
        return speak(stream, url, call, body).await;
    }
    let name = ServerName::try_from(url.host.clone()).map_err(unreachable)?;
    let connector = TlsConnector::from(TLS.clone());
    let stream = connector.connect(name, stream).await.map_err(unreachable)?;
    speak(stream, url, call, body).await
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

async fn speak<S>(
    stream: S,
    url: &BaseUrl,
    call: Call,
    body: Option<mpsc::Receiver<Bytes>>,
) -> Result<Answer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let driver = AbortOnDrop(tokio::spawn(async move {
        // What breaks the connection fails the request as well.
        let _ = connection.await;
    }));
    let mut request = Request::builder().method(call.method).uri(call.path);
    if let Some(headers) = request.headers_mut() {
        *headers = call.headers;
        headers.insert(HOST, HeaderValue::from_str(&url.authority).map_err(unreachable)?);
    }
    let body = match body {
        None => Either::Left(Full::new(call.body)),
        Some(pieces) => {
            let frames = ReceiverStream::new(pieces).map(|it| Ok::<_, Infallible>(Frame::data(it)));
            Either::Right(StreamBody::new(frames))
        }
    };
    let request = request.body(body).map_err(unreachable)?;
    let answer = sender.send_request(request).await.map_err(unreachable)?;
    let (head, body) = answer.into_parts();
    let (status, headers) = (head.status.as_u16(), head.headers);
    Ok(Answer { status, headers, body, _connection: driver })
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

/// Google's; other clouds have addresses alone.
const METADATA_NAMES: [&str; 2] = ["metadata", "metadata.google.internal"];
const PATIENCE: Duration = Duration::from_secs(15);
/// So long a body may take that comes in pieces.
const LONG_PATIENCE: Duration = Duration::from_mins(10);
/// The longest list of models is far below.
const MOST_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_provider_is_made_where_clouds_have_their_metadata() {
        for url in [
            "http://169.254.169.254/v1",
            "http://2852039166/v1",
            "http://[fe80::1]/v1",
            "http://[::ffff:a9fe:a9fe]/v1",
            "http://100.100.100.200",
            "http://metadata.google.internal./v1",
            "http://0.0.0.0:8000",
        ] {
            assert!(base_url(url).unwrap_err().contains("metadata"), "{url}");
        }
        for url in ["http://127.0.0.1:11434", "http://10.0.0.1/v1", "https://api.openai.com/v1"] {
            assert!(base_url(url).is_ok(), "{url}");
        }
    }
}
