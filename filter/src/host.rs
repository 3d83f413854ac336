//! What Envoy does for us. The only module that names host calls.
//!
//! The SDK panics on statuses that it does not expect, and a panic ends all requests of a worker;
//! so nothing here is called outside the phase in which Envoy allows it, and header values are
//! bytes, never text.

use std::time::{Duration, SystemTime};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, MetricType};
use tollgate_core::exchange::{CLUSTER_PROPERTY, Effect, Flow, Reply};
use tollgate_core::json::edit::Edits;

use crate::calls::ControlPlane;
use crate::vm;

mod pairs;
mod shared_keys;

pub(crate) use pairs::Pairs;
pub(crate) use shared_keys::forget as forget_key;

/// Where an exchange's id stands, in the state that Envoy keeps for a request and its attempts.
/// Not a header: that would have to be taken off again, and the next attempt would miss it.
const EXCHANGE: &str = "tollgate_exchange";

/// What became of an effect.
pub(crate) enum Done {
    /// It is done.
    Yes,
    /// The question could not even be sent.
    NotAsked,
    /// What another worker shares about a key, if any does.
    Recalled(Option<Vec<u8>>),
    /// Where the client calls from, if Envoy says.
    Address(Option<Vec<u8>>),
}

/// Does one effect, to the message at hand.
pub(crate) fn apply(effect: Effect, control_plane: Option<&ControlPlane>) -> Done {
    match effect {
        Effect::SetRequestHeader(name, value) => {
            set_header(MapType::HttpRequestHeaders, name, Some(&value));
        }
        Effect::SetCredential(name, value) => {
            set_header(MapType::HttpRequestHeaders, &name, Some(value.as_bytes()));
        }
        Effect::RemoveRequestHeader(name) => {
            set_header(MapType::HttpRequestHeaders, &name, None);
        }
        Effect::SetResponseHeader(name, value) => {
            set_header(MapType::HttpResponseHeaders, name, Some(&value));
        }
        Effect::RemoveResponseHeader(name) => {
            set_header(MapType::HttpResponseHeaders, &name, None);
        }
        Effect::ClearRouteCache => {
            let _ = hostcalls::call_foreign_function("clear_route_cache", None);
        }
        Effect::LeadAttempts(id) => {
            let _ = hostcalls::set_property(vec![EXCHANGE], Some(&id.to_le_bytes()));
        }
        Effect::RouteTo(cluster) => {
            let _ = hostcalls::set_property(vec![CLUSTER_PROPERTY], Some(cluster.as_bytes()));
        }
        Effect::EditRequestBody(edits) => edit_request_body(&edits),
        Effect::ReplaceRequestBody(body) => set_body(BufferType::HttpRequestBody, &body),
        Effect::ReplaceResponseBody(body) => set_body(BufferType::HttpResponseBody, &body),
        Effect::ResumeRequest => {
            let _ = hostcalls::resume_http_request();
        }
        Effect::ResumeResponse => {
            let _ = hostcalls::resume_http_response();
        }
        Effect::ShareKey(hash, answer) => shared_keys::keep(&hash, &answer),
        Effect::RecallKey(hash) => return Done::Recalled(shared_keys::recall(&hash)),
        Effect::ReadAddress => return Done::Address(client_address()),
        Effect::EndResponse => {
            let _ = hostcalls::reset_http_response();
        }
        Effect::Reply(reply) => send(&reply),
        question @ (Effect::ResolveCustomer(_)
        | Effect::Claim(_)
        | Effect::Ask(..)
        | Effect::Recall(_)
        | Effect::ResolveKey(_)) => return ask(&question, control_plane),
    }
    Done::Yes
}

/// Asks the control plane. The answer comes to the context that asks.
fn ask(question: &Effect, control_plane: Option<&ControlPlane>) -> Done {
    let Some(control_plane) = control_plane else { return Done::NotAsked };
    let token = if let Effect::ResolveKey(hash) = question {
        control_plane.resolve(hash)
    } else if let Effect::ResolveCustomer(id) = question {
        control_plane.resolve_customer(id)
    } else if let Effect::Claim(claim) = question {
        control_plane.claim(claim)
    } else if let Effect::Recall(what) = question {
        control_plane.recall(what)
    } else if let Effect::Ask(question, message) = question {
        control_plane.ask(*question, message)
    } else {
        None
    };
    if token.is_some() { Done::Yes } else { Done::NotAsked }
}

/// Says to Envoy what core says.
pub(crate) fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Pause => Action::Pause,
    }
}

/// Returns all headers of the request.
pub(crate) fn request_headers() -> Pairs {
    Pairs::of(MapType::HttpRequestHeaders)
}

/// Returns all headers of the answer.
pub(crate) fn response_headers() -> Pairs {
    Pairs::of(MapType::HttpResponseHeaders)
}

/// Returns the id of the exchange that an attempt belongs to.
pub(crate) fn exchange() -> Option<u64> {
    let id = hostcalls::get_property(vec![EXCHANGE]).ok().flatten()?;
    Some(u64::from_le_bytes(id.try_into().ok()?))
}

/// Returns the cluster that an attempt is made at.
pub(crate) fn cluster() -> Option<Vec<u8>> {
    hostcalls::get_property(vec!["xds", "cluster_name"]).ok().flatten()
}

/// Returns where the client calls from: the peer's address, or what the proxies say that Envoy is
/// configured to trust.
pub(crate) fn client_address() -> Option<Vec<u8>> {
    hostcalls::get_property(vec!["source", "address"]).ok().flatten()
}

/// Returns the request body that Envoy holds.
pub(crate) fn request_body(size: usize) -> Vec<u8> {
    buffer(BufferType::HttpRequestBody, size)
}

/// Returns what Envoy holds of the request body between two places.
pub(crate) fn request_body_between(start: usize, end: usize) -> Vec<u8> {
    let length = end.saturating_sub(start);
    if length == 0 {
        return Vec::new();
    }
    let bytes = hostcalls::get_buffer(BufferType::HttpRequestBody, start, length);
    bytes.ok().flatten().unwrap_or_default()
}

/// Returns the piece of the answer at hand.
pub(crate) fn response_body(size: usize) -> Vec<u8> {
    buffer(BufferType::HttpResponseBody, size)
}

/// Returns the gRPC message at hand.
pub(crate) fn grpc_message(size: usize) -> Vec<u8> {
    buffer(BufferType::GrpcReceiveBuffer, size)
}

/// Returns the plugin configuration.
pub(crate) fn plugin_configuration(size: usize) -> Vec<u8> {
    buffer(BufferType::PluginConfiguration, size)
}

/// Tells whether the answer at hand comes from upstream, rather than from Envoy itself.
pub(crate) fn is_from_upstream() -> bool {
    let details = hostcalls::get_property(vec!["response", "code_details"]).ok().flatten();
    details.as_deref() == Some(b"via_upstream")
}

/// Returns microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    let now = hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Makes `on_tick` come every `period`.
pub(crate) fn set_tick(period: Duration) {
    let _ = hostcalls::set_tick_period(period);
}

/// Does effects to a request of another context, then returns to the context `own`.
pub(crate) fn send_from(context: u32, own: u32, effects: impl Iterator<Item = Effect>) {
    as_context(context, own, || {
        for effect in effects {
            apply(effect, None);
        }
    });
}

/// Calls the host as another context, then returns to the context `own`.
pub(crate) fn as_context<T>(context: u32, own: u32, action: impl FnOnce() -> T) -> Option<T> {
    if context == own {
        return Some(action());
    }
    hostcalls::set_effective_context(context).ok()?;
    let result = action();
    let _ = hostcalls::set_effective_context(own);
    Some(result)
}

/// Opens a gRPC stream. `None`: there is no such cluster, or no host in it.
pub(crate) fn open_grpc_stream(target: &str, service: &str, method: &str) -> Option<u32> {
    hostcalls::open_grpc_stream(target, service, method, Vec::new()).ok()
}

/// Sends the one message of a stream that only the other side speaks on.
pub(crate) fn send_grpc_stream_message(token: u32, message: &[u8]) {
    let _ = hostcalls::send_grpc_stream_message(token, Some(message), true);
}

/// Sends a unary call. `None`: it was not sent.
pub(crate) fn dispatch_grpc_call(
    target: &str,
    service: &str,
    method: &str,
    message: &[u8],
    within: Duration,
) -> Option<u32> {
    hostcalls::dispatch_grpc_call(target, service, method, Vec::new(), Some(message), within).ok()
}

/// Registers a gauge.
pub(crate) fn define_gauge(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Gauge, name).ok()
}

/// Registers a counter.
pub(crate) fn define_counter(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Counter, name).ok()
}

/// Adds to a metric; Envoy refuses to add nothing.
pub(crate) fn add_to_metric(id: u32, delta: i64) {
    if delta != 0 {
        let _ = hostcalls::increment_metric(id, delta);
    }
}

/// Returns the size of this VM's memory.
#[cfg(target_arch = "wasm32")]
pub(crate) fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0) * 65_536
}

/// Native tests have no VM.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn memory_bytes() -> usize {
    0
}

/// Logs for the operator.
pub(crate) fn log_info(message: &str) {
    let _ = hostcalls::log(LogLevel::Info, message);
}

/// Logs what needs the operator's attention.
pub(crate) fn log_warning(message: &str) {
    let _ = hostcalls::log(LogLevel::Warn, message);
}

/// Logs what stops us from serving.
pub(crate) fn log_critical(message: &str) {
    let _ = hostcalls::log(LogLevel::Critical, message);
}

/// Makes a panic, which should never happen, at least visible: where it was, not what was in it.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log_critical(&format!("tollgate: panic at {place}"));
    }));
}

fn buffer(kind: BufferType, size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    hostcalls::get_buffer(kind, 0, size).ok().flatten().unwrap_or_default()
}

fn set_body(kind: BufferType, body: &[u8]) {
    let _ = hostcalls::set_buffer(kind, 0, usize::MAX, body);
}

/// Changes the beginning of the body alone: what follows the last edit is not copied.
fn edit_request_body(edits: &Edits<'static>) {
    let end = edits.end();
    let beginning = buffer(BufferType::HttpRequestBody, end);
    let _ = hostcalls::set_buffer(BufferType::HttpRequestBody, 0, end, &edits.apply(&beginning));
}

fn set_header(map: MapType, name: &str, value: Option<&[u8]>) {
    let _ = hostcalls::set_map_value_bytes(map, name, value);
}

fn send(reply: &Reply) {
    if let Some(code) = reply.code {
        vm::with(|vm| vm.gateway.tally.refused(code));
    }
    let headers: Vec<(&str, &str)> =
        reply.headers.iter().map(|(name, value)| (*name, &**value)).collect();
    let _ = hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body));
}
