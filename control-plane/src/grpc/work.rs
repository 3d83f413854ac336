//! Work between filters and us: what they ask of it, and what is said.

use tollgate_core::key::KeyHash;
use tollgate_proto::v1;
use tollgate_proto::v1::assess_response::Verdict as Told;

use crate::deferred::{Fault, Verdict, Wanted};
use crate::domain::{Place, Timestamp, WorkKind};
use crate::snapshot::resources;

/// Reads what is asked for, or says what is wrong with it.
pub(super) fn wanted(request: v1::AssessRequest) -> Result<Wanted, &'static str> {
    let (kind, endpoint) = (resources::kind(request.kind()), request.endpoint());
    Ok(Wanted {
        tenant: request.tenant,
        key_hash: KeyHash::from_bytes(&request.key_hash).ok_or("key_hash: not 32 bytes")?,
        kind: kind.and_then(WorkKind::of).ok_or("kind: no work")?,
        place: Place { provider: request.provider, account: request.account },
        model: request.model,
        tags: request.tags,
        customer: request.customer,
        endpoint,
        input_file: request.input_file,
        max_prompt_tokens: request.max_prompt_tokens,
        max_completion_tokens: request.max_completion_tokens,
        epochs: request.epochs,
    })
}

/// Writes what is said. `None`: nothing can be said now.
pub(super) fn told(verdict: Verdict) -> Option<Told> {
    Some(match verdict {
        Verdict::Committed { id, input_file } => Told::Commitment(v1::Commitment {
            id: id.as_bytes().to_vec(),
            input_file: input_file.unwrap_or_default(),
        }),
        Verdict::Lack(meter, answer) => Told::Lack(v1::Lack {
            meter: Some(*meter),
            used: answer.used,
            resets_at_us: answer.resets_at.map(Timestamp::as_micros),
        }),
        Verdict::Refused(fault) => match fault {
            Fault::Line(line, why) => Told::WrongLine(v1::WrongLine { line, why }),
            Fault::Unknown(kind, id) => {
                let kind = resources::kind_to_tell(kind).into();
                Told::Unknown(v1::ResourceId { kind, id })
            }
            Fault::Unpriced(model) => Told::Unpriced(model),
            Fault::Uncapped(field) => Told::Uncapped(field.to_owned()),
            Fault::Unavailable => return None,
        },
    })
}
