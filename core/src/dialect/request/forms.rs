//! Facts of a form, which has the same edits as a JSON body, in its own way.

use std::ops::Range;

use tollgate_proto::v1::Endpoint;

use super::Request;
use crate::dialect::media::ask::Ask;

/// What a form says.
#[derive(Debug)]
pub(crate) struct FormFacts {
    pub(crate) endpoint: Endpoint,
    pub(crate) model: String,
    /// Where the model's name stands.
    pub(crate) model_at: Vec<Range<usize>>,
    /// It stands nowhere: a part is to be put before the others, with this boundary.
    pub(crate) new_part: Option<Vec<u8>>,
    pub(crate) stream: bool,
    pub(crate) user: Option<String>,
    pub(crate) ask: Ask,
}

/// How the model's name is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Spelling {
    /// As JSON.
    #[default]
    Json,
    /// As the content of a part.
    Plain,
    /// As a part with this boundary.
    Part(Vec<u8>),
}

impl Request {
    /// Takes the facts of a form.
    pub(crate) fn of_form(facts: FormFacts) -> Self {
        let mut model_at = facts.model_at;
        let spelling = match facts.new_part {
            None => Spelling::Plain,
            Some(boundary) => {
                model_at.push(0..0);
                Spelling::Part(boundary)
            }
        };
        Self {
            endpoint: facts.endpoint,
            model: facts.model,
            stream: facts.stream,
            include_usage: true,
            max_tokens: None,
            user: facts.user,
            tags: Vec::new(),
            choices: 1,
            sse: true,
            media: Some(Box::new(facts.ask)),
            inlined: None,
            spelling,
            is_supplied: false,
            model_at,
            max_tokens_at: Vec::new(),
            options_at: None,
            stream_options_at: Vec::new(),
            inside: 0,
        }
    }

    /// Returns the same request without places for edits.
    pub(crate) fn without_edits(&self) -> Self {
        Self { model_at: Vec::new(), spelling: Spelling::Plain, ..self.clone() }
    }

    /// Tells whether it is a form.
    pub fn is_form(&self) -> bool {
        self.spelling != Spelling::Json
    }
}

impl Spelling {
    /// Tells whether the name has to be written, whatever it is.
    pub(super) fn is_new(&self) -> bool {
        matches!(self, Self::Part(_))
    }

    pub(super) fn write(&self, name: &str) -> Vec<u8> {
        match self {
            Self::Json => crate::json::text::encode(name),
            Self::Plain => name.as_bytes().to_vec(),
            Self::Part(boundary) => [
                b"--",
                boundary.as_slice(),
                b"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n",
                name.as_bytes(),
                b"\r\n",
            ]
            .concat(),
        }
    }
}
