//! Work that providers do after they have answered: batches, runs, fine-tuning jobs. A [`Desk`]
//! looks into it before it is asked for and reserves what it may cost; [`poller`] asks about it
//! until it is over, and charges it.

mod copy;
mod judge;
mod lines;
pub mod poller;
mod reading;
mod site;
mod usage;
mod worst;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tollgate_core::key::KeyHash;
use tollgate_proto::v1;

use crate::config::Config;
use crate::deferred::judge::{Context, Judged};
use crate::deferred::site::Site;
use crate::domain::meter::Answer;
use crate::domain::{HolderId, Place, Resource, ResourceKind, Terms, WorkKind};
use crate::publish::Publisher;
use crate::service::resources::Admitted;
use crate::service::{Service, ServiceError};
use crate::snapshot;
use crate::store::Committed;

pub use crate::deferred::judge::Fault;

/// Where work is brought before a provider is asked for it.
#[derive(Clone)]
pub struct Desk {
    service: Service,
    publisher: Publisher,
    configs: watch::Receiver<Arc<Config>>,
    /// Files are long, and what they name takes time to count.
    readers: Arc<Semaphore>,
}

/// Work that somebody asks for. All that the request itself names is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it will be.
    pub tenant: String,
    /// Who asks.
    pub key_hash: KeyHash,
    /// What it is.
    pub kind: WorkKind,
    /// Who is to do it.
    pub place: Place,
    /// Public name of the model. Empty: it is not known, or lines name it.
    pub model: String,
    /// Tags of the key.
    pub tags: Vec<String>,
    /// The customer that headers name.
    pub customer: Option<String>,
    /// What a batch's lines are for.
    pub endpoint: v1::Endpoint,
    /// The file that it works on. Empty: none.
    pub input_file: String,
    /// What a run may read at most.
    pub max_prompt_tokens: Option<u64>,
    /// What a run may write at most.
    pub max_completion_tokens: Option<u64>,
    /// How often a job goes over its file.
    pub epochs: Option<u64>,
}

/// What is said to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It may be asked for, and this is to come back with the object that it becomes.
    Committed {
        /// Names what is reserved.
        id: HolderId,
        /// The file to name instead of the client's.
        input_file: Option<String>,
    },
    /// Something in it cannot be taken.
    Refused(Fault),
    /// A limit has not enough left.
    Lack(Box<v1::Meter>, Answer),
}

impl Desk {
    /// Opens one.
    pub fn new(
        service: Service,
        publisher: Publisher,
        configs: watch::Receiver<Arc<Config>>,
    ) -> Self {
        Self { service, publisher, configs, readers: Arc::new(Semaphore::new(READERS)) }
    }

    /// Looks into work, and reserves what it may cost.
    pub async fn assess(&self, wanted: Wanted) -> Result<Verdict, ServiceError> {
        let context = Arc::new(self.context(&wanted).await?);
        let judged = match self.judged(&wanted, &context).await? {
            Ok(judged) => judged,
            Err(fault) => return Ok(Verdict::Refused(fault)),
        };
        if let Some(fault) = self.foreign(&wanted, &judged).await? {
            return Ok(Verdict::Refused(fault));
        }
        let needs = match worst::needs(&judged) {
            Ok(needs) => needs,
            Err(fault) => return Ok(Verdict::Refused(fault)),
        };
        let mut terms = Terms {
            kind: wanted.kind,
            place: wanted.place.clone(),
            meters: worst::counted(&judged),
            model: judged.model,
            provider_model: judged.provider_model.clone(),
            price: judged.price,
            worst: judged.worst,
            customer: wanted.customer.clone(),
            files: None,
        };
        let id = match self.reserve(&terms, &needs).await? {
            (id, Committed::Made) => id,
            (_, Committed::Short { meter, answer, .. }) => {
                let mut meter = context.meter(meter).cloned().unwrap_or_default();
                meter.limit = answer.limit;
                return Ok(Verdict::Lack(Box::new(meter), answer));
            }
        };
        if !judged.renamed {
            return Ok(Verdict::Committed { id, input_file: None });
        }
        match self.copied(&wanted, &judged.provider_model).await {
            Ok(copy) => {
                terms.files = Some((wanted.input_file, copy.clone()));
                self.service.amend(id, &terms).await?;
                Ok(Verdict::Committed { id, input_file: Some(copy) })
            }
            Err(fault) => {
                self.service.release(id).await?;
                Ok(Verdict::Refused(fault))
            }
        }
    }

    /// Gives back what was reserved for work that the provider has not taken.
    pub async fn release(&self, id: HolderId) -> Result<(), ServiceError> {
        let commitment = self.service.commitment(id).await?;
        if self.service.release(id).await?
            && let Some(commitment) = commitment
        {
            self.drop_copy(&commitment).await;
        }
        Ok(())
    }

    /// Puts together what judging needs, as filters are told it.
    async fn context(&self, wanted: &Wanted) -> Result<Context, ServiceError> {
        let snapshot = self.publisher.current().snapshot;
        let policy = self.service.resolve(&wanted.key_hash).await?.policy;
        let policy = policy.ok_or(ServiceError::NotFound("key"))?;
        let mut of_customer = Vec::new();
        if let Some(customer) = wanted.customer.as_ref().filter(|_| snapshot.customers) {
            let found = self.service.resolve_customer(customer).await?.customer;
            let meters = found.map(|(_, meters)| meters).unwrap_or_default();
            of_customer.extend(meters.iter().map(|it| snapshot::meter::render(it, &it.spec.name)));
        }
        Ok(Context {
            snapshot,
            policy: snapshot::key::render(policy),
            of_customer,
            place: wanted.place.clone(),
            tags: wanted.tags.clone(),
            customer: wanted.customer.clone(),
        })
    }

    async fn judged(
        &self,
        wanted: &Wanted,
        context: &Arc<Context>,
    ) -> Result<Result<Judged, Fault>, ServiceError> {
        match wanted.kind {
            WorkKind::Batch => Ok(self.judged_batch(wanted, context).await),
            WorkKind::Job => {
                let known =
                    self.service.resources(std::slice::from_ref(&wanted.input_file)).await?;
                let bytes = known.first().and_then(size);
                Ok(judge::job(context, &wanted.model, bytes.zip(wanted.epochs)))
            }
            WorkKind::Run => {
                let caps = wanted.max_prompt_tokens.zip(wanted.max_completion_tokens);
                Ok(judge::run(context, &wanted.model, caps))
            }
        }
    }

    async fn judged_batch(&self, wanted: &Wanted, context: &Arc<Context>) -> Result<Judged, Fault> {
        let _turn = self.readers.acquire().await;
        let answer = self.content(&wanted.place, &wanted.input_file).await?;
        let (context, endpoint) = (context.clone(), wanted.endpoint);
        reading::read(answer, move |pieces| judge::batch(&context, endpoint, pieces)).await?
    }

    /// Begins to read a file.
    async fn content(&self, place: &Place, file: &str) -> Result<crate::outbound::Answer, Fault> {
        let site =
            Site::of(&self.configs.borrow().clone(), place).map_err(|why| Fault::line(0, why))?;
        let answer = site.open(&format!("/files/{file}/content")).await;
        let answer = answer.map_err(|_| Fault::line(0, UNHEARD))?;
        match answer.status {
            200 => Ok(answer),
            404 => Err(Fault::Unknown(Some(ResourceKind::File), file.to_owned())),
            _ => Err(Fault::line(0, UNHEARD)),
        }
    }

    /// Finds an object that lines name and that is not the tenant's, or lies elsewhere.
    async fn foreign(
        &self,
        wanted: &Wanted,
        judged: &Judged,
    ) -> Result<Option<Fault>, ServiceError> {
        for some in judged.named.chunks(IDS_AT_ONCE) {
            let fault =
                |at: usize| some.get(at).map(|(kind, id)| Fault::Unknown(*kind, id.clone()));
            match self.service.admit(&wanted.tenant, some).await? {
                Admitted::Unknown(at) => return Ok(fault(at)),
                Admitted::At(place, _) if place != wanted.place => return Ok(fault(0)),
                Admitted::At(..) => {}
            }
        }
        Ok(None)
    }

    /// Reserves; where others hold what is missing and may give it back, after a moment.
    async fn reserve(
        &self,
        terms: &Terms,
        needs: &[(u64, i64)],
    ) -> Result<(HolderId, Committed), ServiceError> {
        for _ in 0..TRIES {
            let came = self.service.commit(terms.clone(), needs).await?;
            if !came.1.may_change() {
                return Ok(came);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        self.service.commit(terms.clone(), needs).await
    }

    /// Gives the provider a copy of a batch's file in which lines have its own name of the model.
    async fn copied(&self, wanted: &Wanted, model: &str) -> Result<String, Fault> {
        let _turn = self.readers.acquire().await;
        let site = Site::of(&self.configs.borrow().clone(), &wanted.place)
            .map_err(|why| Fault::line(0, why))?;
        let answer = self.content(&wanted.place, &wanted.input_file).await?;
        copy::copied(&site, answer, model).await.ok_or_else(|| Fault::line(0, NOT_COPIED))
    }
}

/// Returns how long a file is, as its provider says.
fn size(file: &Resource) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_str(&file.body).ok()?;
    body.get("bytes")?.as_u64()
}

const READERS: usize = 4;
const IDS_AT_ONCE: usize = 500;
/// So often others are waited for: a second and a half.
const TRIES: u32 = 30;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
const UNHEARD: &str = "The provider does not hand it out. Try again shortly.";
const NOT_COPIED: &str = "The provider does not take a copy of it. Try again shortly.";
