//! What every stream of Responses keeps to, whatever it tells.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Returns the events of a stream, each under the name that its `event` line has.
pub(crate) fn events(stream: &str) -> Vec<Value> {
    let events = stream.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
    let parsed = events.map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name.strip_prefix("event: ").unwrap());
        data
    });
    parsed.collect()
}

/// Checks numbers, order, and that the parts of an item add up to it. Returns the last response,
/// if the stream has ended.
pub(crate) fn check(stream: &str) -> Option<Value> {
    let events = events(stream);
    let mut open: BTreeMap<u64, Seen> = BTreeMap::new();
    let mut done: BTreeMap<u64, Value> = BTreeMap::new();
    let mut last = None;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        assert!(last.is_none(), "{event} comes after the end");
        let kind = event["type"].as_str().unwrap();
        match (number, kind) {
            (0, _) => assert_eq!(kind, "response.created"),
            (1, _) => assert_eq!(kind, "response.in_progress"),
            (_, "response.output_item.added") => {
                let place = event["output_index"].as_u64().unwrap();
                assert_eq!(json!(place), open.len() + done.len(), "{event}");
                open.insert(place, Seen { item: event["item"].clone(), ..Seen::default() });
            }
            (_, "response.output_item.done") => {
                let place = event["output_index"].as_u64().unwrap();
                open.remove(&place).unwrap().ends_as(&event["item"]);
                done.insert(place, event["item"].clone());
            }
            (_, "response.completed" | "response.incomplete" | "response.failed") => {
                assert!(open.is_empty(), "left open: {open:?}");
                let response = &event["response"];
                assert_eq!(format!("response.{}", response["status"].as_str().unwrap()), kind);
                assert_eq!(response["output"], json!(done.values().collect::<Vec<_>>()));
                last = Some(response.clone());
            }
            (_, "error") => {}
            _ => {
                let place = event["output_index"].as_u64().unwrap();
                open.get_mut(&place).unwrap().takes(kind, event);
            }
        }
    }
    last
}

/// What was told of an item.
#[derive(Debug, Default)]
struct Seen {
    item: Value,
    /// By the place of the part of content or summary.
    texts: BTreeMap<u64, String>,
    parts_done: usize,
    annotations: usize,
}

impl Seen {
    fn takes(&mut self, kind: &str, event: &Value) {
        assert_eq!(event["item_id"], self.item["id"]);
        let part = event["content_index"].as_u64().or(event["summary_index"].as_u64());
        let part = part.unwrap_or(0);
        if kind.ends_with("part.added") {
            assert!(self.texts.insert(part, String::new()).is_none());
            assert_eq!(json!(part), self.texts.len() - 1);
        } else if kind.ends_with("part.done") {
            self.parts_done += 1;
        } else if kind.ends_with("annotation.added") {
            assert_eq!(event["annotation_index"], self.annotations);
            self.annotations += 1;
        } else if kind.ends_with("delta") {
            let is_call = self.item["call_id"].is_string();
            let text = if is_call {
                self.texts.entry(0).or_default()
            } else {
                self.texts.get_mut(&part).unwrap()
            };
            text.push_str(event["delta"].as_str().unwrap());
        } else {
            let whole = ["text", "refusal", "arguments", "input"].map(|key| event[key].as_str());
            let whole = whole.into_iter().flatten().next().unwrap();
            assert_eq!(self.texts.get(&part).map_or("", String::as_str), whole);
        }
    }

    fn ends_as(&self, item: &Value) {
        assert_eq!((&item["id"], &item["type"]), (&self.item["id"], &self.item["type"]));
        let parts = ["content", "summary"].into_iter().filter_map(|key| item[key].as_array());
        let parts: Vec<&Value> = parts.flatten().collect();
        if !item["call_id"].is_string() && !self.texts.is_empty() {
            let texts = parts
                .iter()
                .map(|part| part["text"].as_str().or(part["refusal"].as_str()).unwrap().to_owned());
            assert!(texts.eq(self.texts.values().cloned()));
            assert_eq!(self.parts_done, parts.len());
        }
    }
}
