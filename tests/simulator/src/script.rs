//! What one answer should do out of the ordinary, asked for by the request or by the test.
//!
//! A request asks with the header `x-sim-script: key=value; key=value` or with one header
//! `x-sim-<key>: value` each; both pass through a gateway. [`Script`]'s fields are the keys, with
//! `-` for `_`.

use std::fmt;
use std::time::Duration;

/// The behaviour of one answer. The default is a well-behaved provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Answer with this status and the provider's error body for it.
    pub status: Option<u16>,
    /// Break the exchange.
    pub fault: Option<Fault>,
    /// Wait before the head of the answer.
    pub delay: Duration,
    /// Wait before each piece of the body but the first.
    pub chunk_delay: Duration,
    /// Tokens of the answer, whatever the request's limit is.
    pub tokens: Option<u64>,
    /// Make the text of the answer at least this long, in bytes.
    pub size: Option<usize>,
    /// Bytes a write: splits events anywhere.
    pub split: Option<usize>,
    /// Events a write.
    pub join: Option<usize>,
    /// End the lines of events with CR LF.
    pub crlf: bool,
    /// Compress the body, whether the client can read that or not.
    pub gzip: bool,
    /// Generate past the request's cap, as a provider that does not know it would.
    pub uncapped: bool,
    /// Send trailers after the body (chunked framing).
    pub trailers: bool,
    /// When to report usage.
    pub usage: Usage,
    /// How the end of the body is told.
    pub framing: Framing,
    /// Added to the true `content-length` (framing by length only).
    pub length_lie: i64,
    /// Answer with a tool call, given that the request has tools.
    pub tool: bool,
    /// Send events up to a place, then wait until the test releases the gate.
    pub gate: Option<GateAt>,
}

/// Ways to break an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection instead of answering.
    CloseBeforeHead,
    /// Closes the connection after the head.
    CloseAfterHead,
    /// Closes the connection after half of the body.
    CloseMidBody,
    /// Never answers; keeps the connection until the peer leaves.
    Hang,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Answers 200 with a body that is not JSON.
    GarbageBody,
}

/// When usage is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usage {
    /// As the API says: always in whole answers, in streams when asked for.
    #[default]
    AsAsked,
    /// Never.
    Never,
    /// In streams also when not asked for, on the last chunk that has choices.
    Always,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// `content-length` for whole answers, chunks for streams.
    #[default]
    Usual,
    /// Chunks, for whole answers too.
    Chunked,
    /// The end of the connection.
    Close,
}

/// A place in a stream where it stops until it is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateAt {
    /// Name of the gate, unique to the test.
    pub name: String,
    /// Events that are sent first.
    pub after: usize,
}

/// A script that cannot be understood; the simulator answers 400 with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidScript {
    key: String,
    value: String,
}

impl fmt::Display for InvalidScript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "simulator script: cannot understand `{}={}`", self.key, self.value)
    }
}

impl std::error::Error for InvalidScript {}

impl Script {
    /// Reads one header of a request; headers that are no script change nothing.
    ///
    /// # Errors
    ///
    /// Names the key and the value that it does not know.
    pub fn read_header(&mut self, name: &str, value: &str) -> Result<(), InvalidScript> {
        match name.strip_prefix(HEADER_PREFIX) {
            None => Ok(()),
            Some("script") => self.read(value),
            Some(key) => self.set(key, value.trim()),
        }
    }

    /// Reads `key=value; key=value`; a key alone means `key=true`.
    ///
    /// # Errors
    ///
    /// Names the key and the value that it does not know.
    pub fn read(&mut self, script: &str) -> Result<(), InvalidScript> {
        for entry in script.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once('=').unwrap_or((entry, "true"));
            self.set(key.trim(), value.trim())?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidScript> {
        let invalid = || InvalidScript { key: key.to_owned(), value: value.to_owned() };
        match key {
            "status" => self.status = Some(number(value).ok_or_else(invalid)?),
            "fault" => self.fault = Some(Fault::parse(value).ok_or_else(invalid)?),
            "delay-ms" => self.delay = Duration::from_millis(number(value).ok_or_else(invalid)?),
            "chunk-delay-ms" => {
                self.chunk_delay = Duration::from_millis(number(value).ok_or_else(invalid)?);
            }
            "tokens" => self.tokens = Some(number(value).ok_or_else(invalid)?),
            "size" => self.size = Some(number(value).ok_or_else(invalid)?),
            "split" => self.split = Some(number(value).ok_or_else(invalid)?),
            "join" => self.join = Some(number(value).ok_or_else(invalid)?),
            "crlf" => self.crlf = number(value).ok_or_else(invalid)?,
            "uncapped" => self.uncapped = number(value).ok_or_else(invalid)?,
            "gzip" => self.gzip = number(value).ok_or_else(invalid)?,
            "trailers" => self.trailers = number(value).ok_or_else(invalid)?,
            "usage" => self.usage = Usage::parse(value).ok_or_else(invalid)?,
            "framing" => self.framing = Framing::parse(value).ok_or_else(invalid)?,
            "length-lie" => self.length_lie = number(value).ok_or_else(invalid)?,
            "tool" => self.tool = number(value).ok_or_else(invalid)?,
            "gate" => self.gate = Some(GateAt::parse(value).ok_or_else(invalid)?),
            _ => return Err(invalid()),
        }
        Ok(())
    }

    /// Whether the answer can be written in one go, with no time passing and nothing to watch.
    pub(crate) fn is_plain(&self) -> bool {
        *self
            == Self {
                status: self.status,
                tokens: self.tokens,
                size: self.size,
                usage: self.usage,
                tool: self.tool,
                ..Self::default()
            }
    }
}

impl Fault {
    fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "close-before-head" => Self::CloseBeforeHead,
            "close-after-head" => Self::CloseAfterHead,
            "close-mid-body" => Self::CloseMidBody,
            "hang" => Self::Hang,
            "garbage" => Self::Garbage,
            "garbage-body" => Self::GarbageBody,
            _ => return None,
        })
    }
}

impl Usage {
    fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "as-asked" => Self::AsAsked,
            "never" => Self::Never,
            "always" => Self::Always,
            _ => return None,
        })
    }
}

impl Framing {
    fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "usual" => Self::Usual,
            "chunked" => Self::Chunked,
            "close" => Self::Close,
            _ => return None,
        })
    }
}

impl GateAt {
    fn parse(value: &str) -> Option<Self> {
        let (name, after) = value.split_once('@')?;
        Some(Self { name: name.to_owned(), after: number(after)? })
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

const HEADER_PREFIX: &str = "x-sim-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_script_and_single_headers() {
        let mut script = Script::default();

        script.read_header("x-sim-script", "status=429; gzip; fault=close-mid-body").unwrap();
        script.read_header("x-sim-gate", "first@2").unwrap();
        script.read_header("content-type", "application/json").unwrap();

        let gate = Some(GateAt { name: "first".to_owned(), after: 2 });
        let fault = Some(Fault::CloseMidBody);
        let expected = Script { status: Some(429), gzip: true, fault, gate, ..Script::default() };
        assert_eq!(script, expected);
        assert!(!script.is_plain());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let error = Script::default().read("speed=high").unwrap_err();

        assert_eq!(error.to_string(), "simulator script: cannot understand `speed=high`");
        assert!(Script::default().read("status=many").is_err());
    }
}
