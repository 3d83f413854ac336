//! Counts and bounds beside what providers reported, in recorded exchanges.
//!
//! They are not part of the project: `TOLLGATE_RECORDINGS` names their folder.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tollgate_core::tokens::{Family, request_tokens, upper_bound};

/// A request and the number of tokens that its provider found in it.
struct Exchange {
    model: String,
    path: String,
    provider: String,
    body: Vec<u8>,
    tokens: u64,
}

/// Reads the exchanges, or none with a word on why.
fn exchanges() -> Vec<Exchange> {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDINGS") else {
        eprintln!("skipped: TOLLGATE_RECORDINGS is not set");
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let text = fs::read_to_string(path).unwrap();
            found.extend(
                text.lines().filter_map(|line| exchange(&serde_json::from_str(line).unwrap())),
            );
        }
    }
    found
}

fn exchange(recorded: &Value) -> Option<Exchange> {
    let request = &recorded["request"];
    let path = recorded["path"].as_str()?;
    if !recorded["status"].to_string().contains("200") || !request.is_object() {
        return None;
    }
    let in_path =
        path.rsplit_once("models/").map(|(_, rest)| rest.split([':', '/']).next().unwrap());
    let in_bedrock = path.split_once("/model/").map(|(_, rest)| rest.split('/').next().unwrap());
    let model = request["model"].as_str().or(in_path).or(in_bedrock)?.to_owned();
    let tokens =
        usages(&recorded["response"]).into_iter().filter_map(|usage| input(&usage)).next_back()?;
    Some(Exchange {
        model,
        path: path.to_owned(),
        provider: recorded["provider"].as_str()?.to_owned(),
        body: request.to_string().into_bytes(),
        tokens,
    })
}

fn usages(response: &Value) -> Vec<Value> {
    let datas = |text: &str| -> Vec<Value> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.filter_map(|data| serde_json::from_str(data).ok()).collect()
    };
    let objects = match response {
        Value::String(text) => {
            serde_json::from_str(text).map_or_else(|_| datas(text), |one| vec![one])
        }
        whole => vec![whole.clone()],
    };
    let place = |object: &Value| {
        [
            &object["usage"],
            &object["usageMetadata"],
            &object["response"]["usage"],
            &object["message"]["usage"],
        ]
        .into_iter()
        .find(|usage| usage.is_object())
        .cloned()
    };
    objects
        .iter()
        .filter_map(|object| {
            place(object).or_else(|| object.get("input_tokens").map(|_| object.clone()))
        })
        .collect()
}

fn input(usage: &Value) -> Option<u64> {
    let count = |name: &str| usage[name].as_u64();
    let cached = count("cache_creation_input_tokens").unwrap_or(0)
        + count("cache_read_input_tokens").unwrap_or(0);
    count("prompt_tokens")
        .or_else(|| count("promptTokenCount"))
        .or_else(|| count("input_tokens").map(|tokens| tokens + cached))
        .filter(|tokens| *tokens > 0)
}

/// Tells why a provider counts what is not in the body, or does not count what is.
fn beyond_the_body(exchange: &Exchange) -> bool {
    let body: Value = serde_json::from_slice(&exchange.body).unwrap();
    let text = body.to_string();
    let fields =
        ["mcp_servers", "cachedContent", "container", "plugins", "search_settings", "preset"];
    let words = [
        "server_tool_use",
        "web_search",
        "file_id",
        "fileData",
        "mcp_tool",
        "googleSearch",
        "google_search",
        "codeExecution",
        "urlContext",
        "fileSearch",
        "advisor",
        "compaction",
        "executableCode",
        "allowedFunctionNames",
        "thoughtSignature",
        "thought_signature",
        "tool_reference",
        "<think>",
    ];
    let own_tool = |tool: &Value| {
        let kind = tool["type"].as_str();
        let declared = ["input_schema", "name", "function", "functionDeclarations"];
        let declares = declared.iter().any(|name| tool.get(name).is_some());
        kind.is_none_or(|kind| ["function", "custom"].contains(&kind))
            && declares
            && tool["defer_loading"] != true
    };
    let tools = body["tools"].as_array().cloned().unwrap_or_default();
    // Gemini 2.0 Flash and one host of DeepSeek R1 count no declarations.
    let uncounted =
        ["gemini-2.0-flash", "DeepSeek-R1"].iter().any(|name| exchange.model.contains(name));
    fields.iter().any(|name| body.get(name).is_some())
        || words.iter().any(|word| text.contains(word))
        || body["tool_choice"] == "none"
        || !tools.iter().all(own_tool)
        || (uncounted && !tools.is_empty())
}

fn has_media(exchange: &Exchange) -> bool {
    let text = String::from_utf8_lossy(&exchange.body);
    let words = ["image_url", "input_audio", "\"file\"", "\"source\"", "inlineData", "inline_data"];
    words.iter().any(|word| text.contains(word))
}

/// Requests in the dialects that the core counts.
fn is_counted(exchange: &Exchange) -> bool {
    let path = exchange.path.split('?').next().unwrap();
    let ends = ["/completions", "/embeddings", "/messages", "/count_tokens", "enerateContent"];
    ends.iter().any(|end| path.ends_with(end))
}

#[test]
fn exact_counts_are_what_openai_billed() {
    let (mut exact, mut all) = (0, 0);
    for exchange in exchanges().iter().filter(|exchange| is_counted(exchange)) {
        if exchange.provider != "openai" {
            continue;
        }
        all += 1;
        let counted = request_tokens(Family::for_model(&exchange.model), &exchange.body);
        if counted.exact {
            exact += 1;
            assert_eq!(
                counted.tokens,
                exchange.tokens,
                "{}",
                String::from_utf8_lossy(&exchange.body)
            );
        }
    }
    eprintln!("{exact} of {all} requests to OpenAI counted exactly");
}

#[test]
fn estimates_are_within_ten_percent() {
    let mut families: BTreeMap<Family, Errors> = BTreeMap::new();
    for exchange in exchanges().iter().filter(|exchange| is_counted(exchange)) {
        if beyond_the_body(exchange) || has_media(exchange) {
            continue;
        }
        let family = Family::for_model(&exchange.model);
        let counted = request_tokens(family, &exchange.body);
        families.entry(family).or_default().add(counted.tokens, exchange.tokens);
    }
    for (family, errors) in families.iter().filter(|(family, _)| **family != Family::Other) {
        let error = errors.mean();
        let mean = format!("{}.{} %", error / 10, error % 10);
        eprintln!("| {family:?} | {} | {} | {mean} |", errors.requests, errors.tokens);
        assert!(error <= 100, "{family:?}: {mean}");
    }
}

#[derive(Default)]
struct Errors {
    requests: u64,
    tokens: u64,
    wrong: u64,
}

impl Errors {
    fn add(&mut self, counted: u64, billed: u64) {
        self.requests += 1;
        self.tokens += billed;
        self.wrong += counted.abs_diff(billed);
    }

    /// Returns the tokens that were wrong in a thousand.
    fn mean(&self) -> u64 {
        self.wrong * 1_000 / self.tokens
    }
}

#[test]
fn no_prompt_exceeds_its_bound() {
    for exchange in exchanges().iter().filter(|exchange| is_counted(exchange)) {
        let family = Family::for_model(&exchange.model);
        if beyond_the_body(exchange) || family == Family::Other {
            continue;
        }
        let bound = upper_bound(family, &exchange.body);
        let counted = request_tokens(family, &exchange.body).tokens;
        let body = String::from_utf8_lossy(&exchange.body);
        assert!(bound >= exchange.tokens && bound >= counted, "{bound} for {body}");
    }
}
