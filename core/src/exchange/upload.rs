//! Forms with files, which flow on as soon as enough is known: what stands before the first file
//! decides, and the file itself is never gathered.
//!
//! A short form is held until all of it is here, and is then a request like any other. So is one
//! whose file comes before its model, up to the limit for bodies.

use tollgate_proto::v1::ProviderDialect;

use super::{Effect, Exchange, Flow, Phase, Wishes};
use crate::dialect::media;
use crate::dialect::media::ask::Ask;
use crate::dialect::media::form::Form;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::json::edit::Edits;
use crate::path::{Call, Selection};
use crate::refusal::{FormFault, Refusal};
use crate::snapshot::Model;

/// Forms that are no longer are held: another provider can take them over.
const SHORT: u64 = 512 * 1024;

/// A form on its way.
#[derive(Debug)]
pub(super) struct Upload {
    form: Form,
    /// What the client says that the body is.
    content_type: String,
    /// Bytes of the body, when the client says.
    length: Option<u64>,
    /// Bytes that have come.
    read: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is decided before all of it is here.
    Whole,
    /// It is decided on when its file begins.
    Begun,
    /// Enough has come; the decision is under way.
    Ready,
    /// It flows.
    Flowing,
}

impl Upload {
    /// Tells whether the file is yet to come.
    pub(super) fn is_ahead(&self) -> bool {
        matches!(self.state, State::Ready | State::Flowing)
    }

    /// Returns what the client says that the body is.
    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Returns what it asks for, by what has come of it.
    pub(super) fn ask(&self) -> Ask {
        self.form.ask(None)
    }
}

impl Exchange {
    /// Tells whether the pieces of the request's body are to be handed in as they come.
    pub fn reads_pieces(&self) -> bool {
        let open = matches!(self.phase, Phase::Deciding | Phase::AwaitingUnits | Phase::Forwarded);
        open && self.upload.as_deref().is_some_and(|upload| upload.state != State::Whole)
    }

    /// Tells whether the whole body is to be handed in once it is there.
    pub fn awaits_whole_body(&self) -> bool {
        self.phase == Phase::Deciding && !self.is_flowing() && !self.streams_body()
    }

    /// Tells whether a form flows past that is not gathered.
    pub(super) fn is_flowing(&self) -> bool {
        self.upload.as_deref().is_some_and(Upload::is_ahead)
    }

    /// Begins to read a form, when the request is one.
    pub(super) fn begin_upload(&mut self, headers: Headers<'_>, end: bool) -> Result<(), Refusal> {
        let Selection::Inference(call) = &self.selection else { return Ok(()) };
        if !media::is_form(call.endpoint) {
            return Ok(());
        }
        let content_type = headers.first("content-type").unwrap_or_default();
        if media::makes_images(call.endpoint) && content_type.starts_with(b"application/json") {
            return Ok(());
        }
        let form = Form::new(call.endpoint, content_type).filter(|_| !end);
        let form = form.ok_or(Refusal::InvalidField {
            field: "content-type",
            expected: "multipart/form-data with a boundary",
        })?;
        let content_type = String::from_utf8_lossy(content_type).into_owned();
        let length = headers.number("content-length");
        let short = length.is_some_and(|length| length <= SHORT);
        let state = if short { State::Whole } else { State::Begun };
        self.upload = Some(Box::new(Upload { form, content_type, length, read: 0, state }));
        Ok(())
    }

    /// More of a form has come. `held`: bytes that are held in all.
    pub(super) fn upload_piece(
        &mut self,
        piece: &[u8],
        held: u64,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let limit = self.settings.max_body_bytes;
        let Some(upload) = self.upload.as_deref_mut() else { return Flow::Continue };
        upload.read = upload.read.saturating_add(piece.len() as u64);
        if let Err(refusal) = upload.form.push(piece) {
            return self.refuse(&refusal);
        }
        if upload.length.is_none() && upload.read > limit {
            // What it costs at most was told by this limit.
            return self.refuse(&Refusal::BodyTooLarge(limit));
        }
        match upload.state {
            State::Flowing => return Flow::Continue,
            State::Begun if upload.form.is_ready() && Wishes::must_compare(&mut self.wishes) => {
                // Whether it is the same request shows in all of it.
                upload.state = State::Whole;
            }
            State::Begun if upload.form.is_ready() => {
                upload.state = State::Ready;
                upload.form.seal();
                self.body = Some(Vec::new());
                return self.decide_when_ready(gateway, now_us);
            }
            State::Whole | State::Begun | State::Ready => {}
        }
        let most = if upload.form.has_file_first() {
            upload.length.unwrap_or(held).max(held)
        } else {
            held
        };
        if most <= limit {
            return Flow::Pause;
        }
        let first = upload.form.has_file_first();
        let refusal = if first {
            Refusal::Form(FormFault::FileBeforeModel(limit))
        } else {
            Refusal::BodyTooLarge(limit)
        };
        self.refuse(&refusal)
    }

    /// Reads what a form asks for: all of it, or what has come before its file.
    pub(super) fn read_form(
        &self,
        call: &Call,
        body: &[u8],
        default: &str,
    ) -> Option<Result<Request, Refusal>> {
        let upload = self.upload.as_deref().filter(|_| media::is_form(call.endpoint))?;
        Some(if upload.is_ahead() {
            let length = upload.length.unwrap_or(self.settings.max_body_bytes);
            upload.form.request(Some(length), "")
        } else {
            upload.form.whole(body).and_then(|form| form.request(None, default))
        })
    }

    /// A form that flows may turn out to be for somebody who is sent its file alone: then all of
    /// it is awaited. Tells whether that is so.
    pub(super) fn must_await_all(&mut self, model: &Model) -> bool {
        let takes_files =
            |dialect| matches!(dialect, ProviderDialect::Deepgram | ProviderDialect::Assemblyai);
        let Some(upload) = self.upload.as_deref_mut().filter(|upload| upload.is_ahead()) else {
            return false;
        };
        let whole = model.targets.iter().any(|target| takes_files(target.provider.dialect));
        if whole {
            upload.state = State::Whole;
            self.body = None;
        }
        whole
    }

    /// Lets a form flow, with the edits that its beginning needs.
    pub(super) fn let_flow(&mut self, edits: Edits<'static>) {
        let Some(upload) = self.upload.as_deref_mut() else { return };
        upload.state = State::Flowing;
        self.body = None;
        if edits.is_empty() {
            return;
        }
        if let Some(length) = upload.length {
            let value = edits.length_of(length).to_string().into_bytes();
            self.effects.push_back(Effect::SetRequestHeader("content-length", value));
        }
        self.effects.push_back(Effect::EditRequestBody(edits));
    }
}
