//! `tollgate.v1.Resources`: whose the objects are that providers keep.

use tollgate_core::key::KeyHash;
use tollgate_proto::v1;
use tollgate_proto::v1::resources_server::Resources;
use tonic::{Request, Response, Status};

use super::error::status;
use super::work;
use crate::deferred::Desk;
use crate::domain::{HolderId, Place};
use crate::service::Service;
use crate::service::resources::{Admitted, Page, Registered, Sighting};
use crate::snapshot::resources;

/// Serves [`Resources`].
pub(super) struct ResourcesServer {
    pub(super) service: Service,
    pub(super) desk: Desk,
}

#[tonic::async_trait]
impl Resources for ResourcesServer {
    async fn admit(
        &self,
        request: Request<v1::AdmitRequest>,
    ) -> Result<Response<v1::AdmitResponse>, Status> {
        let request = request.into_inner();
        let ids: Vec<_> =
            request.ids.into_iter().map(|it| (resources::kind(it.kind()), it.id)).collect();
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
        let kind = resources::kind(request.kind());
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
            commitment: HolderId::from_bytes(&request.commitment),
        };
        let kept = self.service.register(sighting).await.map_err(|error| status(&error))?;
        Ok(Response::new(match kept {
            Registered::Taken => v1::RegisterResponse { taken: true, shown: Vec::new() },
            Registered::Kept(shown) => v1::RegisterResponse {
                taken: false,
                shown: shown.map(String::into_bytes).unwrap_or_default(),
            },
        }))
    }

    async fn assess(
        &self,
        request: Request<v1::AssessRequest>,
    ) -> Result<Response<v1::AssessResponse>, Status> {
        let wanted = work::wanted(request.into_inner()).map_err(Status::invalid_argument)?;
        let verdict = self.desk.assess(wanted).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::AssessResponse { verdict: work::told(verdict) }))
    }

    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::ReleaseResponse>, Status> {
        let id = HolderId::from_bytes(&request.into_inner().commitment)
            .ok_or_else(|| Status::invalid_argument("commitment: not 16 bytes"))?;
        self.desk.release(id).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        let request = request.into_inner();
        let kind = resources::kind(request.kind());
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
