//! The objects that a request names: they must be its tenant's, and say who serves it.

use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1::{self as proto, Endpoint, ResourceKind};

use super::effect::Question;
use super::{CallFailed, Effect, Exchange, Flow, Phase};
use crate::dialect::references::{self, Noun, Reference};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Provider};

/// What is known of the objects that a request names, and of what becomes of its answer.
#[derive(Debug, Default)]
pub(super) struct Objects {
    stage: Stage,
    /// The model that a header names.
    pub(super) named_model: Option<String>,
    /// The provider that a header names.
    pub(super) named_provider: Option<String>,
    /// What the answer waits for.
    pub(super) keeping: super::kept::Keeping,
    /// What the provider is to do after it has answered.
    pub(super) work: super::commit::Work,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nobody asked yet, or there are none.
    #[default]
    Unasked,
    /// The question is on its way; what was asked for.
    Asked(Vec<Reference>),
    /// A page of a list is on its way.
    AskedForPage(ResourceKind),
    /// They are the tenant's.
    Held(Holder),
}

/// What came of asking for the holder.
pub(super) enum Found {
    /// It is being asked for, and the request waits.
    Later,
    /// The request names nothing.
    Nothing,
    /// This is the one.
    Holder(Holder),
}

/// Who holds what a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    provider: String,
    account: String,
    /// Public names of the models that the objects were made with.
    pub(super) models: Vec<String>,
}

impl Holder {
    /// Tells whether this account is the one.
    pub(super) fn is(&self, provider: &Provider) -> bool {
        provider.id == self.provider && provider.account == self.account
    }
}

impl Found {
    /// Returns the holder, if there is one.
    pub(super) fn holder(self) -> Option<Holder> {
        match self {
            Self::Holder(holder) => Some(holder),
            Self::Later | Self::Nothing => None,
        }
    }
}

impl Objects {
    /// Takes what headers say of who serves a request.
    fn named_in(headers: Headers<'_>) -> Self {
        let text = |name| std::str::from_utf8(headers.first(name)?).ok().map(str::to_owned);
        Self {
            named_model: text(MODEL_HEADER),
            named_provider: text(PROVIDER_HEADER),
            ..Self::default()
        }
    }
}

impl Exchange {
    /// Takes what headers say to us of who serves a request about objects.
    pub(super) fn take_named(&mut self, headers: Headers<'_>) {
        self.objects = Some(Box::new(Objects::named_in(headers)));
        for name in [MODEL_HEADER, PROVIDER_HEADER] {
            self.effects.push_back(Effect::RemoveRequestHeader(name.into()));
        }
    }

    /// Finds out who holds what a request names.
    pub(super) fn holder(
        &mut self,
        named: Vec<Reference>,
        policy: &KeyPolicy,
    ) -> Result<Found, Refusal> {
        let Some(first) = named.first() else { return Ok(Found::Nothing) };
        let objects = self.objects.get_or_insert_default();
        if let Stage::Held(holder) = &objects.stage {
            return Ok(Found::Holder(holder.clone()));
        }
        if named.len() > MOST_IDS {
            let expected = "fewer objects";
            return Err(Refusal::InvalidField { field: "file_ids", expected });
        }
        let nobodys = |it: &&Reference| kind(it.noun).is_none() || !references::is_id(&it.id);
        let nobodys =
            if policy.tenant.is_empty() { Some(first) } else { named.iter().find(nobodys) };
        if let Some(reference) = nobodys {
            return Err(unknown(reference));
        }
        let ids = named.iter().map(|it| proto::ResourceId {
            kind: kind(it.noun).unwrap_or_default().into(),
            id: it.id.clone(),
        });
        let request = proto::AdmitRequest { tenant: policy.tenant.clone(), ids: ids.collect() };
        objects.stage = Stage::Asked(named);
        self.effects.push_back(Effect::Ask(Question::Admit, request.encode_to_vec()));
        Ok(Found::Later)
    }

    /// Returns a model with those targets alone that hold what a body names. `None`: who does is
    /// being asked for.
    pub(super) fn holding(
        &mut self,
        endpoint: Endpoint,
        body: &[u8],
        model: Rc<Model>,
        policy: &KeyPolicy,
    ) -> Result<Option<Rc<Model>>, Refusal> {
        self.is_stored = references::is_stored(endpoint, body);
        let named = references::named_in(endpoint, body);
        if named.is_empty() {
            return Ok(Some(model));
        }
        Ok(match self.holder(named.clone(), policy)? {
            Found::Later => None,
            Found::Nothing => Some(model),
            Found::Holder(holder) => Some(held_by(&model, &holder, &named)?),
        })
    }

    /// Asks for a page of a tenant's objects.
    pub(super) fn ask_for_page(&mut self, request: &proto::ListRequest) -> Flow {
        let objects = self.objects.get_or_insert_default();
        objects.stage = Stage::AskedForPage(request.kind());
        self.effects.push_back(Effect::Ask(Question::List, request.encode_to_vec()));
        Flow::Pause
    }

    /// Tells whether the answer that is awaited is about objects.
    pub(super) fn asked_for_objects(&self) -> bool {
        self.objects.as_ref().is_some_and(|objects| {
            matches!(objects.stage, Stage::Asked(_) | Stage::AskedForPage(_))
        })
    }

    pub(super) fn objects_resolved(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(objects) = &mut self.objects else { return Flow::Pause };
        let stage = std::mem::take(&mut objects.stage);
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let (Stage::Asked(named), Some(answer)) = (&stage, answer.ok()) else {
            return match (stage, answer) {
                (Stage::AskedForPage(kind), Ok(page)) => self.reply_page(kind, page),
                _ => self.refuse(&Refusal::PolicyUnavailable),
            };
        };
        let Ok(answer) = proto::AdmitResponse::decode(answer) else {
            return self.refuse(&Refusal::PolicyUnavailable);
        };
        if let Some(index) = answer.unknown {
            let reference = named.get(index as usize).or(named.first());
            return self.refuse(&reference.map_or(Refusal::Internal, unknown));
        }
        let holder =
            Holder { provider: answer.provider, account: answer.account, models: answer.models };
        objects.stage = Stage::Held(holder);
        let flow = self.decide_when_ready(gateway, now_us);
        self.resume_if(flow)
    }

    fn reply_page(&mut self, kind: ResourceKind, page: &[u8]) -> Flow {
        match proto::ListResponse::decode(page) {
            Ok(proto::ListResponse { unknown: Some(id), .. }) => {
                self.refuse(&Refusal::UnknownObject { noun: noun(Noun::Held(kind)), id })
            }
            Ok(page) => self.reply_json(page.body),
            Err(_) => self.refuse(&Refusal::PolicyUnavailable),
        }
    }
}

/// Leaves a model the targets that hold what a request names. Where none does, the model cannot
/// see it, which must look as if it were not there.
fn held_by(model: &Model, holder: &Holder, named: &[Reference]) -> Result<Rc<Model>, Refusal> {
    let mut own = Model::clone(model);
    own.targets.retain(|target| holder.is(&target.provider));
    match named.first() {
        Some(reference) if own.targets.is_empty() => Err(unknown(reference)),
        _ => Ok(Rc::new(own)),
    }
}

/// Says that an object is not there.
pub(super) fn unknown(reference: &Reference) -> Refusal {
    let id = reference.id.chars().take(LONGEST_SHOWN).collect();
    Refusal::UnknownObject { noun: noun(reference.noun), id }
}

/// `None`: nothing of the kind is kept for anybody.
fn kind(noun: Noun) -> Option<ResourceKind> {
    match noun {
        Noun::Held(kind) => Some(kind),
        Noun::Conversation | Noun::Container | Noun::Item | Noun::CachedContent => None,
    }
}

fn noun(noun: Noun) -> &'static str {
    match noun {
        Noun::Held(ResourceKind::File) => "file",
        Noun::Held(ResourceKind::Batch) => "batch",
        Noun::Held(ResourceKind::FineTuningJob) => "fine-tuning job",
        Noun::Held(ResourceKind::Assistant) => "assistant",
        Noun::Held(ResourceKind::Thread) => "thread",
        Noun::Held(ResourceKind::Run) => "run",
        Noun::Held(ResourceKind::VectorStore) => "vector store",
        Noun::Held(ResourceKind::FileBatch) => "file batch",
        Noun::Held(ResourceKind::Response) => "response",
        Noun::Held(ResourceKind::Unspecified) => "object",
        Noun::Conversation => "conversation",
        Noun::Container => "container",
        Noun::Item => "item",
        Noun::CachedContent => "cached content",
    }
}

/// Headers in which `LiteLLM`'s clients name who serves a request about objects.
const MODEL_HEADER: &str = "x-litellm-model";
const PROVIDER_HEADER: &str = "custom-llm-provider";
/// As many files as a vector store takes.
const MOST_IDS: usize = 10_000;
const LONGEST_SHOWN: usize = 256;
