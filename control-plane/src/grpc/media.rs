//! `tollgate.v1.Media`: images and documents that requests name by address.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tollgate_proto::v1;
use tollgate_proto::v1::media_server::Media;
use tonic::{Request, Response, Status};

use crate::outbound::fetch::{self, Fault};
use crate::publish::Publisher;

/// Serves [`Media`].
pub(super) struct MediaServer {
    pub(super) publisher: Publisher,
    /// So many requests have media fetched at once.
    room: Arc<Semaphore>,
}

impl MediaServer {
    /// Makes one that fetches what the published configuration lets it.
    pub(super) fn new(publisher: Publisher) -> Self {
        Self { publisher, room: Arc::new(Semaphore::new(MOST_AT_ONCE)) }
    }
}

#[tonic::async_trait]
impl Media for MediaServer {
    async fn fetch(
        &self,
        request: Request<v1::FetchRequest>,
    ) -> Result<Response<v1::FetchResponse>, Status> {
        let urls = request.into_inner().urls;
        let config = self.publisher.current().media_fetch;
        let Some(config) = config.filter(|_| urls.len() <= MOST_URLS) else {
            return Ok(Response::new(refusal(Fault::NotThere)));
        };
        let permit = tokio::time::timeout(config.timeout, self.room.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(Status::resource_exhausted("too many media are being fetched"));
        };
        let answer = match fetch::all(&urls, &config).await {
            Ok(media) => {
                let media = media.into_iter().map(|medium| v1::Medium {
                    mime: medium.mime.to_owned(),
                    content: medium.content.into(),
                });
                v1::FetchResponse { media: media.collect(), fault: 0 }
            }
            Err(fault) => refusal(fault),
        };
        Ok(Response::new(answer))
    }
}

fn refusal(fault: Fault) -> v1::FetchResponse {
    let fault = match fault {
        Fault::NotThere => v1::FetchFault::NotThere,
        Fault::TooLarge => v1::FetchFault::TooLarge,
        Fault::WrongType => v1::FetchFault::WrongType,
    };
    v1::FetchResponse { media: Vec::new(), fault: fault.into() }
}

/// Each may take `max_bytes` of memory.
const MOST_AT_ONCE: usize = 16;
/// Filters ask for no more.
const MOST_URLS: usize = 16;
