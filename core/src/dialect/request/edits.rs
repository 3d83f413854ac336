//! What is changed in a body that stays in its dialect.

use std::ops::Range;

use super::fields::{Nested, members};
use super::{Cap, Request, cap_names};
use crate::json::edit::Edits;
use crate::json::text;

/// A change: what takes the place of what.
type Change = (Range<usize>, Vec<u8>);

impl Request {
    /// Returns what to change for a target: its name of the model; when `ask_usage`, the request
    /// for usage at the end of a stream; and the output cap, when it is not the client's.
    pub fn edits(
        &self,
        body: &[u8],
        target_model: &str,
        ask_usage: bool,
        cap: Option<Cap>,
    ) -> Edits<'static> {
        let mut changes: Vec<Change> = Vec::new();
        if let Some(cap) = cap {
            self.cap(body, cap, &mut changes);
        }
        // A provider may read another of several occurrences than the one that was judged.
        let many = self.model_at.len() > 1 || self.spelling.is_new() || self.is_supplied;
        if target_model != self.model || many {
            let name = self.spelling.write(target_model);
            changes.extend(self.model_at.iter().map(|at| (at.clone(), name.clone())));
        }
        if ask_usage && self.stream && !self.include_usage {
            if self.stream_options_at.is_empty() {
                let options = b"\"stream_options\":{\"include_usage\":true},".to_vec();
                changes.push((self.inside..self.inside, options));
            }
            for at in &self.stream_options_at {
                changes.extend(asked_for_usage(body, at.clone()));
            }
        }
        changes.sort_by_key(|(at, _)| at.start);
        let mut edits = Edits::default();
        for (at, with) in changes {
            edits.replace(at, with);
        }
        edits
    }

    fn cap(&self, body: &[u8], cap: Cap, changes: &mut Vec<Change>) {
        let value = cap.tokens.to_string();
        if !self.max_tokens_at.is_empty() {
            // All of them: a provider may heed another one than we do.
            let all = self.max_tokens_at.iter();
            changes.extend(all.map(|at| (at.clone(), value.clone().into_bytes())));
            return;
        }
        let nested = Nested::of(self.endpoint);
        let (at, member) = match (nested, &self.options_at) {
            (None, _) => {
                let own = cap_names(self.endpoint);
                let field = if own.contains(&cap.field) { Some(&cap.field) } else { own.first() };
                (self.inside, format!("\"{}\":{value},", field.unwrap_or(&cap.field)))
            }
            (Some(Nested { cap: [name, ..], .. }), Some(options)) => {
                let inner = body.get(options.clone()).unwrap_or_default();
                let comma = if members(inner).next().is_some() { "," } else { "" };
                (options.start + 1, format!("\"{name}\":{value}{comma}"))
            }
            (Some(Nested { outer: [outer, ..], cap: [name, ..], .. }), None) => {
                (self.inside, format!("\"{outer}\":{{\"{name}\":{value}}},"))
            }
            (Some(_), _) => return,
        };
        changes.push((at..at, member.into_bytes()));
    }
}

/// Returns the edits that make existing `stream_options` ask for usage.
fn asked_for_usage(body: &[u8], at: Range<usize>) -> Vec<Change> {
    let options = body.get(at.clone()).unwrap_or_default();
    if options == b"null" {
        return vec![(at, b"{\"include_usage\":true}".to_vec())];
    }
    let existing: Vec<_> = members(options)
        .filter(|member| {
            text::means(options.get(member.key.clone()).unwrap_or_default(), "include_usage")
        })
        .map(|member| {
            (at.start + member.value.start..at.start + member.value.end, b"true".to_vec())
        })
        .collect();
    if !existing.is_empty() {
        return existing;
    }
    let comma = if members(options).next().is_some() { "," } else { "" };
    let inside = at.start + 1;
    vec![(inside..inside, format!("\"include_usage\":true{comma}").into_bytes())]
}
