//! `tollgate.v1.Resources`: whose the objects are that providers keep.

use tollgate_core::key::KeyHash;
use tollgate_proto::v1;
use tollgate_proto::v1::resources_server::Resources;
use tonic::{Request, Response, Status};

use super::error::status;
use crate::domain::{Place, ResourceKind};
use crate::service::Service;
use crate::service::resources::{Admitted, Page, Sighting};

/// Serves [`Resources`].
pub(super) struct ResourcesServer {
    pub(super) service: Service,
}

#[tonic::async_trait]
impl Resources for ResourcesServer {
    async fn admit(
        &self,
        request: Request<v1::AdmitRequest>,
    ) -> Result<Response<v1::AdmitResponse>, Status> {
        let request = request.into_inner();
        let ids: Vec<_> = request.ids.into_iter().map(|it| (kind(it.kind()), it.id)).collect();
        let admitted = self.service.admit(&request.tenant, &ids).await;
        let answer = match admitted.map_err(|error| status(&error))? {
            Admitted::At(place, models) => v1::AdmitResponse {
                unknown: None,
                provider: place.provider,
                account: place.account,
                models,
            },
            Admitted::Unknown(index) => v1::AdmitResponse {
                unknown: Some(u32::try_from(index).unwrap_or(u32::MAX)),
                ..Default::default()
            },
        };
        Ok(Response::new(answer))
    }

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterResponse>, Status> {
        let request = request.into_inner();
        let kind = self::kind(request.kind());
        let sighting = Sighting {
            tenant: request.tenant,
            key_hash: KeyHash::from_bytes(&request.key_hash)
                .ok_or_else(|| Status::invalid_argument("key_hash: not 32 bytes"))?,
            kind: kind.ok_or_else(|| Status::invalid_argument("kind: not set"))?,
            place: Place { provider: request.provider, account: request.account },
            model: request.model,
            body: String::from_utf8(request.body)
                .map_err(|_| Status::invalid_argument("body: not UTF-8"))?,
            tags: request.tags,
        };
        let kept = self.service.register(sighting).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::RegisterResponse { taken: !kept }))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        let request = request.into_inner();
        let kind = self::kind(request.kind());
        let page = Page {
            tenant: request.tenant,
            kind: kind.ok_or_else(|| Status::invalid_argument("kind: not set"))?,
            limit: request.limit,
            after: request.after,
            before: request.before,
            ascending: request.ascending,
            purpose: request.purpose,
        };
        let listed = self.service.list_resources(page).await.map_err(|error| status(&error))?;
        Ok(Response::new(match listed {
            Ok(body) => v1::ListResponse { body: body.to_string().into_bytes(), unknown: None },
            Err(cursor) => v1::ListResponse { body: Vec::new(), unknown: Some(cursor) },
        }))
    }

    async fn forget(
        &self,
        request: Request<v1::ForgetRequest>,
    ) -> Result<Response<v1::ForgetResponse>, Status> {
        let v1::ForgetRequest { tenant, id } = request.into_inner();
        let forgotten = self.service.forget_resource(&tenant, &id).await;
        forgotten.map_err(|error| status(&error))?;
        Ok(Response::new(v1::ForgetResponse {}))
    }
}

/// `None`: any, or one of a newer version.
fn kind(kind: v1::ResourceKind) -> Option<ResourceKind> {
    Some(match kind {
        v1::ResourceKind::Unspecified => return None,
        v1::ResourceKind::File => ResourceKind::File,
        v1::ResourceKind::Batch => ResourceKind::Batch,
        v1::ResourceKind::FineTuningJob => ResourceKind::FineTuningJob,
        v1::ResourceKind::Assistant => ResourceKind::Assistant,
        v1::ResourceKind::Thread => ResourceKind::Thread,
        v1::ResourceKind::Run => ResourceKind::Run,
        v1::ResourceKind::VectorStore => ResourceKind::VectorStore,
        v1::ResourceKind::FileBatch => ResourceKind::FileBatch,
        v1::ResourceKind::Response => ResourceKind::Response,
    })
}
