//! Recorded exchanges with real providers, when this machine has them.

use bytes::Bytes;
use serde_json::Value;

use crate::tools::Tools;

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Recording {
    /// File and line, for messages.
    pub place: String,
    /// Path of the request.
    pub path: String,
    /// Body of the request.
    pub request: Value,
    /// Status of the answer.
    pub status: u16,
    /// `content-type` of the answer.
    pub content_type: String,
    /// Body of the answer.
    pub response: Bytes,
}

/// Reads every recorded exchange. `None` when `TOLLGATE_RECORDINGS` is unset.
pub fn recordings() -> Option<Vec<Recording>> {
    let folder = Tools::recordings()?;
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files.iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
        let name = file.file_stem().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(file).unwrap();
        for (number, line) in text.lines().enumerate() {
            all.extend(parse(format!("{name}:{}", number + 1), line));
        }
    }
    Some(all)
}

/// Parses a line. `None` when its answer is no text.
fn parse(place: String, line: &str) -> Option<Recording> {
    let exchange: Value = serde_json::from_str(line).unwrap();
    let response = match (exchange["response_format"].as_str(), &exchange["response"]) {
        (Some("text"), Value::String(text)) => Bytes::from(text.clone()),
        (Some("json"), json) => Bytes::from(json.to_string()),
        _ => return None,
    };
    let status = &exchange["status"];
    let status = status.as_u64().or_else(|| status.as_str()?.split(' ').next()?.parse().ok());
    let header = |name: &str| exchange["response_headers"][name].as_str().unwrap_or_default();
    Some(Recording {
        path: exchange["path"].as_str().unwrap().to_owned(),
        request: exchange["request"].clone(),
        status: u16::try_from(status.unwrap()).unwrap(),
        content_type: header("content-type").to_owned(),
        response,
        place,
    })
}
