//! Envoy, as far as the filter can tell: its state, and the callbacks that a test drives. What the
//! filter calls back is in [`abi`].
//!
//! Each test runs in its own thread, and all state on both sides is thread-local, so each has its
//! own VM. The one place besides `filter/src/host/pairs.rs` where `unsafe` is needed.
#![expect(unsafe_code, reason = "the ABI is made of C functions and raw memory")]
#![expect(clippy::unused_self, reason = "a `Filter` shows that it has been started")]

use std::cell::RefCell;
use std::collections::BTreeMap;

mod abi;

/// What a callback tells Envoy to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    Pause,
}

/// Which header list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
}

/// What the filter asked the host to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Reply { status: u32, context: u32, body: Vec<u8> },
    Resume,
    OpenStream { token: u32, target: Vec<u8>, method: String },
    Grpc { token: u32, method: String, message: Vec<u8> },
}

/// One way from Envoy into the VM or from the VM to Envoy. What a request costs is mostly these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// Envoy calls back.
    Callback(&'static str),
    /// The filter calls a host function.
    Host(&'static str),
    /// Envoy asks for memory to put an answer in.
    Malloc,
}

type HeaderList = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
struct Host {
    maps: [HeaderList; 8],
    buffer: Vec<u8>,
    calls: Vec<Call>,
    log: String,
    now_ns: u64,
    contexts: u32,
    tokens: u32,
    effective: u32,
    away: bool,
    shared: BTreeMap<Vec<u8>, Vec<u8>>,
    crossings: Vec<(u32, Crossing)>,
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

fn host<T>(action: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with(|host| action(&mut host.borrow_mut()))
}

fn note(crossing: Crossing) {
    host(|host| host.crossings.push((host.effective, crossing)));
}

/// The filter, loaded.
pub(crate) struct Filter(());

impl Filter {
    pub(crate) fn start() -> Self {
        tollgate_filter::start();
        host(|host| host.now_ns = 1_000_000_000);
        Self(())
    }

    /// Makes a plugin; `None` when it refuses its configuration.
    pub(crate) fn configure(&self, settings: &str) -> Option<u32> {
        let root = self.open(0);
        host(|host| host.buffer = settings.as_bytes().to_vec());
        // SAFETY: the entry points take plain numbers.
        unsafe { proxy_on_configure(root, settings.len()) }.then_some(root)
    }

    pub(crate) fn open(&self, root: u32) -> u32 {
        let context = host(|host| {
            host.contexts += 1;
            host.contexts
        });
        // SAFETY: as above.
        self.call(context, "context_create", || unsafe { proxy_on_context_create(context, root) });
        context
    }

    pub(crate) fn tick(&self, root: u32) {
        // SAFETY: as above.
        self.call(root, "tick", || unsafe { proxy_on_tick(root) });
    }

    pub(crate) fn request_headers(&self, context: u32, end: bool) -> Action {
        // SAFETY: as above.
        self.run(context, "request_headers", || unsafe {
            proxy_on_request_headers(context, 1, end)
        })
    }

    pub(crate) fn request_body(&self, context: u32, body: &[u8], end: bool) -> Action {
        host(|host| host.buffer = body.to_vec());
        // SAFETY: as above.
        self.run(context, "request_body", || unsafe {
            proxy_on_request_body(context, body.len(), end)
        })
    }

    pub(crate) fn response_headers(&self, context: u32, end: bool) -> Action {
        // SAFETY: as above.
        self.run(context, "response_headers", || unsafe {
            proxy_on_response_headers(context, 1, end)
        })
    }

    pub(crate) fn response_body(&self, context: u32, body: &[u8], end: bool) {
        host(|host| host.buffer = body.to_vec());
        // SAFETY: as above.
        let action = self.run(context, "response_body", || unsafe {
            proxy_on_response_body(context, body.len(), end)
        });
        assert_eq!(action, Action::Continue);
    }

    pub(crate) fn grpc_message(&self, token: u32, message: &[u8]) {
        host(|host| host.buffer = message.to_vec());
        // SAFETY: as above.
        unsafe { proxy_on_grpc_receive(0, token, message.len()) };
    }

    pub(crate) fn grpc_ends(&self, token: u32, status: u32) {
        host(|host| host.buffer.clear());
        if status == 0 {
            return self.grpc_message(token, b"");
        }
        // SAFETY: as above.
        unsafe { proxy_on_grpc_close(0, token, status) };
    }

    /// Ends a stream. Envoy has no other callback for it: the filter as it is published exports
    /// neither `proxy_on_done` nor `proxy_on_log`.
    pub(crate) fn close(&self, context: u32) {
        // SAFETY: as above.
        self.call(context, "delete", || unsafe { proxy_on_delete(context) });
    }

    pub(crate) fn set(&self, map: Map, headers: &[(&str, &[u8])]) {
        let list = headers.iter().map(|(name, value)| (name.as_bytes().into(), (*value).into()));
        host(|host| host.maps[map as usize] = list.collect());
    }

    pub(crate) fn route_removes(&self, names: &[&str]) {
        let goes = |name: &[u8]| names.iter().any(|gone| gone.as_bytes() == name);
        host(|host| host.maps[Map::Request as usize].retain(|(name, _)| !goes(name)));
    }

    pub(crate) fn header(&self, map: Map, name: &str) -> Option<Vec<u8>> {
        host(|host| {
            let found = host.maps[map as usize].iter().find(|(key, _)| key == name.as_bytes());
            found.map(|(_, value)| value.clone())
        })
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        host(|host| host.buffer.clone())
    }

    pub(crate) fn take_calls(&self) -> Vec<Call> {
        host(|host| std::mem::take(&mut host.calls))
    }

    pub(crate) fn log(&self) -> String {
        host(|host| host.log.clone())
    }

    pub(crate) fn advance_seconds(&self, seconds: u64) {
        host(|host| host.now_ns += seconds * 1_000_000_000);
    }

    pub(crate) fn is_answered_by_upstream(&self) {
        self.set_property(b"response\0code_details", b"via_upstream");
    }

    pub(crate) fn set_property(&self, path: &[u8], value: &[u8]) {
        host(|host| host.properties.insert(path.to_vec(), value.to_vec()));
    }

    pub(crate) fn control_plane_is_away(&self) {
        host(|host| host.away = true);
    }

    /// Returns what has crossed since the last time, by the context that it was for.
    pub(crate) fn take_crossings(&self) -> Vec<(u32, Crossing)> {
        host(|host| std::mem::take(&mut host.crossings))
    }

    fn run(&self, context: u32, name: &'static str, callback: impl FnOnce() -> u32) -> Action {
        if self.call(context, name, callback) == 0 { Action::Continue } else { Action::Pause }
    }

    fn call<T>(&self, context: u32, name: &'static str, callback: impl FnOnce() -> T) -> T {
        host(|host| host.effective = context);
        note(Crossing::Callback(name));
        callback()
    }
}

// What Envoy calls: defined by the SDK.
unsafe extern "C" {
    fn proxy_on_context_create(context: u32, root: u32);
    fn proxy_on_configure(context: u32, size: usize) -> bool;
    fn proxy_on_tick(context: u32);
    fn proxy_on_request_headers(context: u32, count: usize, end: bool) -> u32;
    fn proxy_on_request_body(context: u32, size: usize, end: bool) -> u32;
    fn proxy_on_response_headers(context: u32, count: usize, end: bool) -> u32;
    fn proxy_on_response_body(context: u32, size: usize, end: bool) -> u32;
    fn proxy_on_grpc_receive(context: u32, token: u32, size: usize);
    fn proxy_on_grpc_close(context: u32, token: u32, status: u32);
    fn proxy_on_delete(context: u32);
}
