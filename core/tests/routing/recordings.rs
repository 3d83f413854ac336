//! Recorded traffic. It is not part of the project: `TOLLGATE_RECORDINGS` names its folder.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::headers::Headers;
use tollgate_core::routing::content::{Seen, Watch, judge};
use tollgate_core::routing::failure::{Failure, Next, classify};

use crate::stand::NOW_US;

struct Exchange {
    name: String,
    path: String,
    status: u16,
    answer: String,
}

#[test]
fn every_recorded_answer_has_content() {
    for exchange in exchanges().iter().filter(|exchange| exchange.status < 300) {
        let Some(dialect) = dialect(exchange) else { continue };
        let seen = judge(dialect, exchange.answer.as_bytes());

        assert_eq!(seen, Seen::Content, "{}: {}", exchange.name, start(&exchange.answer));
    }
}

#[test]
fn pieces_make_no_difference_to_recorded_answers() {
    for exchange in exchanges().iter().filter(|exchange| exchange.status < 300) {
        let Some(dialect) = dialect(exchange) else { continue };
        let whole = judge(dialect, exchange.answer.as_bytes());
        for size in [1, 7, 64, 4_096] {
            let mut watch = Watch::new(dialect);
            for piece in exchange.answer.as_bytes().chunks(size) {
                watch.push(piece);
            }

            assert_eq!(watch.end(), whole, "{} in pieces of {size}", exchange.name);
        }
    }
}

#[test]
fn content_is_seen_long_before_the_end_of_a_stream() {
    for exchange in exchanges().iter().filter(|exchange| exchange.status < 300) {
        let is_stream = !exchange.answer.trim_start().starts_with(['{', '[']);
        let Some(dialect) = dialect(exchange).filter(|_| is_stream) else { continue };
        let mut watch = Watch::new(dialect);
        let mut bytes = 0;
        for piece in exchange.answer.as_bytes().chunks(1) {
            bytes += 1;
            if watch.push(piece) != Seen::Waiting {
                break;
            }
        }

        let late = bytes * 10 > exchange.answer.len() * 9 && exchange.answer.len() > 8_192;
        assert!(!late, "{}: {bytes} of {}", exchange.name, exchange.answer.len());
    }
}

#[test]
fn recorded_errors_are_read_by_what_they_say() {
    for exchange in exchanges().iter().filter(|exchange| exchange.status >= 400) {
        let failure = classify(exchange.status, Headers(&[]), exchange.answer.as_bytes(), NOW_US);

        let expected = match exchange.status {
            404 => Failure::ModelMissing,
            429 => Failure::RateLimited { retry_after_us: None },
            500.. => Failure::ServerError,
            _ if exchange.answer.contains("unsupported_value") => Failure::Unable,
            _ => Failure::ClientError,
        };
        assert_eq!(failure, expected, "{}: {}", exchange.name, exchange.answer);
        assert_ne!(failure.next(), Next::Larger);
    }
}

fn dialect(exchange: &Exchange) -> Option<Dialect> {
    let path = exchange.path.as_str();
    let has = |part: &str| path.contains(part);
    if has("batches") || has("/files") || has("count") || has("input_tokens") {
        None
    } else if path.ends_with("/chat/completions") || path.ends_with("/v1/embeddings") {
        Some(Dialect::OpenAi)
    } else if path.ends_with("/completions") {
        Some(Dialect::Completions)
    } else if path.ends_with("/responses") {
        Some(Dialect::Responses)
    } else if path.ends_with("/v1/messages") {
        Some(Dialect::Anthropic)
    } else if has("enerateContent") || has("mbedContent") {
        Some(Dialect::Gemini)
    } else if path.ends_with("/api/chat") {
        Some(Dialect::Ollama)
    } else {
        None
    }
}

fn start(text: &str) -> String {
    text.chars().take(600).collect()
}

fn exchanges() -> Vec<Exchange> {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDINGS").map(PathBuf::from) else {
        eprintln!("skipped: TOLLGATE_RECORDINGS is not set");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files.iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
        for (line, text) in fs::read_to_string(file).unwrap().lines().enumerate() {
            let exchange: Value = serde_json::from_str(text).unwrap();
            let status = match &exchange["status"] {
                Value::String(text) => text.split(' ').next().unwrap().parse().unwrap(),
                value => u16::try_from(value.as_u64().unwrap()).unwrap(),
            };
            let answer = match &exchange["response"] {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            found.push(Exchange {
                name: format!("{} {line}", file.file_name().unwrap().display()),
                path: exchange["path"].as_str().unwrap_or_default().to_owned(),
                status,
                answer,
            });
        }
    }
    found
}
