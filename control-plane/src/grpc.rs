//! The control listener: `Policy`, `Usage` and ADS on one socket.
//!
//! It hands out provider credentials, so it listens on a socket file that only its owner may
//! open, or on loopback. [`Control::bind`] first, then [`Control::serve`].

mod discovery;
mod error;
mod media;
mod policy;
mod replay;
mod resources;
mod usage;
mod work;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::AggregatedDiscoveryServiceServer;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;
use tollgate_proto::v1::media_server::MediaServer as MediaService;
use tollgate_proto::v1::policy_server::PolicyServer as PolicyService;
use tollgate_proto::v1::replay_server::ReplayServer as ReplayService;
use tollgate_proto::v1::resources_server::ResourcesServer as ResourcesService;
use tollgate_proto::v1::usage_server::UsageServer as UsageService;
use tonic::Status;
use tonic::transport::server::{Router, Server, TcpIncoming};

use crate::config::ControlListen;
use crate::deferred::Desk;
use crate::publish::Publisher;
use crate::service::Service;

/// The control listener, bound.
pub struct Control {
    socket: Bound,
    address: String,
}

enum Bound {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

impl Control {
    /// Binds. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// When somebody else listens there, or the address cannot be used.
    pub async fn bind(listen: &ControlListen) -> io::Result<Self> {
        match listen {
            ControlListen::Unix(path) => {
                let listener = bind_unix(path)?;
                let address = format!("unix:{}", path.display());
                Ok(Self { socket: Bound::Unix(listener, SocketFile::of(path)?), address })
            }
            ControlListen::Tcp(address) => Self::bind_tcp(*address).await,
        }
    }

    async fn bind_tcp(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?.to_string();
        Ok(Self { socket: Bound::Tcp(listener), address })
    }

    /// Returns where it listens: `unix:/path`, or `host:port` with the real port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Serves until `shutdown`; then ends all streams, lets calls in flight finish and returns.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub async fn serve(
        self,
        service: Service,
        publisher: Publisher,
        desk: Desk,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        let (drained, drain) = watch::channel(false);
        let router = router(service, publisher, desk, &Drain(drain));
        let shutdown = async move {
            shutdown.await;
            drained.send_replace(true);
        };
        match self.socket {
            Bound::Unix(listener, _file) => {
                let incoming = UnixListenerStream::new(listener);
                router.serve_with_incoming_shutdown(incoming, shutdown).await
            }
            Bound::Tcp(listener) => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                router.serve_with_incoming_shutdown(incoming, shutdown).await
            }
        }
    }
}

fn router(service: Service, publisher: Publisher, desk: Desk, drain: &Drain) -> Router {
    let policy = policy::PolicyServer {
        service: service.clone(),
        publisher: publisher.clone(),
        drain: drain.clone(),
    };
    let replay = replay::ReplayServer {
        service: service.clone(),
        publisher: publisher.clone(),
        drain: drain.clone(),
    };
    let resources = resources::ResourcesServer { service: service.clone(), desk };
    let media = media::MediaServer::new(publisher.clone());
    let usage = usage::UsageServer { service };
    let discovery = discovery::DiscoveryServer { publisher, drain: drain.clone() };
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        // Each worker of an Envoy shares one connection for all its calls.
        .max_concurrent_streams(MAX_CALLS)
        .add_service(PolicyService::new(policy))
        .add_service(
            ReplayService::new(replay)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(
            ResourcesService::new(resources)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(MediaService::new(media).max_encoding_message_size(2 * MAX_MESSAGE_BYTES))
        .add_service(
            UsageService::new(usage)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(
            AggregatedDiscoveryServiceServer::new(discovery)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
}

/// Says when streams have to end.
#[derive(Clone)]
struct Drain(watch::Receiver<bool>);

impl Drain {
    async fn wait(&mut self) {
        // An error says that the server is gone altogether.
        let _ = self.0.wait_for(|drained| *drained).await;
    }
}

fn draining() -> Status {
    Status::unavailable("shutting down")
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before `listen`, so that nobody else can ever connect.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket.into())
}

/// Removes a socket file whose owner died. Anything else stays, and `bind` complains.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Ok(()),
    }
}

/// Removes the socket file in the end, unless a successor has replaced it.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Left behind it would be found stale and replaced.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Tells files of one name apart.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

const MAX_CALLS: u32 = 4096;
/// A filter reports in batches; after an outage they are large.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
const BACKLOG: i32 = 1024;
