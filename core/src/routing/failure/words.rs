//! What an error body says, wherever in it that stands.

use std::fmt::Write as _;

use super::pause;
use crate::json::node::Node;

/// No more of a body is read; real errors are below 4 KiB.
const BODY_LIMIT: usize = 64 * 1024;
/// Nor kept of its texts, each.
const TEXT_LIMIT: usize = 2_048;
/// Nor kept of its names.
const MOST_NAMES: usize = 24;
/// Nor are objects in it followed deeper.
const DEPTH: usize = 5;

/// The words of an error, all in lower case.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// What machines read: `insufficient_quota`, `resource_exhausted`.
    names: Vec<String>,
    /// What people read. The first is what the error is about.
    texts: Vec<String>,
    /// The status it gives itself.
    pub(super) status: Option<u16>,
    /// How long to wait, where there is a field for it.
    pub(super) pause_us: Option<i64>,
    /// A moderator refused the content.
    pub(super) is_flagged: bool,
    /// It is no object with an `error`: a gateway's `{"message": …}`, or no JSON at all.
    pub(super) is_bare: bool,
}

impl Words {
    pub(super) fn read(body: &[u8], now_us: i64) -> Self {
        let mut words = Self { is_bare: true, ..Self::default() };
        let body = body.get(..BODY_LIMIT).unwrap_or(body).trim_ascii();
        // A stream of Gemini's that never began fails as an array of one.
        let inner = body.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        match Node::object(inner.unwrap_or(body)) {
            Ok(error) => words.walk(error, DEPTH, now_us),
            Err(_) => words.text(&String::from_utf8_lossy(body)),
        }
        words
    }

    /// Tells whether one of the names is among `known`.
    pub(super) fn is_named(&self, known: &[&str]) -> bool {
        self.names.iter().any(|name| known.contains(&name.as_str()))
    }

    /// Tells whether a text has one of these words.
    pub(super) fn says(&self, known: &[&str]) -> bool {
        self.texts.iter().any(|text| known.iter().any(|known| text.contains(known)))
    }

    /// Tells whether what it is about begins with one of these: not a quote of the client's.
    pub(super) fn begins(&self, known: &[&str]) -> bool {
        self.texts.first().is_some_and(|text| known.iter().any(|known| text.starts_with(known)))
    }

    /// Returns its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// Adds a name.
    pub(super) fn name(&mut self, name: &str) {
        if let Ok(status @ 400..=599) = name.parse() {
            self.status.get_or_insert(status);
        }
        if self.names.len() < MOST_NAMES {
            self.names.push(name.chars().take(64).map(|c| c.to_ascii_lowercase()).collect());
        }
    }

    fn text(&mut self, text: &str) {
        if self.texts.len() < MOST_NAMES && !text.trim().is_empty() {
            let text: String = text.trim().chars().take(TEXT_LIMIT).collect();
            self.texts.push(text.to_ascii_lowercase());
        }
    }

    fn walk(&mut self, node: Node<'_>, depth: usize, now_us: i64) {
        let Some(deeper) = depth.checked_sub(1) else { return };
        if node.is_array() {
            node.items().take(MOST_NAMES).for_each(|item| self.walk(item, deeper, now_us));
        }
        for (key, value) in node.members().take(64) {
            match &*key.to_ascii_lowercase() {
                "error" => {
                    self.is_bare &= !value.is_object();
                    self.speak(value, deeper, now_us);
                }
                "message" | "detail" | "msg" | "title" | "raw" | "error_description" => {
                    self.speak(value, deeper, now_us);
                }
                "errors" | "details" | "metadata" | "innererror" | "response" | "headers" => {
                    self.walk(value, deeper, now_us);
                }
                "code" | "type" | "status" | "reason" | "statuscode" | "quotaid" | "param" => {
                    self.take_name(value);
                }
                "reasons" | "flagged_input" | "content_filter_result" => self.is_flagged = true,
                "retrydelay" => {
                    let delay = value.string().and_then(|delay| pause::duration(&delay));
                    self.pause_us = self.pause_us.or(delay);
                }
                "retry_after" | "retryafter" | "retry_after_seconds" | "estimated_time" => {
                    let seconds = value.number().and_then(|number| pause::seconds(number.raw()));
                    self.pause_us = self.pause_us.or(seconds);
                }
                "x-ratelimit-reset" => {
                    let reset = value.string().and_then(|text| pause::reset(&text, now_us));
                    self.pause_us = self.pause_us.or(reset);
                }
                _ => {}
            }
        }
    }

    fn speak(&mut self, value: Node<'_>, depth: usize, now_us: i64) {
        match value.string() {
            Some(text) => self.text(&text),
            None => self.walk(value, depth, now_us),
        }
    }

    fn take_name(&mut self, value: Node<'_>) {
        if let Some(name) = value.string() {
            self.name(&name);
        } else if let Some(number) = value.u64() {
            let mut name = String::new();
            // Writing to memory cannot fail.
            let _ = write!(name, "{number}");
            self.name(&name);
        }
    }
}
