//! The lines of a batch's file.

use std::collections::BTreeSet;
use std::ops::Range;

use tollgate_core::dialect::provider::is_embedding;
use tollgate_core::dialect::references::{self, Noun};
use tollgate_core::dialect::request::{self, Request};
use tollgate_core::exchange::commit::{self, endpoint};
use tollgate_core::json::scan::Object;
use tollgate_core::json::text;
use tollgate_core::path::{Call, Route};
use tollgate_core::price::Price;
use tollgate_core::tokens::{request_tokens, upper_bound};
use tollgate_proto::v1::Endpoint;

use super::{Context, Fault, Found, Judged, Room};
use crate::deferred::reading::Pieces;
use crate::deferred::worst::is_kept;
use crate::domain::{ResourceKind, Worst};
use crate::snapshot::resources;

/// Judges all lines.
pub(in crate::deferred) fn batch(
    context: &Context,
    endpoint: Endpoint,
    mut pieces: Pieces,
) -> Result<Judged, Fault> {
    let mut judge = Judge::new(context, endpoint)?;
    pieces.each_line(|number, text| judge.line(number, text))?;
    judge.finish()
}

/// One who has read some lines.
struct Judge<'a> {
    room: Room<'a>,
    call: Call,
    path: &'static str,
    lines: u32,
    /// The model of all lines, by the name that the first has for it, and what it costs.
    chosen: Option<(String, Found, Option<Price>)>,
    /// Some limit keeps what it uses.
    is_limited: bool,
    worst: Worst,
    counted: usize,
    named: BTreeSet<(Option<ResourceKind>, String)>,
    renamed: bool,
}

impl<'a> Judge<'a> {
    fn new(context: &'a Context, endpoint: Endpoint) -> Result<Self, Fault> {
        Ok(Self {
            room: Room::open(context)?,
            call: Call { endpoint, named: None, route: Route::default() },
            path: commit::path(endpoint).unwrap_or_default(),
            lines: 0,
            chosen: None,
            is_limited: false,
            worst: Worst::default(),
            counted: 0,
            named: BTreeSet::new(),
            renamed: false,
        })
    }

    fn line(&mut self, number: u32, text: &[u8]) -> Result<(), Fault> {
        let fault = |why: String| Fault::Line(number, why);
        self.lines = self.lines.saturating_add(1);
        if self.lines > MOST_LINES {
            return Err(fault(format!("A batch has {MOST_LINES} lines at most.")));
        }
        let body = self.envelope(text).map_err(fault)?;
        let body = text.get(body).unwrap_or_default();
        members(body).map_err(fault)?;
        let request =
            request::read(&self.call, body).map_err(|refusal| fault(refusal.message()))?;
        if self.room.snapshot.customers
            && request.user.is_some()
            && request.user != self.room.context.customer
        {
            return Err(fault(CUSTOMER.to_owned()));
        }
        self.choose(&request.model).map_err(fault)?;
        self.take_ids(body, number)?;
        self.bound(&request, body);
        Ok(())
    }

    /// Reads what stands around a body, and returns where that is.
    fn envelope(&self, line: &[u8]) -> Result<Range<usize>, String> {
        std::str::from_utf8(line).map_err(|_| "It is not UTF-8.".to_owned())?;
        let members = members(line)?;
        let value = |name: &str| {
            let at = members.iter().find(|(key, _)| key == name).map(|(_, at)| at.clone())?;
            Some((at.clone(), line.get(at)?))
        };
        let text = |name| value(name).and_then(|(_, raw)| text::string_value(raw));
        if text("custom_id").is_none_or(|id| id.is_empty()) {
            return Err("'custom_id' must be a string.".to_owned());
        }
        if text("method").as_deref() != Some("POST") {
            return Err("'method' must be \"POST\".".to_owned());
        }
        if text("url").and_then(|url| endpoint(&url)) != Some(self.call.endpoint) {
            return Err(format!("'url' must be the batch's endpoint, \"{}\".", self.path));
        }
        match value("body") {
            Some((at, raw)) if raw.starts_with(b"{") => Ok(at),
            _ => Err("'body' must be an object.".to_owned()),
        }
    }

    /// Makes a model the one of all lines, or checks that it is.
    fn choose(&mut self, name: &str) -> Result<(), String> {
        if let Some((first, ..)) = &self.chosen
            && first == name
        {
            return Ok(());
        }
        let found = self.room.find(name)?;
        if found.model.settings.is_some() {
            return Err(format!("Model '{name}' has settings that a batch does not carry."));
        }
        self.renamed |= name != found.target.model;
        if let Some((_, first, _)) = &self.chosen {
            let same = first.model.name == found.model.name;
            return if same { Ok(()) } else { Err(ONE_MODEL.to_owned()) };
        }
        let meters = self.room.meters(&found.model.name, Some(&found));
        self.is_limited = meters.iter().any(|meter| is_kept(meter) && !meter.observe_only);
        let price = found.price().map(|price| price.of_batch());
        self.chosen = Some((name.to_owned(), found, price));
        Ok(())
    }

    /// Takes the ids of objects that a body names.
    fn take_ids(&mut self, body: &[u8], number: u32) -> Result<(), Fault> {
        for reference in references::named_in(self.call.endpoint, body) {
            let kind = match reference.noun {
                Noun::Held(kind) => resources::kind(kind),
                Noun::Conversation | Noun::Container | Noun::Item | Noun::CachedContent => None,
            };
            if kind.is_none() || !references::is_id(&reference.id) {
                return Err(Fault::Unknown(kind, reference.id));
            }
            self.named.insert((kind, reference.id));
        }
        if self.named.len() > MOST_IDS {
            return Err(Fault::line(number, format!("A batch names {MOST_IDS} objects at most.")));
        }
        Ok(())
    }

    /// Adds what a line uses at most.
    fn bound(&mut self, request: &Request, body: &[u8]) {
        let Some((_, Found { target, .. }, price)) = &self.chosen else { return };
        let mut input = upper_bound(target.family, body);
        self.counted = self.counted.saturating_add(body.len());
        if self.is_limited && self.counted <= MOST_COUNTED {
            let counted = request_tokens(target.family, body);
            if counted.exact {
                input = input.min(counted.tokens);
            }
        }
        let one = request.max_tokens.or(target.max_output_tokens).unwrap_or(UNKNOWN_OUTPUT);
        let output =
            if is_embedding(self.call.endpoint) { 0 } else { one.saturating_mul(request.choices) };
        let cost = price.as_ref().map_or(0, |price| price.bound(input, output).0);
        self.worst.input = self.worst.input.saturating_add(input);
        self.worst.output = self.worst.output.saturating_add(output);
        self.worst.cost.0 = self.worst.cost.0.saturating_add(cost);
    }

    fn finish(self) -> Result<Judged, Fault> {
        let Some((_, found, price)) = self.chosen else {
            return Err(Fault::line(0, "It has no lines."));
        };
        Ok(Judged {
            meters: self.room.meters(&found.model.name, Some(&found)),
            model: found.model.name.clone(),
            provider_model: found.target.model.clone(),
            price,
            worst: Some(self.worst),
            missing: "",
            named: self.named.into_iter().collect(),
            renamed: self.renamed,
        })
    }
}

/// Returns names and places of an object's members, each of which may be there once: nobody knows
/// which of several a provider takes.
fn members(object: &[u8]) -> Result<Vec<(String, Range<usize>)>, String> {
    let broken =
        |why: tollgate_core::json::scan::Malformed| format!("It is no JSON object: {why}.");
    let mut reader = Object::open(object).map_err(broken)?;
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    while let Some(member) = reader.next_member().map_err(broken)? {
        let key = text::decode(object.get(member.key).unwrap_or_default());
        if found.iter().any(|(known, _)| *known == key) {
            let shown: String = key.chars().take(64).collect();
            return Err(format!("'{shown}' stands in it twice."));
        }
        if found.len() >= MOST_MEMBERS {
            return Err("It has too many members.".to_owned());
        }
        found.push((key.into_owned(), member.value));
    }
    Ok(found)
}

/// What OpenAI takes: <https://platform.openai.com/docs/guides/batch>, which also says that all lines
/// name one model.
const MOST_LINES: u32 = 50_000;
/// No API has as many.
const MOST_MEMBERS: usize = 256;
const MOST_IDS: usize = 10_000;
/// Bytes of bodies that are counted exactly; the rest is bounded. It takes some 0.1 ms a KiB.
const MOST_COUNTED: usize = 16 << 20;
/// Output where neither line nor model say how long it may be, as for other requests.
const UNKNOWN_OUTPUT: u64 = 16_384;
const ONE_MODEL: &str = "All lines of a batch must name one model.";
const CUSTOMER: &str = "'user' names a customer, whose limits are not known for a line. Name the \
                        customer of the whole batch in the header 'x-litellm-customer-id'.";

#[cfg(test)]
mod tests;
