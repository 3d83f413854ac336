//! A streamed answer on its way to an OpenAI client: events leave as they complete, with the
//! client's name of the model, and without the usage that only we asked for.

use crate::dialect::openai::answer::{Facts, member};
use crate::dialect::texts::Texts;
use crate::json::edit::Edits;
use crate::json::scan::{Malformed, Member, Object};
use crate::json::text;
use crate::price::Price;
use crate::sse::{self, Data};
use crate::tokens::{Counted, Family};
use crate::usage;

mod cost;
mod cut;

use cut::Shape;

/// The state between two pieces of a stream.
#[derive(Debug)]
pub struct Stream {
    events: sse::Parser,
    chunks: Chunks,
}

#[derive(Debug)]
struct Chunks {
    model: Vec<u8>,
    hide_usage: bool,
    /// What usage that the client sees is to say it cost.
    price: Option<Price>,
    facts: Facts,
    texts: Texts,
    done: bool,
    allowance: Option<Allowance>,
    shape: Shape,
    is_cut: bool,
}

/// How long an answer may get before it is ended here. Providers were told the cap, and count by
/// vocabularies of their own; so there is an eighth and eight tokens to spare for an honest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens of output that are reserved.
    pub output: u64,
    /// Tokens of input, when the client wants to be told usage.
    pub input: Option<u64>,
}

impl Stream {
    /// Follows a stream in which `model` becomes `name`. With `hide_usage`, usage that the client
    /// did not ask for is taken out again.
    pub fn new(name: &str, family: Family, hide_usage: bool) -> Self {
        let chunks = Chunks {
            model: text::encode(name),
            hide_usage,
            price: None,
            facts: Facts::default(),
            texts: Texts::new(family),
            done: false,
            allowance: None,
            shape: Shape::default(),
            is_cut: false,
        };
        Self { events: sse::Parser::default(), chunks }
    }

    /// Ends the stream when its text gets longer than this.
    #[must_use]
    pub fn within(mut self, allowance: Option<Allowance>) -> Self {
        self.chunks.allowance = allowance;
        self
    }

    /// Tells with the usage what it costs at this price.
    #[must_use]
    pub fn priced(mut self, price: Option<Price>) -> Self {
        self.chunks.price = price;
        self
    }

    /// Tells whether the stream was ended here: what the provider still sends is not wanted.
    pub fn is_cut(&self) -> bool {
        self.chunks.is_cut
    }

    /// Takes a piece and returns what to forward now. At the `end`, an incomplete event is
    /// forwarded as it is.
    pub fn push(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + 64);
        let Self { events, chunks } = self;
        events.push(piece, |raw| chunks.event(raw, &mut out));
        if end && !chunks.is_cut {
            out.extend_from_slice(events.rest());
        }
        out
    }

    /// Returns what the stream has said so far.
    pub fn facts(&self) -> &Facts {
        &self.chunks.facts
    }

    /// Counts the tokens that were generated so far.
    pub fn generated(&self) -> Counted {
        self.chunks.texts.total()
    }

    /// Tells whether `[DONE]` has passed.
    pub fn is_done(&self) -> bool {
        self.chunks.done
    }
}

/// What becomes of one event.
enum Verdict {
    Keep,
    Edit(Edits<'static>),
    Hide,
}

impl Chunks {
    fn event(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        if self.is_cut {
            return;
        }
        let before = out.len();
        self.pass(raw, out);
        if let Some(Allowance { output, input }) = self.allowance
            && !self.done
            && self.texts.exceed(output.saturating_add(output / 8).saturating_add(8))
        {
            self.is_cut = true;
            out.truncate(before);
            let usage = input.map(|input| (input, self.texts.total().tokens));
            self.shape.end(&self.model, usage, out);
        }
    }

    fn pass(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        match sse::data(raw) {
            Data::None => out.extend_from_slice(raw),
            Data::Line(at) => {
                let payload = raw.get(at.clone()).unwrap_or_default();
                match self.payload(payload) {
                    Verdict::Keep => out.extend_from_slice(raw),
                    Verdict::Hide => {}
                    Verdict::Edit(edits) => {
                        out.extend_from_slice(raw.get(..at.start).unwrap_or_default());
                        edits.apply_to(payload, out);
                        out.extend_from_slice(raw.get(at.end..).unwrap_or_default());
                    }
                }
            }
            Data::Joined(payload) => match self.payload(&payload) {
                Verdict::Keep => out.extend_from_slice(raw),
                Verdict::Hide => {}
                Verdict::Edit(edits) => rewrite(&edits.apply(&payload), out),
            },
        }
    }

    fn payload(&mut self, payload: &[u8]) -> Verdict {
        if payload.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Verdict::Keep;
        }
        // A provider's malformed chunk is the client's to see, unchanged.
        self.chunk(payload).unwrap_or(Verdict::Keep)
    }

    fn chunk(&mut self, payload: &[u8]) -> Result<Verdict, Malformed> {
        let mut object = Object::open(payload)?;
        let mut edits = Edits::default();
        let mut seen = Seen::default();
        while let Some(member) = object.next_member()? {
            self.member(&member, payload, &mut edits, &mut seen);
        }
        if self.hide_usage && seen.usage && seen.no_choices {
            return Ok(Verdict::Hide);
        }
        Ok(if edits.is_empty() { Verdict::Keep } else { Verdict::Edit(edits) })
    }

    fn member(
        &mut self,
        found: &Member,
        payload: &[u8],
        edits: &mut Edits<'static>,
        seen: &mut Seen,
    ) {
        let value = payload.get(found.value.clone()).unwrap_or_default();
        let key = payload.get(found.key.clone()).unwrap_or_default();
        let key = text::decode(key);
        if self.allowance.is_some() {
            self.shape.take(&key, value);
        }
        match &*key {
            "model" if value.starts_with(b"\"") && value != self.model => {
                edits.replace(found.value.clone(), self.model.clone());
            }
            "usage" if value == b"null" && self.hide_usage => edits.remove(found),
            "usage" if value == b"null" => {}
            "usage" => {
                seen.usage = true;
                self.facts.take_usage(value);
                if let (Some(price), Some(usage)) = (&self.price, usage::parse(value)) {
                    cost::write(price.cost(&usage), value, found.value.start, edits);
                }
            }
            "choices" => {
                seen.no_choices =
                    value.len() <= 2 || value.get(1..).unwrap_or_default().trim_ascii() == b"]";
                self.facts.take_choices(value);
                self.texts.take_choices(value);
            }
            "id" => self.facts.take_id(value),
            "error" => self.facts.take_error(value),
            // Groq repeats usage here, and older versions of it had it here alone.
            "x_groq" if self.facts.usage.is_none() => {
                if let Some(usage) = member(value, "usage") {
                    self.facts.take_usage(usage);
                }
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Seen {
    usage: bool,
    no_choices: bool,
}

/// Writes a payload of several lines as the event that means it.
fn rewrite(payload: &[u8], out: &mut Vec<u8>) {
    for line in payload.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::AttoDollars;

    const CHUNK: &str = r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}"#;
    const USAGE: &str = r#"{"id":"c1","model":"gpt-4o-2024","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

    fn run(stream: &str, hide: bool, size: usize) -> (String, Stream) {
        let mut follower = Stream::new("mine", Family::Gpt4o, hide);
        let mut out = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            out.extend(follower.push(piece, false));
        }
        out.extend(follower.push(b"", true));
        (String::from_utf8(out).unwrap(), follower)
    }

    fn stream() -> String {
        format!(": hello\n\ndata: {CHUNK}\n\ndata: {USAGE}\n\ndata: [DONE]\n\n")
    }

    #[test]
    fn hides_the_usage_that_only_we_asked_for() {
        let (out, follower) = run(&stream(), true, 1000);

        let chunk = CHUNK.replace("gpt-4o-2024", "mine").replace(r#","usage":null"#, "");
        assert_eq!(out, format!(": hello\n\ndata: {chunk}\n\ndata: [DONE]\n\n"));
        let usage = follower.facts().usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.total), (3, 1, 4));
        assert!(follower.is_done());
        assert_eq!(follower.facts().output_bytes, 2);
        assert_eq!(follower.facts().id.as_deref(), Some("c1"));
    }

    #[test]
    fn keeps_the_usage_that_the_client_asked_for() {
        let (out, _) = run(&stream(), false, 1000);

        assert_eq!(out, stream().replace("gpt-4o-2024", "mine"));
    }

    #[test]
    fn says_what_it_cost_when_there_is_a_price() {
        let price = Price { output: AttoDollars(2_000_000_000_000), ..Price::default() };
        let mut follower = Stream::new("mine", Family::Gpt4o, false).priced(Some(price));

        let out = follower.push(stream().as_bytes(), true);

        let usage = r#""total_tokens":4}"#;
        let told = stream().replace("gpt-4o-2024", "mine");
        let told = told.replace(usage, r#""total_tokens":4,"cost":0.000002}"#);
        assert_eq!(String::from_utf8(out).unwrap(), told);
    }

    #[test]
    fn any_chunking_gives_the_same() {
        for stream in [stream(), stream().replace('\n', "\r\n"), stream() + "data: {\"half"] {
            let (whole, follower) = run(&stream, true, 10_000);
            for size in 1..stream.len() {
                let (out, other) = run(&stream, true, size);
                assert_eq!(out, whole, "in pieces of {size}");
                assert_eq!(other.facts(), follower.facts());
            }
        }
    }

    #[test]
    fn passes_what_it_does_not_understand() {
        let odd =
            "data: {\"model\":\n\nevent: ping\n\ndata: 1\n\ndata: {\"model\":null}\n\nid: 7\n\n";

        assert_eq!(run(odd, true, 7).0, odd);
    }

    #[test]
    fn understands_events_of_several_lines() {
        let (out, follower) = run("data: {\"model\":\"x\",\ndata: \"id\":\"i\"}\n\n", true, 5);

        assert_eq!(out, "data: {\"model\":\"mine\",\ndata: \"id\":\"i\"}\n\n");
        assert_eq!(follower.facts().id.as_deref(), Some("i"));
    }
}
