//! What a stream says, in a form that can be read and compared.

use tollgate_core::dialect::chat::answer::{Finish, Usage};
use tollgate_core::dialect::chat::event::{Delta, Event, Reader, Writer};
use tollgate_core::json::node::Text;

/// Reads a stream in pieces of a size. Returns its events, a line each, and the stream that is
/// written of them.
pub(crate) fn replay(
    reader: &mut dyn Reader,
    writer: &mut dyn Writer,
    stream: &[u8],
    size: usize,
) -> (Vec<String>, String) {
    let (mut lines, mut out) = (Vec::new(), Vec::new());
    let mut sink = |event: Event<'_>| {
        lines.push(line(&event));
        writer.event(&event, &mut out);
    };
    for piece in stream.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    (lines, String::from_utf8(out).unwrap())
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Start(start) => {
            format!("start {} {}", word(start.id.as_ref()), word(start.model.as_ref()))
        }
        Event::Choice { choice, delta } => format!("{choice} {}", delta_line(delta)),
        Event::Usage(usage) => usage_line(usage),
        Event::Ping => "ping".to_owned(),
        Event::Failed(failure) => {
            format!("failed {} {:?} {}", failure.status, failure.kind, failure.message)
        }
        Event::End => "end".to_owned(),
    }
}

fn delta_line(delta: &Delta<'_>) -> String {
    match delta {
        Delta::Text(text) => format!("text {}", raw(text)),
        Delta::Refusal(text) => format!("refusal {}", raw(text)),
        Delta::Reasoning(text) => format!("reasoning {}", raw(text)),
        Delta::Signature(text) => format!("signature {}", raw(text)),
        Delta::Encrypted { data, .. } => format!("encrypted {}", raw(data)),
        Delta::ToolCall { index, id, name, .. } => {
            format!("call {index} {} {}", raw(id), raw(name))
        }
        Delta::Arguments { index, piece } => format!("arguments {index} {}", raw(piece)),
        Delta::Media(_) => "media".to_owned(),
        Delta::Other(dialect, node) => {
            format!("{dialect:?} {}", String::from_utf8_lossy(node.raw()))
        }
        Delta::Logprobs(logprobs) => format!("logprobs {}", String::from_utf8_lossy(logprobs)),
        Delta::Finish(finish) => finish_line(finish),
    }
}

fn finish_line(finish: &Finish<'_>) -> String {
    format!("finish {:?} {}", finish.reason, word(finish.stop_sequence.as_ref()))
}

fn usage_line(usage: &Usage) -> String {
    let tokens = &usage.tokens;
    format!(
        "usage in {} (cached {}, written {}, of those for an hour {}) out {} (reasoning {})",
        tokens.input,
        tokens.cached_input,
        tokens.cache_write,
        usage.cache_write_1h,
        tokens.output,
        tokens.reasoning
    )
}

fn word(text: Option<&Text<'_>>) -> String {
    text.map_or_else(|| "-".to_owned(), raw)
}

fn raw(text: &Text<'_>) -> String {
    String::from_utf8_lossy(text.as_escaped()).into_owned()
}

/// Joins texts, thoughts and arguments that come one after the other: how they were cut into
/// pieces, and which blocks they were in, does not matter. What else has no meaning is left out.
pub(crate) fn meaning(lines: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| *line != "ping" && !line.starts_with("start")) {
        let kind = |line: &str| {
            let words = if line.starts_with("0 arguments") { 3 } else { 2 };
            line.splitn(words + 1, ' ').take(words).collect::<Vec<_>>().join(" ") + " "
        };
        let joins = ["0 text ", "0 reasoning ", "0 arguments "];
        let same = joined.last().is_some_and(|last| kind(last) == kind(line));
        if same && joins.iter().any(|prefix| line.starts_with(prefix)) {
            let rest = line[kind(line).len()..].to_owned();
            joined.last_mut().unwrap().push_str(&rest);
        } else {
            joined.push(line.clone());
        }
    }
    joined
}
