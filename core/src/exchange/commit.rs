//! Work that a provider does after it has answered: batches, runs, fine-tuning jobs. What it may
//! cost is reserved at the control plane before it is asked for, and given back when the provider
//! does not take it.

use prost::Message;
use tollgate_proto::v1::assess_response::Verdict;
use tollgate_proto::v1::{self as proto, Endpoint, ResourceKind};

use super::effect::Question;
use super::{CallFailed, Effect, Exchange, Flow, Phase, objects};
use crate::dialect::references::{Noun, Reference};
use crate::gateway::Gateway;
use crate::json::scan::Object;
use crate::json::text;
use crate::meter::Meter;
use crate::meter::leases::Shortage;
use crate::path::resources::{Action, ResourceCall};
use crate::policy::access::KeyPolicy;
use crate::refusal::{Refusal, WorkFault};
use crate::snapshot::Provider;

/// How far work has come that a request asks for.
#[derive(Debug, Default)]
pub(super) enum Work {
    /// There is none, or nobody was asked about it.
    #[default]
    Unasked,
    /// The question is on its way.
    Asked,
    /// What it may cost is reserved.
    Committed(proto::Commitment),
    /// The provider has taken it.
    Taken(Vec<u8>),
}

impl Work {
    /// Returns the file to name to the provider instead of the client's.
    pub(super) fn input_file(&self) -> Option<&str> {
        match self {
            Self::Committed(commitment) => {
                Some(&*commitment.input_file).filter(|it| !it.is_empty())
            }
            Self::Unasked | Self::Asked | Self::Taken(_) => None,
        }
    }

    /// Notes that the provider has taken it.
    pub(super) fn taken(&mut self) {
        if let Self::Committed(commitment) = self {
            *self = Self::Taken(std::mem::take(&mut commitment.id));
        }
    }

    /// Returns the commitment that it was taken with. Empty: there is none.
    pub(super) fn commitment(&self) -> Vec<u8> {
        match self {
            Self::Taken(id) => id.clone(),
            Self::Unasked | Self::Asked | Self::Committed(_) => Vec::new(),
        }
    }
}

/// What a request asks for, as far as it is known here.
pub(super) struct Wanted<'a> {
    pub(super) call: &'a ResourceCall,
    pub(super) body: &'a [u8],
    /// Public name of the model. Empty: it is not known.
    pub(super) model: &'a str,
    pub(super) provider: &'a Provider,
}

impl Exchange {
    /// Has work looked into before a provider is asked for it. False: the answer is awaited.
    pub(super) fn is_committed(
        &mut self,
        wanted: &Wanted<'_>,
        policy: &KeyPolicy,
    ) -> Result<bool, Refusal> {
        let Some(kind) = kind_of_work(wanted.call) else { return Ok(true) };
        if let Some(Work::Committed(_)) = self.objects.as_ref().map(|objects| &objects.work) {
            return Ok(true);
        }
        let terms = Terms::read(kind, wanted.body)?;
        let request = proto::AssessRequest {
            tenant: policy.tenant.clone(),
            key_hash: self.key.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            kind: kind.into(),
            provider: wanted.provider.id.clone(),
            account: wanted.provider.account.clone(),
            model: wanted.model.to_owned(),
            tags: policy.tags.clone(),
            customer: self.named_customer.clone(),
            endpoint: terms.endpoint.into(),
            input_file: terms.input_file,
            max_prompt_tokens: terms.prompt,
            max_completion_tokens: terms.completion,
            epochs: terms.epochs,
        };
        self.objects.get_or_insert_default().work = Work::Asked;
        self.effects.push_back(Effect::Ask(Question::Assess, request.encode_to_vec()));
        Ok(false)
    }

    /// Tells whether the answer that is awaited is about work.
    pub(super) fn asked_about_work(&self) -> bool {
        self.objects.as_ref().is_some_and(|objects| matches!(objects.work, Work::Asked))
    }

    pub(super) fn work_assessed(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(objects) = &mut self.objects else { return Flow::Pause };
        objects.work = Work::Unasked;
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let answer = answer.ok().and_then(|bytes| proto::AssessResponse::decode(bytes).ok());
        match answer.and_then(|answer| answer.verdict) {
            Some(Verdict::Commitment(commitment)) => {
                objects.work = Work::Committed(commitment);
                let flow = self.decide_when_ready(gateway, now_us);
                self.resume_if(flow)
            }
            Some(verdict) => self.refuse(&refusal(verdict, now_us)),
            None => self.refuse(&Refusal::PolicyUnavailable),
        }
    }

    /// Has given back what was reserved for work that the provider has refused, or was never
    /// asked for. Where nobody knows what it did, the control plane waits for a while.
    pub(super) fn release_work(&mut self, gateway: &mut Gateway) {
        let Some(objects) = &mut self.objects else { return };
        if let Work::Committed(commitment) = std::mem::take(&mut objects.work)
            && (300..500).contains(&self.status)
        {
            let request = proto::ReleaseRequest { commitment: commitment.id };
            gateway.release_later(request.encode_to_vec());
        }
    }
}

/// Returns what a call makes, if that is work. It begins when it is made.
fn kind_of_work(call: &ResourceCall) -> Option<ResourceKind> {
    let Action::Create(kind) = call.row.action else { return None };
    let works =
        matches!(kind, ResourceKind::Batch | ResourceKind::Run | ResourceKind::FineTuningJob);
    works.then_some(kind)
}

/// What a body says of the work that it asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Terms {
    endpoint: Endpoint,
    input_file: String,
    prompt: Option<u64>,
    completion: Option<u64>,
    epochs: Option<u64>,
}

impl Terms {
    /// Reads a body. A member that counts may stand in it once: nobody knows which of several a
    /// provider takes.
    fn read(kind: ResourceKind, body: &[u8]) -> Result<Self, Refusal> {
        let is_batch = kind == ResourceKind::Batch;
        let mut terms = Self::default();
        let mut seen = Vec::new();
        let malformed = |why: crate::json::scan::Malformed| Refusal::InvalidJson(why.to_string());
        let mut object = Object::open(body).map_err(malformed)?;
        while let Some(member) = object.next_member().map_err(malformed)? {
            let key = text::decode(body.get(member.key).unwrap_or_default());
            let Some(field) = FIELDS.into_iter().find(|field| *field == key) else { continue };
            if seen.contains(&field) {
                return Err(Refusal::InvalidField { field, expected: "one value" });
            }
            seen.push(field);
            let value = body.get(member.value).unwrap_or_default();
            match field {
                "endpoint" if is_batch => {
                    let expected = "an endpoint whose lines are checked here";
                    let wrong = Refusal::InvalidField { field, expected };
                    terms.endpoint =
                        endpoint(&text::string_value(value).unwrap_or_default()).ok_or(wrong)?;
                }
                "input_file_id" if is_batch => {
                    let wrong = Refusal::InvalidField { field, expected: "the id of a file" };
                    terms.input_file = text::string_value(value).ok_or(wrong)?.into_owned();
                }
                "max_prompt_tokens" => terms.prompt = count(value, field)?,
                "training_file" => {
                    let wrong = Refusal::InvalidField { field, expected: "the id of a file" };
                    terms.input_file = text::string_value(value).ok_or(wrong)?.into_owned();
                }
                // Where it says both, nobody knows which counts.
                "hyperparameters" if !seen.contains(&"method") => terms.epochs = epochs(value),
                "method" if !seen.contains(&"hyperparameters") => terms.epochs = of_method(value),
                "hyperparameters" | "method" => terms.epochs = None,
                "max_completion_tokens" => terms.completion = count(value, field)?,
                _ => {}
            }
        }
        match () {
            () if is_batch && terms.input_file.is_empty() => {
                Err(Refusal::MissingField("input_file_id"))
            }
            () if is_batch && terms.endpoint == Endpoint::Unspecified => {
                Err(Refusal::MissingField("endpoint"))
            }
            () => Ok(terms),
        }
    }
}

/// Returns how often a job goes over its file, by its `hyperparameters`.
fn epochs(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(only(value, "n_epochs")?).ok()?.parse().ok()
}

/// Likewise by its `method`. One that learns from graders is paid for by the hour.
fn of_method(value: &[u8]) -> Option<u64> {
    let kind = text::string_value(only(value, "type")?)?;
    let known = ["supervised", "dpo"].into_iter().find(|known| *known == kind)?;
    epochs(only(only(value, known)?, "hyperparameters")?)
}

/// Returns a member that stands in an object once.
fn only<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (mut reader, mut found) = (Object::open(object).ok()?, None);
    while let Some(member) = reader.next_member().ok()? {
        if text::means(object.get(member.key)?, name) && found.replace(member.value).is_some() {
            return None;
        }
    }
    object.get(found?)
}

/// Returns the path that names what the lines of a batch are for.
pub fn path(endpoint: Endpoint) -> Option<&'static str> {
    BATCHED.iter().find(|(_, known)| *known == endpoint).map(|(path, _)| *path)
}

/// Returns what the lines of a batch are for, by the path that it names. Azure's have no version.
pub fn endpoint(path: &str) -> Option<Endpoint> {
    let names = |known: &str| known == path || known.strip_prefix("/v1") == Some(path);
    BATCHED.iter().find(|(known, _)| names(known)).map(|(_, endpoint)| *endpoint)
}

fn count(value: &[u8], field: &'static str) -> Result<Option<u64>, Refusal> {
    if value == b"null" {
        return Ok(None);
    }
    let count = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    count.map(Some).ok_or(Refusal::InvalidField { field, expected: "a whole number" })
}

fn refusal(verdict: Verdict, now_us: i64) -> Refusal {
    match verdict {
        Verdict::WrongLine(proto::WrongLine { line, why }) => {
            Refusal::Work(WorkFault::Line { line, why })
        }
        Verdict::Unknown(id) => {
            let noun = Noun::Held(id.kind());
            objects::unknown(&Reference { noun, id: id.id })
        }
        Verdict::Unpriced(model) => Refusal::Unpriced(model),
        Verdict::Uncapped(field) => Refusal::Work(WorkFault::Uncapped(field)),
        Verdict::Lack(proto::Lack { meter, used, resets_at_us }) => {
            let meter = meter.and_then(|meter| Meter::read(vec![meter])?.pop());
            let Some(meter) = meter else { return Refusal::PolicyUnavailable };
            let limit = meter.limit;
            Refusal::LimitReached(Box::new(Shortage { meter, limit, used, resets_at_us, now_us }))
        }
        // Taken before.
        Verdict::Commitment(_) => Refusal::Internal,
    }
}

/// What batches may be for: <https://platform.openai.com/docs/api-reference/batch/create>, without
/// what has no tokens of texts.
const BATCHED: [(&str, Endpoint); 4] = [
    ("/v1/chat/completions", Endpoint::ChatCompletions),
    ("/v1/completions", Endpoint::Completions),
    ("/v1/embeddings", Endpoint::Embeddings),
    ("/v1/responses", Endpoint::Responses),
];

/// What counts of a body.
const FIELDS: [&str; 8] = [
    "endpoint",
    "input_file_id",
    "max_prompt_tokens",
    "max_completion_tokens",
    "model",
    "training_file",
    "hyperparameters",
    "method",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ResourceKind, body: &str) -> Result<Terms, String> {
        Terms::read(kind, body.as_bytes()).map_err(|refusal| refusal.message())
    }

    #[test]
    fn a_batch_names_one_file_and_an_endpoint() {
        let fine = r#"{"input_file_id":"file-1","endpoint":"/v1/embeddings"}"#;
        let terms = read(ResourceKind::Batch, fine).unwrap();
        assert_eq!((&*terms.input_file, terms.endpoint), ("file-1", Endpoint::Embeddings));

        let azures = r#"{"input_file_id":"file-1","endpoint":"/chat/completions"}"#;
        let terms = read(ResourceKind::Batch, azures).unwrap();
        assert_eq!(terms.endpoint, Endpoint::ChatCompletions);

        for (body, part) in [
            (r#"{"endpoint":"/v1/embeddings"}"#, "'input_file_id'"),
            (r#"{"input_file_id":"f"}"#, "'endpoint'"),
            (r#"{"input_file_id":"f","endpoint":"/v1/images/edits"}"#, "'endpoint'"),
            (r#"{"input_file_id":["f"],"endpoint":"/v1/embeddings"}"#, "'input_file_id'"),
            (r#"{"input_file_id":"f","input_file_i\u0064":"g"}"#, "'input_file_id'"),
            ("[]", "JSON"),
        ] {
            let message = read(ResourceKind::Batch, body).unwrap_err();
            assert!(message.contains(part), "{body}: {message}");
        }
    }

    #[test]
    fn a_job_may_say_how_often_it_goes_over_its_file() {
        for (body, epochs) in [
            (r#"{"training_file":"f","hyperparameters":{"n_epochs":3}}"#, Some(3)),
            (r#"{"training_file":"f","hyperparameters":{"n_epochs":"auto"}}"#, None),
            (
                r#"{"training_file":"f","method":{"type":"supervised","supervised":
                {"hyperparameters":{"n_epochs":4}}}}"#,
                Some(4),
            ),
            (r#"{"training_file":"f","method":{"type":"reinforcement","reinforcement":{}}}"#, None),
            (r#"{"training_file":"f","hyperparameters":{"n_epochs":1,"n_epochs":9}}"#, None),
            (
                r#"{"training_file":"f","hyperparameters":{"n_epochs":1},"method":{"type":"dpo","dpo":
                {"hyperparameters":{"n_epochs":"auto"}}}}"#,
                None,
            ),
        ] {
            let terms = read(ResourceKind::FineTuningJob, body).unwrap();
            assert_eq!((&*terms.input_file, terms.epochs), ("f", epochs), "{body}");
        }
    }

    #[test]
    fn a_run_may_have_caps() {
        let terms = read(ResourceKind::Run, r#"{"max_prompt_tokens":5,"endpoint":7}"#).unwrap();
        assert_eq!((terms.prompt, terms.completion), (Some(5), None));
        let null = read(ResourceKind::Run, r#"{"max_prompt_tokens":null}"#);
        assert_eq!(null, Ok(Terms::default()));
        assert!(read(ResourceKind::Run, r#"{"max_completion_tokens":-1}"#).is_err());
        assert!(read(ResourceKind::Run, r#"{"model":"a","model":"b"}"#).is_err());
    }
}
