//! `/v1/embeddings` (<https://platform.openai.com/docs/api-reference/embeddings>).

use crate::dialect::Dialect;
use crate::dialect::chat::Dropped;
use crate::dialect::checked::{self, invalid};
use crate::dialect::embeddings::{Answer, Encoding, Input, Request, Vector, Wanted};
use crate::json::node::Node;
use crate::json::scan::Malformed;
use crate::json::write::Writer;
use crate::refusal::Refusal;
use crate::usage;

/// Reads a request.
///
/// # Errors
/// When it is no JSON, or something that must be there is not, or is of the wrong kind.
pub fn read_request(body: &[u8]) -> Result<Request<'_>, Refusal> {
    let body = checked::body(body)?;
    let mut request = Request::of(Dialect::OpenAi);
    let (mut model, mut has_input) = (None, false);
    for (key, value) in body.members().filter(|(_, value)| !value.is_null()) {
        match &*key {
            "model" => model = Some(value.string().ok_or(invalid("model", "a string"))?),
            "input" => {
                has_input = true;
                request.is_single = read_inputs(value, &mut request.inputs)?;
            }
            "dimensions" => {
                let dimensions = value.u64().filter(|dimensions| *dimensions > 0);
                let wrong = invalid("dimensions", "a whole number above zero");
                request.dimensions = Some(dimensions.ok_or(wrong)?);
            }
            "encoding_format" => {
                request.encoding = match value.string().as_deref() {
                    Some("float") => Encoding::Float,
                    Some("base64") => Encoding::Base64,
                    _ => return Err(invalid("encoding_format", "'float' or 'base64'")),
                };
            }
            "user" => request.user = value.text(),
            _ => request.extras.push((key, value)),
        }
    }
    request.model = model.ok_or(Refusal::MissingField("model"))?;
    if has_input { Ok(request) } else { Err(Refusal::MissingField("input")) }
}

/// Writes a request for a provider.
///
/// # Errors
/// When an input is neither text nor tokens.
pub fn write_request(
    request: &Request<'_>,
    model: &str,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, Refusal> {
    let mut inputs = Writer::default();
    inputs.array(|out| {
        for input in &request.inputs {
            match input {
                Input::Text(text) => out.text(text),
                Input::Tokens(tokens) => out.node(*tokens),
                Input::Other(..) => {}
            }
        }
    });
    let inputs = inputs.into_bytes();
    for other in request.inputs.iter().filter(|input| matches!(input, Input::Other(..))) {
        other.text()?;
    }
    dropped.note_if(request.task.is_some(), "taskType");
    dropped.note_if(request.title.is_some(), "title");
    dropped.note_if(request.truncate == Some(false), "truncate");
    let mut out = Writer::default();
    out.object(|out| {
        out.key("model").string(model);
        let lone = inputs.get(1..inputs.len() - 1).filter(|_| request.is_single);
        out.key("input").raw(lone.unwrap_or(&inputs));
        if let Some(dimensions) = request.dimensions {
            out.key("dimensions").number(dimensions);
        }
        if request.encoding == Encoding::Base64 {
            out.key("encoding_format").string("base64");
        } else {
            out.key("encoding_format").string("float");
        }
        if let Some(user) = &request.user {
            out.key("user").text(user);
        }
        request.write_extras(Dialect::OpenAi, out, dropped);
    });
    Ok(out.into_bytes())
}

/// Reads an answer.
///
/// # Errors
/// When it is not an object.
pub fn read_answer(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut answer = Answer::of(Dialect::OpenAi);
    let mut vectors = Vec::new();
    for (key, value) in Node::object(body)?.members().filter(|(_, value)| !value.is_null()) {
        match &*key {
            "data" => {
                for (at, item) in value.items().enumerate() {
                    let index = item.get("index").and_then(Node::u64);
                    let at = u64::try_from(at).unwrap_or(u64::MAX);
                    let vector = item.get("embedding").and_then(Vector::read);
                    vectors.extend(vector.map(|vector| (index.unwrap_or(at), vector)));
                }
            }
            "usage" => answer.usage = usage::parse(value.raw()),
            "object" | "model" => {}
            _ => answer.extras.push((key, value)),
        }
    }
    vectors.sort_by_key(|(index, _)| *index);
    answer.vectors = vectors.into_iter().map(|(_, vector)| vector).collect();
    Ok(answer)
}

/// Writes an answer for a client.
pub fn write_answer(answer: &Answer<'_>, wanted: Wanted<'_>) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("object").string("list");
        out.key("data").array(|out| {
            for (index, vector) in (0_u32..).zip(&answer.vectors) {
                out.object(|out| {
                    out.key("object").string("embedding");
                    out.key("index").number(index);
                    out.key("embedding");
                    vector.write(wanted.encoding, out);
                });
            }
        });
        out.key("model").string(wanted.model);
        let usage = answer.usage.unwrap_or_default();
        out.key("usage").object(|out| {
            out.key("prompt_tokens").number(usage.input);
            out.key("total_tokens").number(usage.total);
        });
        answer.write_extras(Dialect::OpenAi, out);
    });
    out.into_bytes()
}

/// Reads the inputs, and says whether there is one without an array around it.
fn read_inputs<'a>(node: Node<'a>, inputs: &mut Vec<Input<'a>>) -> Result<bool, Refusal> {
    let expected = "a string, an array of strings, or arrays of tokens";
    let wrong = Refusal::InvalidField { field: "input", expected };
    if let Some(text) = node.text() {
        inputs.push(Input::Text(text));
        return Ok(true);
    }
    let first = node.items().next().ok_or_else(|| wrong.clone())?;
    if first.number().is_some() {
        inputs.push(Input::Tokens(node));
        return Ok(true);
    }
    for item in node.items() {
        inputs.push(match item.text() {
            Some(text) => Input::Text(text),
            None if item.is_array() => Input::Tokens(item),
            None => return Err(wrong),
        });
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_inputs_in_each_form() {
        let read = |input: &str| {
            let body = format!(r#"{{"model":"m","input":{input}}}"#);
            let request = read_request(body.as_bytes());
            request.map(|request| (request.inputs.len(), request.is_single))
        };
        assert_eq!(read(r#""a""#), Ok((1, true)));
        assert_eq!(read(r#"["a","b"]"#), Ok((2, false)));
        assert_eq!(read("[1,2]"), Ok((1, true)));
        assert_eq!(read("[[1,2],[3]]"), Ok((2, false)));
        for wrong in ["[]", "7", "{}", "[{}]"] {
            assert!(matches!(read(wrong), Err(Refusal::InvalidField { field: "input", .. })));
        }
        assert_eq!(read_request(b"{}"), Err(Refusal::MissingField("model")));
        assert_eq!(read_request(br#"{"model":"m"}"#), Err(Refusal::MissingField("input")));
    }

    #[test]
    fn vectors_come_in_the_order_of_their_inputs() {
        let body = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],
            "usage":{"prompt_tokens":3,"total_tokens":3}}"#;

        let answer = read_answer(body).unwrap();

        let one = Vector::Floats(Node::trusted(b"[1]"));
        assert_eq!((answer.vectors.len(), &answer.vectors[0]), (2, &one));
        assert_eq!(answer.usage.unwrap().input, 3);
    }
}
