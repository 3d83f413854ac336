//! A control plane without its HTTP face.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tollgate_control_plane::clock::SystemClock;
use tollgate_control_plane::config::{Config, Source};
use tollgate_control_plane::deferred::Desk;
use tollgate_control_plane::domain::{ApiKey, KeyChange, LimitsChange, Secret};
use tollgate_control_plane::entropy::SystemEntropy;
use tollgate_control_plane::grpc::Control;
use tollgate_control_plane::prices::PriceList;
use tollgate_control_plane::publish::Publisher;
use tollgate_control_plane::service::{Actor, KeyFields, Parts, Service};
use tollgate_control_plane::store;
use tollgate_control_plane::store::SharedLimits;
use tollgate_control_plane::store::news::Newsroom;
use tollgate_control_plane::vault::Vault;
use tollgate_proto::v1::policy_client::PolicyClient;
use tollgate_proto::v1::update::Event;
use tollgate_proto::v1::usage_client::UsageClient;
use tollgate_proto::v1::{Snapshot, Update, WatchRequest};
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

/// A served control listener.
pub(crate) struct Served {
    pub(crate) service: Service,
    pub(crate) publisher: Publisher,
    pub(crate) newsroom: Newsroom,
    pub(crate) socket: PathBuf,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Served {
    /// Starts with one provider and one model.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), ONE_MODEL);
        let database = Secret::new(format!("sqlite:{}", folder.path().join("db").display()));
        let store = store::open(&database).await.unwrap();
        let (revision, newsroom) = (store.next_revision().await.unwrap(), store.newsroom().clone());
        let publisher =
            Publisher::new(&config, &SharedLimits::default(), revision, newsroom.clone());
        let service = Service::new(Parts {
            store,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            master_key: None,
            vault: Vault::with_key(&[1; 32]).unwrap(),
        });
        let control = Control::bind(&config.server.control_listen).await.unwrap();
        let socket = PathBuf::from(control.address().strip_prefix("unix:").unwrap());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            stopped.await.unwrap();
        };
        let configs = watch::channel(Arc::new(config)).1;
        let desk = Desk::new(service.clone(), publisher.clone(), configs);
        let serving = control.serve(service.clone(), publisher.clone(), desk, shutdown);
        let server = tokio::spawn(serving);
        Self { service, publisher, newsroom, socket, folder, stop, server }
    }

    /// Reads another configuration.
    pub(crate) fn config(&self, text: &str) -> Config {
        config(self.folder.path(), text)
    }

    /// Returns clients on one connection.
    pub(crate) async fn connect(&self) -> (PolicyClient<Channel>, UsageClient<Channel>) {
        let socket = self.socket.clone();
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://control");
        let channel = endpoint.connect_with_connector(connector).await.unwrap();
        (PolicyClient::new(channel.clone()), UsageClient::new(channel))
    }

    /// Opens a watch and reads its beginning.
    pub(crate) async fn watch(&self) -> (Streaming<Update>, Snapshot) {
        let (mut policy, _) = self.connect().await;
        let mut stream = policy.watch(WatchRequest::default()).await.unwrap().into_inner();
        let Event::Welcome(_) = next(&mut stream).await else { panic!("no welcome") };
        let Event::Snapshot(snapshot) = next(&mut stream).await else { panic!("no snapshot") };
        (stream, snapshot)
    }

    /// Makes a key.
    pub(crate) async fn key(&self) -> ApiKey {
        self.key_with(LimitsChange::default()).await
    }

    /// Makes a key with limits.
    pub(crate) async fn key_with(&self, limits: LimitsChange) -> ApiKey {
        let change = KeyChange { limits, ..KeyChange::default() };
        let fields = KeyFields { change, ..KeyFields::default() };
        self.service.generate_key(None, fields, &actor()).await.unwrap().key
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
    }
}

/// Reads the next update.
pub(crate) async fn next(stream: &mut Streaming<Update>) -> Event {
    let update = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap();
    update.unwrap().event.unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor { name: "test".to_owned(), request_id: None }
}

fn config(folder: &Path, text: &str) -> Config {
    let source = Source {
        file: folder.join("tollgate.yaml"),
        data_dir: folder.to_owned(),
        env: BTreeMap::from([("KEY".to_owned(), "sk-provider".to_owned())]),
    };
    source.read(&format!("filter: {{ file: f.wasm }}\n{text}"), &PriceList::default()).unwrap()
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const ONE_MODEL: &str = "
providers:
- { id: openai, base_url: 'https://api.openai.com:8443/v1/', credential: env:KEY }
models:
- name: openai/gpt
  targets:
  - { provider: openai, model: gpt-4o, price: { input_token: '0.0000025', output_token: '0.00001' } }
";
