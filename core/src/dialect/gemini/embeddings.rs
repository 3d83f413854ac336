//! `embedContent` and `batchEmbedContents` (<https://ai.google.dev/api/embeddings>).

use super::member::{camel, each, find, set, whole};
use crate::dialect::Dialect;
use crate::dialect::chat::Dropped;
use crate::dialect::checked;
use crate::dialect::embeddings::{Answer, Encoding, Input, Request, Vector, Wanted, input_tokens};
use crate::json::node::{Node, Text};
use crate::json::scan::Malformed;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads a request of either path. What the first of several wishes for, all do.
///
/// # Errors
/// When it is no JSON, or something that must be there is not, or is of the wrong kind.
pub fn read_request(body: &[u8]) -> Result<Request<'_>, Refusal> {
    let body = checked::body(body)?;
    let mut request = Request::of(Dialect::Gemini);
    let Some(requests) = find(body, "requests") else {
        request.is_single = true;
        read_one(body, true, &mut request)?;
        return Ok(request);
    };
    for (at, one) in each(requests).enumerate() {
        read_one(one, at == 0, &mut request)?;
    }
    if request.inputs.is_empty() {
        return Err(Refusal::MissingField("requests"));
    }
    Ok(request)
}

/// Writes a request of `batchEmbedContents`, whose answer [`write_answer`] gives in the form that
/// the client knows.
///
/// # Errors
/// When an input is neither text nor something of Gemini's own.
pub fn write_request(
    request: &Request<'_>,
    model: &str,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, Refusal> {
    for input in &request.inputs {
        if !matches!(input, Input::Other(Dialect::Gemini, _)) {
            input.text()?;
        }
    }
    dropped.note_if(request.user.is_some(), "user");
    dropped.note_if(request.truncate == Some(false), "truncate");
    let mut out = Writer::default();
    out.object(|out| {
        out.key("requests").array(|out| {
            for input in &request.inputs {
                write_one(input, request, model, dropped, out);
            }
        });
    });
    Ok(out.into_bytes())
}

/// Reads an answer of either path.
///
/// # Errors
/// When it is not an object.
pub fn read_answer(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut answer = Answer::of(Dialect::Gemini);
    for (key, value) in set(Node::object(body)?) {
        match &*camel(&key) {
            "embedding" | "embeddings" => {
                let vectors = each(value).filter_map(|one| find(one, "values"));
                answer.vectors.extend(vectors.filter_map(Vector::read));
            }
            "usageMetadata" => {
                let count = find(value, "promptTokenCount").and_then(Node::u64);
                answer.usage = count.map(input_tokens);
            }
            _ => answer.extras.push((key, value)),
        }
    }
    Ok(answer)
}

/// Writes an answer for a client.
pub fn write_answer(answer: &Answer<'_>, wanted: Wanted<'_>) -> Vec<u8> {
    let mut out = Writer::default();
    let values = |vector: &Vector<'_>, out: &mut Writer| {
        out.object(|out| {
            out.key("values");
            vector.write(Encoding::Float, out);
        });
    };
    out.object(|out| {
        match (&answer.vectors[..], wanted.is_single) {
            ([vector], true) => {
                out.key("embedding");
                values(vector, out);
            }
            (vectors, _) => {
                out.key("embeddings").array(|out| {
                    for vector in vectors {
                        values(vector, out);
                    }
                });
            }
        }
        if let Some(usage) = answer.usage {
            out.key("usageMetadata").object(|out| {
                out.key("promptTokenCount").number(usage.input);
                out.key("totalTokenCount").number(usage.total);
            });
        }
        answer.write_extras(Dialect::Gemini, out);
    });
    out.into_bytes()
}

fn read_one<'a>(node: Node<'a>, first: bool, request: &mut Request<'a>) -> Result<(), Refusal> {
    let mut content = None;
    for (key, value) in set(node) {
        match &*camel(&key) {
            "content" => content = Some(value),
            _ if !first => {}
            "model" => {
                let name = value.string().unwrap_or_default();
                request.model = name.strip_prefix("models/").unwrap_or(&name).to_owned().into();
            }
            "taskType" => request.task = value.text(),
            "title" => request.title = value.text(),
            "outputDimensionality" => {
                request.dimensions = whole(value, "outputDimensionality")?;
            }
            _ => request.extras.push((key, value)),
        }
    }
    let content = content.ok_or(Refusal::MissingField("content"))?;
    request.inputs.push(input(content));
    Ok(())
}

/// Reads what to embed: the texts of a content are one.
fn input(content: Node<'_>) -> Input<'_> {
    let mut texts = find(content, "parts").into_iter().flat_map(each).map(|part| {
        let (mut members, text) = (set(part), find(part, "text").and_then(Node::text));
        text.filter(|_| members.all(|(key, _)| key == "text"))
    });
    let Some(Some(mut text)) = texts.next() else {
        return Input::Other(Dialect::Gemini, content);
    };
    for more in texts {
        match more {
            Some(more) => text.push(&more),
            None => return Input::Other(Dialect::Gemini, content),
        }
    }
    Input::Text(text)
}

fn write_one(
    input: &Input<'_>,
    request: &Request<'_>,
    model: &str,
    dropped: &mut Dropped,
    out: &mut Writer,
) {
    out.object(|out| {
        out.key("model").string(&format!("models/{model}"));
        out.key("content");
        match input {
            Input::Other(_, content) => out.node(*content),
            Input::Text(text) => write_text(text, out),
            Input::Tokens(_) => write_text(&Text::default(), out),
        }
        if let Some(task) = &request.task {
            out.key("taskType").text(task);
        }
        if let Some(title) = &request.title {
            out.key("title").text(title);
        }
        if let Some(dimensions) = request.dimensions {
            out.key("outputDimensionality").number(dimensions);
        }
        request.write_extras(Dialect::Gemini, out, dropped);
    });
}

fn write_text(text: &Text<'_>, out: &mut Writer) {
    out.object(|out| {
        out.key("parts").array(|out| out.object(|out| out.key("text").text(text)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_content_are_one_input() {
        let body = br#"{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"},
            {"text":"b"}]},"task_type":"CLUSTERING"},{"content":{"parts":{"text":"c"}}}]}"#;

        let request = read_request(body).unwrap();

        let texts = [Input::Text(Text::of("ab")), Input::Text(Text::of("c"))];
        assert_eq!(request.inputs, texts);
        assert_eq!((&*request.model, request.is_single), ("e", false));
        let written = write_request(&request, "x", &mut Dropped::default()).unwrap();
        let again = read_request(&written).unwrap();
        assert_eq!((again.inputs, again.task), (request.inputs, request.task));
    }

    #[test]
    fn pictures_are_for_gemini_alone() {
        let body = br#"{"content":{"parts":[{"inlineData":{"data":"AA=="}}]}}"#;
        let request = read_request(body).unwrap();

        assert!(write_request(&request, "x", &mut Dropped::default()).is_ok());
        assert!(request.inputs[0].text().is_err());
    }

    #[test]
    fn one_vector_is_answered_as_it_was_asked_for() {
        let answer = read_answer(br#"{"embedding":{"values":[1.50]}}"#).unwrap();
        let wanted = |is_single| Wanted { model: "m", encoding: Encoding::Float, is_single };

        let single = write_answer(&answer, wanted(true));
        assert_eq!(single, br#"{"embedding":{"values":[1.50]}}"#);
        let several = write_answer(&answer, wanted(false));
        assert_eq!(several, br#"{"embeddings":[{"values":[1.50]}]}"#);
    }
}
