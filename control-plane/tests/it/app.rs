//! The application under test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tollgate_control_plane::clock::ManualClock;
use tollgate_control_plane::config::{Config, Source};
use tollgate_control_plane::domain::{LedgerRecord, Report, Secret, Timestamp};
use tollgate_control_plane::entropy::CountingEntropy;
use tollgate_control_plane::http::{self, App};
use tollgate_control_plane::prices::PriceList;
use tollgate_control_plane::publish::Publisher;
use tollgate_control_plane::reload::Reload;
use tollgate_control_plane::service::{Parts, Service};
use tollgate_control_plane::store::SharedLimits;
use tollgate_control_plane::store::news::{Feed, Heard, News};
use tollgate_control_plane::store::{self, Store};
use tollgate_control_plane::vault::Vault;
use tollgate_core::key::KeyHash;
use tower::ServiceExt;

/// The master key of every test.
pub(crate) const MASTER: &str = "sk-master";

/// The management API over an empty SQLite file, at 2026-11-21T08:08:24.551373Z.
pub(crate) struct TestApp {
    router: Router,
    pub(crate) service: Service,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) told: Told,
    pub(crate) draining: watch::Sender<bool>,
    folder: tempfile::TempDir,
}

/// What filters would have been told.
pub(crate) struct Told(Mutex<Feed>);

impl Told {
    /// Returns what was told since the last call.
    pub(crate) fn take(&self) -> Vec<(KeyHash, u64)> {
        let mut feed = self.0.lock().unwrap();
        let told = std::iter::from_fn(|| feed.next().now_or_never());
        told.filter_map(|heard| match heard {
            Heard::News(News::KeyChanged { hash, revision }) => Some((hash, revision)),
            Heard::News(
                News::MetersMoved { .. }
                | News::KeysChanged { .. }
                | News::CustomerChanged { .. }
                | News::ItemsChanged { .. }
                | News::HealthChanged { .. }
                | News::SharedChanged { .. },
            )
            | Heard::Missed => None,
        })
        .collect()
    }
}

/// Somebody's session, as their browser has it.
pub(crate) struct BrowserSession {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl BrowserSession {
    /// A request of a page of ours.
    pub(crate) fn request(&self, method: Method, path: &str, body: &str) -> Request<Body> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf);
        request.body(Body::from(body.to_owned())).unwrap()
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// Returns status, type and param of an error envelope, and checks the rest of it.
    #[track_caller]
    pub(crate) fn refusal(self) -> (u16, String, Value) {
        let error = &self.body["error"];
        assert_eq!(error["code"], json!(self.status.as_u16().to_string()), "{}", self.body);
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(error.as_object().unwrap().len(), 4);
        let kind = error["type"].as_str().unwrap().to_owned();
        (self.status.as_u16(), kind, error["param"].clone())
    }
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with_master(Some(MASTER)).await
    }

    pub(crate) async fn with_master(master: Option<&str>) -> Self {
        let (store, folder) = empty_store().await;
        Self::followed(store, folder, master).await
    }

    /// Begins with more in its configuration, where `env:WORD` is `open sesame`.
    pub(crate) async fn configured(more: &str) -> Self {
        let (store, folder) = empty_store().await;
        Self::following(store, folder, Some(MASTER), config_with(more)).await
    }

    /// Begins with another configuration file.
    pub(crate) async fn with_file(text: &str) -> Self {
        let (store, folder) = empty_store().await;
        Self::following(store, folder, Some(MASTER), read(text)).await
    }

    /// Begins with a store whose changes are followed, as the real thing does.
    pub(crate) async fn followed(
        store: Arc<dyn Store>,
        folder: tempfile::TempDir,
        master: Option<&str>,
    ) -> Self {
        Self::following(store, folder, master, config()).await
    }

    async fn following(
        store: Arc<dyn Store>,
        folder: tempfile::TempDir,
        master: Option<&str>,
        config: Config,
    ) -> Self {
        let app = Self::over(store.clone(), folder, master);
        let prices = PriceList::built_in().unwrap();
        let begun = Reload::begin(config, prices, app.service.clone(), store);
        let reload = begun.await.unwrap();
        let router = http::router(App::new(app.service.clone(), &reload, app.draining.subscribe()));
        let publisher = reload.publisher();
        tokio::spawn(reload.follow(None));
        // Beginning counts as a change.
        app.told.take();
        Self { router, publisher, ..app }
    }

    /// Begins with a store that nobody follows.
    pub(crate) fn over(
        store: Arc<dyn Store>,
        folder: tempfile::TempDir,
        master: Option<&str>,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_795_248_504_551_373)));
        let told = Told(Mutex::new(store.newsroom().feed()));
        let service = Service::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            entropy: Arc::new(CountingEntropy::default()),
            master_key: master.map(Secret::new),
            vault: Vault::with_key(&[1; 32]).unwrap(),
        });
        let (draining, drained) = watch::channel(false);
        let (_, config) = watch::channel(Arc::new(config()));
        let newsroom = store.newsroom().clone();
        let publisher = Publisher::new(&config.borrow(), &SharedLimits::default(), 1, newsroom);
        let app = App {
            service: service.clone(),
            publisher,
            file: config.clone(),
            prices: Arc::default(),
            config,
            draining: drained,
            gate: Arc::default(),
            oidc: Arc::default(),
        };
        let publisher = app.publisher.clone();
        Self { router: http::router(app), service, store, publisher, clock, told, draining, folder }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Reads a page, without a key.
    pub(crate) async fn text(&self, path: &str) -> String {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Sends a request with a key, or without any.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Gets something as the admin.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Some(MASTER), Body::empty()).await
    }

    /// Posts something as the admin.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(MASTER), body.to_string()).await
    }

    /// Begins a session of a user, or of the administrator.
    pub(crate) async fn session(&self, user: Option<&str>) -> BrowserSession {
        let login = self.service.random_text();
        let hour = std::time::Duration::from_hours(1);
        let token = self.service.begin_session(user.map(str::to_owned), login, hour).await.unwrap();
        let cookie = format!("tollgate_session={}", token.expose());
        let request = Request::get("/session").header("cookie", &cookie);
        let shown = self.send(request.body(Body::empty()).unwrap()).await.ok();
        BrowserSession { cookie, csrf: shown["csrf_token"].as_str().unwrap().to_owned() }
    }

    /// Makes a key and returns it.
    pub(crate) async fn key(&self, fields: Value) -> String {
        let made = self.post("/key/generate", fields).await.ok();
        made["key"].as_str().unwrap().to_owned()
    }

    /// Returns where the database is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Puts records into the ledger.
    pub(crate) async fn record(&self, records: &[LedgerRecord]) {
        let report = Report { records: records.to_vec(), ..Report::default() };
        self.service.report(report).await.unwrap();
    }
}

async fn empty_store() -> (Arc<dyn Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    (store::open(&Secret::new(url)).await.unwrap(), folder)
}

fn read(text: &str) -> Config {
    let variables = [("KEY", "sk-of-provider"), ("WORD", "open sesame")];
    let source = Source {
        file: PathBuf::from("/etc/tollgate/config.yaml"),
        data_dir: PathBuf::from("/var/lib/tollgate"),
        env: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    source.read(text, &PriceList::default()).unwrap()
}

fn config() -> Config {
    config_with("")
}

fn config_with(more: &str) -> Config {
    let text = "
filter: { file: tollgate_filter.wasm }
providers:
  - { id: openai, base_url: https://api.openai.com/v1 }
models:
  - name: gpt-4o-mini
    targets: [{ provider: openai, model: gpt-4o-mini-2024-07-18 }]
  - name: priced
    targets:
      - provider: openai
        model: gpt-4o
        price: { input_token: '1', output_token: '2' }
  - name: small/embed
    targets: [{ provider: openai, model: text-embedding-3-small }]
";
    read(&format!("{more}\n{text}"))
}
