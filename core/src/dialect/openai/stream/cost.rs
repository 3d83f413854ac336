//! What an answer cost, told where its usage is: as `usage.cost`, in dollars, which is what `LiteLLM`
//! and `OpenRouter` call it. Official SDKs keep fields that they do not know.

use std::ops::Range;

use crate::json::edit::Edits;
use crate::json::scan::{Malformed, Object};
use crate::json::text;
use crate::money::NanoDollars;

/// Writes the cost into the usage that begins at `start` of the text that `edits` changes. What a
/// provider says there about its own price is replaced: the client pays ours.
pub(super) fn write(cost: NanoDollars, usage: &[u8], start: usize, edits: &mut Edits<'static>) {
    if let Ok((place, text)) = edit(cost, usage) {
        edits.replace(start + place.start..start + place.end, text.into_bytes());
    }
}

fn edit(cost: NanoDollars, usage: &[u8]) -> Result<(Range<usize>, String), Malformed> {
    let mut object = Object::open(usage)?;
    let (mut last, mut said) = (None, None);
    while let Some(member) = object.next_member()? {
        last = Some(member.value.end);
        if text::means(usage.get(member.key).unwrap_or_default(), "cost") {
            said = Some(member.value);
        }
    }
    Ok(match (said, last) {
        (Some(said), _) => (said, cost.to_string()),
        (None, Some(last)) => (last..last, format!(",\"cost\":{cost}")),
        (None, None) => (1..1, format!("\"cost\":{cost}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(usage: &str) -> String {
        let text = format!("{{\"usage\":{usage}}}");
        let mut edits = Edits::default();
        write(NanoDollars(12_300), usage.as_bytes(), 9, &mut edits);
        String::from_utf8(edits.apply(text.as_bytes())).unwrap()
    }

    #[test]
    fn stands_behind_the_other_figures() {
        let cases = [
            (r#"{"a":1}"#, r#"{"usage":{"a":1,"cost":0.0000123}}"#),
            (
                "{ \"a\" : {\"cost\":2} \n}",
                "{\"usage\":{ \"a\" : {\"cost\":2},\"cost\":0.0000123 \n}}",
            ),
            ("{}", r#"{"usage":{"cost":0.0000123}}"#),
        ];
        for (usage, expected) in cases {
            assert_eq!(written(usage), expected);
        }
    }

    #[test]
    fn replaces_what_a_provider_says() {
        let written = written(r#"{"c\u006fst":null,"cost":7e-3,"b":2}"#);

        assert_eq!(written, r#"{"usage":{"c\u006fst":null,"cost":0.0000123,"b":2}}"#);
    }

    #[test]
    fn leaves_what_is_no_object() {
        for usage in ["7", "[]", r#"{"a""#] {
            assert_eq!(written(usage), format!("{{\"usage\":{usage}}}"));
        }
    }
}
