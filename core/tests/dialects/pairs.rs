//! Every case in every pair of dialects: as it reaches each provider, also when another client
//! had said it, and as its answer reaches each client.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};

use crate::cases::{self, Case};
use crate::items::ITEMS;

/// Every dialect that providers speak, with the folder of its cases.
const SPOKEN: [(Dialect, &str); 5] = [
    (Dialect::OpenAi, "openai"),
    (Dialect::Responses, "responses"),
    (Dialect::Anthropic, "anthropic"),
    (Dialect::Gemini, "gemini"),
    (Dialect::Ollama, "ollama"),
];

/// Fewer cases than this make no matrix.
const AT_LEAST: usize = 40;

/// A case whose request is one of its dialect's.
struct Asked {
    dialect: Dialect,
    case: Case,
    body: Vec<u8>,
}

fn asked() -> Vec<Asked> {
    let of = |(dialect, folder)| {
        let requests = cases::of(folder).into_iter();
        requests.filter_map(move |case| {
            let body = case.file("request.json")?;
            dialect_reads(dialect, &body).then_some(Asked { dialect, case, body })
        })
    };
    SPOKEN.into_iter().flat_map(of).collect()
}

fn dialect_reads(dialect: Dialect, body: &[u8]) -> bool {
    dialect.read_request(body).is_ok()
}

fn towards(model: &str) -> Towards<'_> {
    Towards {
        model,
        max_output_tokens: Some(8192),
        completion_tokens_cap: true,
        stream_usage: true,
    }
}

fn to() -> ReplyTo {
    ReplyTo { model: "asked".into(), id: "1f".into(), created: 7, ..ReplyTo::default() }
}

fn written(conversation: &Conversation<'_>, to: Dialect) -> (Vec<u8>, Dropped) {
    let mut dropped = Dropped::default();
    let body = to.write_request(conversation, towards("real"), &mut dropped);
    (body, dropped)
}

fn pretty(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(body));
    });
    serde_json::to_string_pretty(&value).unwrap()
}

#[test]
fn every_case_reaches_every_provider() {
    let cases = asked();
    assert!(cases.len() >= AT_LEAST, "{} cases", cases.len());
    for Asked { dialect, case, body } in cases {
        let conversation = dialect.read_request(&body).unwrap();
        let mut made = String::new();
        for (provider, name) in SPOKEN.into_iter().filter(|(provider, _)| *provider != dialect) {
            let (sent, dropped) = written(&conversation, provider);
            let lost = dropped.fields().join(", ");
            let _ = write!(made, "=== {name} (dropped: {lost})\n{}\n", pretty(&sent));
            for (client, client_name) in SPOKEN {
                if client != dialect {
                    let (said, _) = written(&conversation, client);
                    let mut again = client.read_request(&said).unwrap();
                    again.stream = conversation.stream;
                    let (through, _) = written(&again, provider);
                    let same = difference(&sent, &through);
                    let _ = writeln!(made, "through {client_name}: {same}");
                }
            }
        }
        case.shows("pairs", &made);
    }
}

#[test]
fn every_answer_reaches_every_client() {
    for (dialect, folder) in SPOKEN {
        for case in cases::of(folder) {
            let Some(body) = case.file("response.json") else { continue };
            let Ok(answer) = dialect.read_answer(&body) else { continue };
            let mut made = String::new();
            for (client, name) in SPOKEN.into_iter().filter(|(client, _)| *client != dialect) {
                let written = client.write_answer(&answer, &to());
                let _ = write!(made, "=== {name}\n{}\n", pretty(&written));
            }
            case.shows("answers", &made);
        }
    }
}

#[test]
fn every_stream_reaches_every_client() {
    for (dialect, folder) in SPOKEN {
        for case in cases::of(folder) {
            let Some(stream) = case.file("stream.txt") else { continue };
            let mut made = String::new();
            for (client, name) in SPOKEN.into_iter().filter(|(client, _)| *client != dialect) {
                let whole = relayed(dialect, client, &stream, stream.len().max(1));
                for size in [1, 3, 64] {
                    assert_eq!(relayed(dialect, client, &stream, size), whole, "{size}");
                }
                let _ = write!(made, "=== {name}\n{whole}\n");
            }
            case.shows("streams", &made);
        }
    }
}

fn relayed(from: Dialect, to_client: Dialect, stream: &[u8], size: usize) -> String {
    let mut reader = from.reader();
    let mut writer = to_client.writer(to(), true);
    let mut out = Vec::new();
    for piece in stream.chunks(size) {
        reader.push(piece, &mut |event| writer.event(&event, &mut out));
    }
    reader.end(&mut |event| writer.event(&event, &mut out));
    String::from_utf8(out).unwrap()
}

/// Names the places where two bodies differ.
fn difference(one: &[u8], other: &[u8]) -> String {
    let parsed = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let mut places = Vec::new();
    compare(&parsed(one), &parsed(other), String::new(), &mut places);
    if places.is_empty() { "the same".to_owned() } else { places.join(", ") }
}

fn compare(one: &Value, other: &Value, place: String, places: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let (left, right) = (one.get(name), other.get(name));
                let place = format!("{place}/{name}");
                compare(left.unwrap_or(&Value::Null), right.unwrap_or(&Value::Null), place, places);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                compare(one, other, format!("{place}/{at}"), places);
            }
        }
        _ if one != other => places.push(place),
        _ => {}
    }
}

/// What became of an item on its way to a provider.
#[derive(Default)]
struct Carried {
    cases: usize,
    kept: usize,
}

#[test]
fn the_table_in_the_docs_is_what_the_cases_show() {
    let mut table: BTreeMap<(usize, usize, usize), Carried> = BTreeMap::new();
    let mut cases_of = vec![0; ITEMS.len()];
    for Asked { dialect, body, .. } in asked() {
        let conversation = dialect.read_request(&body).unwrap();
        let client = SPOKEN.iter().position(|(spoken, _)| *spoken == dialect).unwrap();
        let there = ITEMS.iter().enumerate().filter(|(_, item)| (item.is_in)(&conversation));
        for (at, item) in there {
            cases_of[at] += 1;
            for (to, (provider, _)) in SPOKEN.into_iter().enumerate() {
                let (sent, _) = written(&conversation, provider);
                let arrived = provider.read_request(&sent).unwrap();
                let cell = table.entry((at, client, to)).or_default();
                cell.cases += 1;
                cell.kept += usize::from((item.is_in)(&arrived));
            }
        }
    }
    for (item, cases) in ITEMS.iter().zip(&cases_of) {
        assert!(*cases >= 2, "{:?} has {cases} cases; it needs two", item.name);
    }
    check_docs(&rendered(&table));
}

/// A row for each item, a column for each provider; a cell counts over all clients.
fn rendered(table: &BTreeMap<(usize, usize, usize), Carried>) -> String {
    let names = SPOKEN.map(|(_, name)| name);
    let mut text = format!("| to provider | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(5));
    for (at, item) in ITEMS.iter().enumerate() {
        let _ = write!(text, "| {} |", item.name);
        for to in 0..SPOKEN.len() {
            let cells =
                table.iter().filter(|((item, _, provider), _)| (*item, *provider) == (at, to));
            let (kept, cases) = cells
                .fold((0, 0), |(kept, cases), (_, cell)| (kept + cell.kept, cases + cell.cases));
            let shown = match kept {
                _ if kept == cases => "yes".to_owned(),
                0 => "–".to_owned(),
                _ => format!("{kept} of {cases}"),
            };
            let _ = write!(text, " {shown} |");
        }
        text.push('\n');
    }
    text
}

const BEGIN: &str = "<!-- what follows is generated: UPDATE_DOCS=1 cargo test -p tollgate-core --test dialects -->\n";
const END: &str = "<!-- end of what is generated -->";

fn check_docs(table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialects.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (old, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(old, table, "docs/dialects.md is stale; write it with UPDATE_DOCS=1");
}
