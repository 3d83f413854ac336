//! The control plane's services as Envoy reaches them.

use std::time::Duration;

use prost::Message;
use tollgate_core::exchange::effect::Question;
use tollgate_core::key::KeyHash;
use tollgate_proto::v1::{ResolveCustomerRequest, ResolveKeyRequest, WatchRequest};

use crate::host;

const MEDIA: &str = "tollgate.v1.Media";
const POLICY: &str = "tollgate.v1.Policy";
const REPLAY: &str = "tollgate.v1.Replay";
const RESOURCES: &str = "tollgate.v1.Resources";
const USAGE: &str = "tollgate.v1.Usage";
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);
const REPORT_WITHIN: Duration = Duration::from_secs(30);
/// As long as clients wait for an answer: so long another client's may take.
const CLAIM_WITHIN: Duration = Duration::from_mins(10);

/// The control plane's cluster as an encoded `envoy.config.core.v3.GrpcService`.
///
/// A bare cluster name whose bytes happen to parse as protobuf makes Envoy abort.
#[derive(Debug, Clone)]
pub(crate) struct ControlPlane(String);

impl ControlPlane {
    /// Encodes `GrpcService { envoy_grpc { cluster_name } }`. Settings bound the name's length, so
    /// that both lengths are single ASCII bytes.
    pub(crate) fn new(cluster: &str) -> Self {
        let length = |bytes: usize| char::from(u8::try_from(bytes).unwrap_or(0) & 0x7F);
        let inner = length(cluster.len());
        let outer = length(cluster.len() + 2);
        Self(format!("\n{outer}\n{inner}{cluster}"))
    }

    /// Opens the stream of policy updates and returns its token.
    pub(crate) fn watch(&self, known_revision: u64) -> Option<u32> {
        let token = host::open_grpc_stream(&self.0, POLICY, "Watch")?;
        let request = WatchRequest {
            node: String::new(),
            filter_version: env!("CARGO_PKG_VERSION").to_owned(),
            known_revision,
        };
        host::send_grpc_stream_message(token, &request.encode_to_vec());
        Some(token)
    }

    /// Asks what a key may do. The answer comes to the context that asks.
    pub(crate) fn resolve(&self, hash: &KeyHash) -> Option<u32> {
        let request = ResolveKeyRequest { key_hash: hash.as_bytes().to_vec() };
        let message = request.encode_to_vec();
        host::dispatch_grpc_call(&self.0, POLICY, "ResolveKey", &message, RESOLVE_WITHIN)
    }

    /// Asks what a customer may do. The answer comes to the context that asks.
    pub(crate) fn resolve_customer(&self, customer: &str) -> Option<u32> {
        let request = ResolveCustomerRequest { customer: customer.to_owned() };
        let message = request.encode_to_vec();
        host::dispatch_grpc_call(&self.0, POLICY, "ResolveCustomer", &message, RESOLVE_WITHIN)
    }

    /// Asks whether a request is to be made. The answer comes to the context that asks.
    pub(crate) fn claim(&self, claim: &[u8]) -> Option<u32> {
        host::dispatch_grpc_call(&self.0, REPLAY, "Claim", claim, CLAIM_WITHIN)
    }

    /// Says that requests are still being made. Nobody waits for the answer.
    pub(crate) fn renew_claims(&self, renewal: &[u8]) {
        let _ = host::dispatch_grpc_call(&self.0, REPLAY, "Renew", renewal, RESOLVE_WITHIN);
    }

    /// Asks for an answer that was kept. It comes to the context that asks.
    pub(crate) fn recall(&self, what: &[u8]) -> Option<u32> {
        host::dispatch_grpc_call(&self.0, REPLAY, "Recall", what, RESOLVE_WITHIN)
    }

    /// Has an answer kept. Nobody waits for the control plane's.
    pub(crate) fn keep(&self, keeping: &[u8]) {
        let _ = host::dispatch_grpc_call(&self.0, REPLAY, "Keep", keeping, REPORT_WITHIN);
    }

    /// Brings an answer to those who wait for it. Nobody waits for the control plane's.
    pub(crate) fn deliver(&self, delivery: &[u8]) {
        let _ = host::dispatch_grpc_call(&self.0, REPLAY, "Deliver", delivery, REPORT_WITHIN);
    }

    /// Asks about objects, or for what stands at addresses. The answer comes to the context that
    /// asks.
    pub(crate) fn ask(&self, question: Question, message: &[u8]) -> Option<u32> {
        let within = Duration::from_secs(question.patience_seconds());
        let service = if question == Question::Fetch { MEDIA } else { RESOURCES };
        host::dispatch_grpc_call(&self.0, service, question.method(), message, within)
    }

    /// Tells what was learned of accounts. Nobody waits for the answer.
    pub(crate) fn report_health(&self, news: &[u8]) {
        let within = RESOLVE_WITHIN;
        let _ = host::dispatch_grpc_call(&self.0, POLICY, "ReportHealth", news, within);
    }

    /// Sends an encoded batch of usage records.
    pub(crate) fn report(&self, batch: &[u8]) -> Option<u32> {
        host::dispatch_grpc_call(&self.0, USAGE, "Report", batch, REPORT_WITHIN)
    }
}
