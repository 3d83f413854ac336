//! ADS: the transport of [`crate::xds::stream`].

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::AggregatedDiscoveryService;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Drain, draining};
use crate::publish::{Publisher, Seat, Settled};
use crate::xds::stream::Conversation;

/// Serves [`AggregatedDiscoveryService`].
pub(super) struct DiscoveryServer {
    pub(super) publisher: Publisher,
    pub(super) drain: Drain,
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for DiscoveryServer {
    type StreamAggregatedResourcesStream = ReceiverStream<Result<DiscoveryResponse, Status>>;
    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let (responses, stream) = mpsc::channel(RESPONSES_AHEAD);
        let envoy = Envoy {
            seat: self.publisher.envoys().join(),
            publisher: self.publisher.clone(),
            conversation: Conversation::default(),
            responses,
        };
        tokio::spawn(envoy.run(request.into_inner(), self.drain.clone()));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn delta_aggregated_resources(
        &self,
        _: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("configure ads_config.api_type: GRPC"))
    }
}

/// One connected Envoy.
struct Envoy {
    seat: Seat,
    publisher: Publisher,
    conversation: Conversation,
    responses: mpsc::Sender<Result<DiscoveryResponse, Status>>,
}

impl Envoy {
    async fn run(mut self, mut requests: Streaming<DiscoveryRequest>, mut drain: Drain) {
        let mut states = self.publisher.watch();
        loop {
            let responses = tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(request)) => {
                        let state = states.borrow_and_update().clone();
                        // A request may come before the change that it overtook was seen; what
                        // else changed follows its answer, in the order of delivery.
                        let answer = self.conversation.request(request, &state.resources);
                        answer.into_iter().chain(self.conversation.change(&state.resources)).collect()
                    }
                    Ok(None) => break,
                    Err(status) => {
                        tracing::debug!(node = self.conversation.node(), %status, "ADS ends");
                        break;
                    }
                },
                changed = states.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let state = states.borrow_and_update().clone();
                    self.conversation.change(&state.resources)
                }
                () = drain.wait() => {
                    // An error says that Envoy is gone.
                    let _ = self.responses.send(Err(draining())).await;
                    break;
                }
            };
            self.seat.settle(Settled {
                clusters: self.conversation.clusters_settled().map(str::to_owned),
                routes: self.conversation.routes_settled().map(str::to_owned),
            });
            for response in responses {
                if self.responses.send(Ok(response)).await.is_err() {
                    return;
                }
            }
        }
    }
}

const RESPONSES_AHEAD: usize = 8;
