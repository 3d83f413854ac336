//! `/api/embed`, and the older `/api/embeddings`
//! (<https://github.com/ollama/ollama/blob/main/docs/api.md>).

use crate::dialect::Dialect;
use crate::dialect::chat::Dropped;
use crate::dialect::checked::{self, invalid};
use crate::dialect::embeddings::{Answer, Encoding, Input, Request, Vector, Wanted, input_tokens};
use crate::json::node::Node;
use crate::json::scan::Malformed;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads a request of either path.
///
/// # Errors
/// When it is no JSON, or something that must be there is not, or is of the wrong kind.
pub fn read_request(body: &[u8]) -> Result<Request<'_>, Refusal> {
    let body = checked::body(body)?;
    let mut request = Request::of(Dialect::Ollama);
    let mut model = None;
    for (key, value) in body.members().filter(|(_, value)| !value.is_null()) {
        match &*key {
            "model" => model = Some(value.string().ok_or(invalid("model", "a string"))?),
            "prompt" => {
                let text = value.text().ok_or(invalid("prompt", "a string"))?;
                request.inputs.push(Input::Text(text));
                request.is_single = true;
            }
            "input" => {
                let one = (!value.is_array()).then_some(value);
                for text in one.into_iter().chain(value.items()) {
                    let text = text.text().ok_or(invalid("input", "a string or strings"))?;
                    request.inputs.push(Input::Text(text));
                }
            }
            "truncate" => request.truncate = value.bool(),
            "dimensions" => request.dimensions = value.u64(),
            _ => request.extras.push((key, value)),
        }
    }
    request.model = model.ok_or(Refusal::MissingField("model"))?;
    Ok(request)
}

/// Writes a request of `/api/embed` for a provider.
///
/// # Errors
/// When an input is not text.
pub fn write_request(
    request: &Request<'_>,
    model: &str,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, Refusal> {
    let texts: Result<Vec<_>, _> = request.inputs.iter().map(Input::text).collect();
    let texts = texts?;
    dropped.note_if(request.task.is_some(), "taskType");
    dropped.note_if(request.title.is_some(), "title");
    dropped.note_if(request.user.is_some(), "user");
    let mut out = Writer::default();
    out.object(|out| {
        out.key("model").string(model);
        out.key("input").array(|out| {
            for text in texts {
                out.text(text);
            }
        });
        if let Some(truncate) = request.truncate {
            out.key("truncate").bool(truncate);
        }
        if let Some(dimensions) = request.dimensions {
            out.key("dimensions").number(dimensions);
        }
        request.write_extras(Dialect::Ollama, out, dropped);
    });
    Ok(out.into_bytes())
}

/// Reads an answer of either path.
///
/// # Errors
/// When it is not an object.
pub fn read_answer(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut answer = Answer::of(Dialect::Ollama);
    for (key, value) in Node::object(body)?.members().filter(|(_, value)| !value.is_null()) {
        match &*key {
            "embedding" => answer.vectors.extend(Vector::read(value)),
            "embeddings" => answer.vectors.extend(value.items().filter_map(Vector::read)),
            "prompt_eval_count" => answer.usage = value.u64().map(input_tokens),
            "model" => {}
            _ => answer.extras.push((key, value)),
        }
    }
    Ok(answer)
}

/// Writes an answer for a client: of the older path when one was asked for.
pub fn write_answer(answer: &Answer<'_>, wanted: Wanted<'_>) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        if wanted.is_single {
            out.key("embedding");
            match answer.vectors.first() {
                Some(vector) => vector.write(Encoding::Float, out),
                None => out.array(|_| {}),
            }
            return;
        }
        out.key("model").string(wanted.model);
        out.key("embeddings").array(|out| {
            for vector in &answer.vectors {
                vector.write(Encoding::Float, out);
            }
        });
        if let Some(usage) = answer.usage {
            out.key("prompt_eval_count").number(usage.input);
        }
        answer.write_extras(Dialect::Ollama, out);
    });
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_paths_are_read_and_answered() {
        let newer = read_request(br#"{"model":"m","input":["a","b"],"truncate":false}"#).unwrap();
        let older = read_request(br#"{"model":"m","prompt":"a"}"#).unwrap();

        assert_eq!((newer.inputs.len(), newer.is_single), (2, false));
        assert_eq!((older.inputs.len(), older.is_single), (1, true));
        let body = br#"{"embeddings":[[1.50]],"prompt_eval_count":4,"total_duration":9}"#;
        let answer = read_answer(body).unwrap();
        let single = write_answer(&answer, older.wanted());
        assert_eq!(single, br#"{"embedding":[1.50]}"#);
        let several = write_answer(&answer, newer.wanted());
        assert_eq!(read_answer(&several).unwrap(), answer);
        assert!(several.starts_with(br#"{"model":"m""#));
    }

    #[test]
    fn refuses_what_is_no_text() {
        let wrong = read_request(br#"{"model":"m","input":[1]}"#);
        assert!(matches!(wrong, Err(Refusal::InvalidField { field: "input", .. })));
        assert_eq!(read_request(b"{}"), Err(Refusal::MissingField("model")));
        let mut request = Request::of(Dialect::OpenAi);
        request.inputs.push(Input::Tokens(Node::trusted(b"[1]")));
        let refused = write_request(&request, "m", &mut Dropped::default());
        assert!(matches!(refused, Err(Refusal::InvalidField { field: "input", .. })));
    }
}
