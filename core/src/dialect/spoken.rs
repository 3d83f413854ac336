//! Which folder speaks which dialect.

use super::chat::answer::{Answer, ReplyTo};
use super::chat::event::{Event, Reader, Writer};
use super::chat::failure::Failure;
use super::chat::{Conversation, Dropped, Towards};
use super::embeddings::{self, Wanted};
use super::{Dialect, anthropic, gemini, ollama, openai, responses};
use crate::json::scan::Malformed;
use crate::refusal::Refusal;

/// Legacy completions and Ollama's `generate` are for clients: no provider is asked in them.
struct Silent;

impl Reader for Silent {
    fn push(&mut self, _: &[u8], _: &mut dyn FnMut(Event<'_>)) {}
    fn end(&mut self, _: &mut dyn FnMut(Event<'_>)) {}
}

impl Writer for Silent {
    fn event(&mut self, _: &Event<'_>, _: &mut Vec<u8>) {}
}

impl Dialect {
    /// Reads a request of a client's.
    ///
    /// # Errors
    /// When it is not one of this dialect.
    pub fn read_request(self, body: &[u8]) -> Result<Conversation<'_>, Refusal> {
        match self {
            Self::Completions => openai::completions::request::read(body),
            Self::Ollama => ollama::request::read(body),
            Self::Responses => responses::request::read(body),
            Self::OpenAi => openai::chat::request::read(body),
            Self::Anthropic => anthropic::request::read(body),
            Self::Gemini => gemini::request::read(body),
            Self::OllamaGenerate => ollama::generate::request::read(body),
        }
    }

    /// Reads a question for the tokens of a prompt, which may lack what a request needs.
    ///
    /// # Errors
    /// When it is not one of this dialect.
    pub fn read_count(self, body: &[u8]) -> Result<Conversation<'_>, Refusal> {
        match self {
            Self::Anthropic => anthropic::count::read(body),
            Self::OpenAi
            | Self::Completions
            | Self::Responses
            | Self::Gemini
            | Self::Ollama
            | Self::OllamaGenerate => self.read_request(body),
        }
    }

    /// Writes a request for a provider. What cannot be carried goes into `dropped`.
    pub fn write_request(
        self,
        conversation: &Conversation<'_>,
        towards: Towards<'_>,
        dropped: &mut Dropped,
    ) -> Vec<u8> {
        match self {
            Self::Ollama => ollama::request::write(conversation, towards, dropped),
            Self::Responses => responses::request::write(conversation, towards, dropped),
            Self::OpenAi => openai::chat::request::write(conversation, towards, dropped),
            Self::Anthropic => anthropic::request::write(conversation, towards, dropped),
            Self::Gemini => gemini::request::write(conversation, towards, dropped),
            Self::Completions | Self::OllamaGenerate => Vec::new(),
        }
    }

    /// Reads a provider's whole answer.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn read_answer(self, body: &[u8]) -> Result<Answer<'_>, Malformed> {
        match self {
            Self::Ollama => ollama::response::read(body),
            Self::Responses => responses::response::read(body),
            Self::OpenAi => openai::chat::response::read(body),
            Self::Anthropic => anthropic::response::read(body),
            Self::Gemini => gemini::response::read(body),
            Self::Completions | Self::OllamaGenerate => Err(Malformed { at: 0, what: "an answer" }),
        }
    }

    /// Writes a whole answer for a client.
    pub fn write_answer(self, answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
        match self {
            Self::Completions => openai::completions::response::write(answer, to),
            Self::Ollama => ollama::response::write(answer, to),
            Self::Responses => responses::response::write(answer, to),
            Self::OpenAi => openai::chat::response::write(answer, to),
            Self::Anthropic => anthropic::response::write(answer, to),
            Self::Gemini => gemini::response::write(answer, to),
            Self::OllamaGenerate => ollama::generate::response::write(answer, to),
        }
    }

    /// Begins to read a provider's stream.
    pub fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Ollama => Box::new(ollama::stream::Reader::default()),
            Self::Responses => Box::new(responses::stream::Reader::default()),
            Self::OpenAi => Box::new(openai::chat::stream::Reader::default()),
            Self::Anthropic => Box::new(anthropic::stream::Reader::default()),
            Self::Gemini => Box::new(gemini::stream::Reader::default()),
            Self::Completions | Self::OllamaGenerate => Box::new(Silent),
        }
    }

    /// Begins to write a stream for a client. `sse`: of the two forms that Gemini's have,
    /// server-sent events.
    pub fn writer(self, to: ReplyTo, sse: bool) -> Box<dyn Writer> {
        match self {
            Self::Completions => Box::new(openai::completions::stream::Writer::new(to)),
            Self::Ollama => Box::new(ollama::stream::Writer::new(to)),
            Self::Responses => Box::new(responses::stream::Writer::new(to)),
            Self::OpenAi => Box::new(openai::chat::stream::Writer::new(to)),
            Self::Anthropic => Box::new(anthropic::stream::Writer::new(to)),
            Self::Gemini if sse => Box::new(gemini::stream::Writer::new(to)),
            Self::Gemini => Box::new(gemini::stream::Writer::array(to)),
            Self::OllamaGenerate => Box::new(ollama::generate::stream::Writer::new(to)),
        }
    }

    /// Reads a provider's error.
    pub fn read_failure(self, status: u16, body: &[u8]) -> Failure {
        match self {
            Self::Ollama | Self::OllamaGenerate => ollama::error::read(status, body),
            Self::Responses => responses::error::read(status, body),
            Self::OpenAi | Self::Completions => openai::chat::error::read(status, body),
            Self::Anthropic => anthropic::error::read(status, body),
            Self::Gemini => gemini::error::read(status, body),
        }
    }

    /// Writes an error for a client.
    pub fn write_failure(self, failure: &Failure) -> Vec<u8> {
        match self {
            Self::Ollama | Self::OllamaGenerate => ollama::error::write(failure),
            Self::Responses => responses::error::write(failure),
            Self::OpenAi | Self::Completions => openai::chat::error::write(failure),
            Self::Anthropic => anthropic::error::write(failure),
            Self::Gemini => gemini::error::write(failure),
        }
    }

    /// Reads a client's request for embeddings.
    ///
    /// # Errors
    /// When it is not one of this dialect.
    pub fn read_embeddings(self, body: &[u8]) -> Result<embeddings::Request<'_>, Refusal> {
        match self {
            Self::Gemini => gemini::embeddings::read_request(body),
            Self::Ollama | Self::OllamaGenerate => ollama::embeddings::read_request(body),
            Self::OpenAi | Self::Completions | Self::Responses | Self::Anthropic => {
                openai::embeddings::read_request(body)
            }
        }
    }

    /// Writes a request for embeddings.
    ///
    /// # Errors
    /// When an input is nothing that the provider can embed.
    pub fn write_embeddings(
        self,
        request: &embeddings::Request<'_>,
        model: &str,
        dropped: &mut Dropped,
    ) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Gemini => gemini::embeddings::write_request(request, model, dropped),
            Self::Ollama | Self::OllamaGenerate => {
                ollama::embeddings::write_request(request, model, dropped)
            }
            Self::OpenAi | Self::Completions | Self::Responses | Self::Anthropic => {
                openai::embeddings::write_request(request, model, dropped)
            }
        }
    }

    /// Reads a provider's vectors.
    ///
    /// # Errors
    /// When they are none.
    pub fn read_vectors(self, body: &[u8]) -> Result<embeddings::Answer<'_>, Malformed> {
        match self {
            Self::Gemini => gemini::embeddings::read_answer(body),
            Self::Ollama | Self::OllamaGenerate => ollama::embeddings::read_answer(body),
            Self::OpenAi | Self::Completions | Self::Responses | Self::Anthropic => {
                openai::embeddings::read_answer(body)
            }
        }
    }

    /// Writes vectors for a client.
    pub fn write_vectors(self, answer: &embeddings::Answer<'_>, wanted: Wanted<'_>) -> Vec<u8> {
        match self {
            Self::Gemini => gemini::embeddings::write_answer(answer, wanted),
            Self::Ollama | Self::OllamaGenerate => ollama::embeddings::write_answer(answer, wanted),
            Self::OpenAi | Self::Completions | Self::Responses | Self::Anthropic => {
                openai::embeddings::write_answer(answer, wanted)
            }
        }
    }

    /// Returns the media type of a stream of this dialect.
    pub fn stream_type(self, sse: bool) -> &'static str {
        match self {
            Self::Ollama | Self::OllamaGenerate => "application/x-ndjson",
            Self::Gemini if !sse => "application/json",
            Self::OpenAi | Self::Completions | Self::Responses | Self::Anthropic | Self::Gemini => {
                "text/event-stream; charset=utf-8"
            }
        }
    }
}
