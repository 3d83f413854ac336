//! Thoughts that came in pieces.
//!
//! Clients keep the chunks of a stream as parts, or even contents, of their own, and send them
//! back so. A proof holds for the whole thought that it ends, and other dialects have thought and
//! proof in one.

use crate::dialect::chat::{Message, PartKind, Role};
use crate::json::node::Text;

/// Puts the pieces of each proven thought together, where the proof stands.
pub(super) fn join(messages: &mut Vec<Message<'_>>) {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for at in 0..messages.len() {
        let Some(message) = messages.get(at) else { break };
        if message.role != Role::Assistant {
            pieces.clear();
        }
        for part in 0..message.parts.len() {
            match piece(messages, at, part) {
                Some(false) => pieces.push((at, part)),
                Some(true) => {
                    let texts = pieces.iter().map(|(at, part)| text(messages, *at, *part));
                    let before: Vec<Text<'_>> = texts.collect();
                    prepend(messages, (at, part), &before);
                    joined.append(&mut pieces);
                }
                None => pieces.clear(),
            }
        }
    }
    let (mut at, mut joined) = (0, joined.into_iter().peekable());
    messages.retain_mut(|message| {
        let (mut part, before) = (0, message.parts.len());
        message.parts.retain(|_| {
            let is_joined = joined.next_if_eq(&(at, part)).is_some();
            part += 1;
            !is_joined
        });
        at += 1;
        before == message.parts.len() || !message.parts.is_empty() || !message.extras.is_empty()
    });
}

/// Tells whether a part is a plain thought, and whether it has a proof.
fn piece(messages: &[Message<'_>], at: usize, part: usize) -> Option<bool> {
    let part = messages.get(at)?.parts.get(part)?;
    let PartKind::Reasoning(thought) = &part.kind else { return None };
    part.extras.is_empty().then_some(thought.signature.is_some())
}

fn text<'a>(messages: &[Message<'a>], at: usize, part: usize) -> Text<'a> {
    let part = messages.get(at).and_then(|message| message.parts.get(part));
    let Some(PartKind::Reasoning(thought)) = part.map(|part| &part.kind) else {
        return Text::default();
    };
    thought.text.clone().unwrap_or_default()
}

fn prepend<'a>(messages: &mut [Message<'a>], (at, part): (usize, usize), before: &[Text<'a>]) {
    let part = messages.get_mut(at).and_then(|message| message.parts.get_mut(part));
    if let Some(PartKind::Reasoning(thought)) = part.map(|part| &mut part.kind) {
        let mut whole = Text::default();
        for piece in before.iter().chain(thought.text.as_ref()) {
            whole.push(piece);
        }
        thought.text = Some(whole).filter(|text| !text.is_empty());
    }
}
