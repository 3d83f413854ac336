//! What must hold for any bytes.

use proptest::prelude::*;
use tollgate_core::dialect::openai::stream::Stream;
use tollgate_core::dialect::request;
use tollgate_core::json::scan::Object;
use tollgate_core::json::tap::Tap;
use tollgate_core::json::text;
use tollgate_core::tokens::Family;
use tollgate_core::{path, sse, usage};
use tollgate_proto::v1::Endpoint;

fn call(endpoint: Endpoint) -> path::Call {
    path::Call { endpoint, named: None, route: path::Route::default() }
}

/// JSON values as text, with white space and escapes as they like.
fn json() -> impl Strategy<Value = String> {
    let string = prop::collection::vec(
        prop_oneof![Just("a"), Just("é"), Just("\\n"), Just("\\\""), Just("\\u00e9"), Just("}")],
        0..6,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf = prop_oneof![
        string.clone(),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0.5e+3".to_owned()),
        any::<u32>().prop_map(|n| n.to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|v| format!("[ {} ]", v.join(" , "))),
            prop::collection::vec((string.clone(), inner), 0..4)
                .prop_map(|members| object(&members)),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key} :\t{value}")).collect();
    format!("{{{}}}", members.join("\n,"))
}

/// A chat body around a model, as text before, the model's value, and text after.
fn body() -> impl Strategy<Value = (String, String)> {
    let other = || prop::collection::vec(json(), 0..4);
    (other(), other()).prop_map(|(before, after)| {
        let named = |(n, value): (usize, &String)| format!("\"k{n}\": {value},");
        let before: String = before.iter().enumerate().map(named).collect();
        let after: String =
            after.iter().enumerate().map(|(n, value)| format!(", \"l{n}\":{value}")).collect();
        (format!(" {{{before} \"messages\":[],\"model\" : "), format!("{after} }}\n"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..300_usize) {
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        for endpoint in [Endpoint::ChatCompletions, Endpoint::Completions, Endpoint::Embeddings] {
            let _ = request::read(&call(endpoint), &bytes);
        }
        let mut tap = Tap::new("m");
        let mut stream = Stream::new("m", Family::Gpt4o, true);
        for piece in [head, tail] {
            tap.push(piece);
            stream.push(piece, false);
        }
        let _ = (usage::parse(&bytes), text::decode(&bytes), sse::data(&bytes));
        let _ = path::select(b"GET", &bytes, &[]);
        let _ = path::query_value(&bytes, "key");
    }

    #[test]
    fn almost_json_never_panics(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = format!("{{\"model\":\"a\",\"messages\":{value},\"usage\":{value}}}").into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = request::read(&call(Endpoint::ChatCompletions), &text);
        Tap::new("m").push(&text);
        Stream::new("m", Family::Gpt4o, true).push(&[b"data: ", &*text, b"\n\n"].concat(), true);
    }

    #[test]
    fn the_scanner_accepts_what_serde_accepts(value in json()) {
        let text = format!("{{\"x\":{value}}}");
        let mut object = Object::open(text.as_bytes()).unwrap();
        let member = object.next_member().unwrap().unwrap();
        prop_assert_eq!(&text[member.value], &value);
        prop_assert!(object.next_member().unwrap().is_none());
    }

    #[test]
    fn an_edit_changes_the_value_and_no_other_byte((before, after) in body(), name in "[a-zé\"\\\\/]{1,12}") {
        let text = format!("{before}\"old\"{after}");
        let request = request::read(&call(Endpoint::ChatCompletions), text.as_bytes()).unwrap();
        let edits = request.edits(text.as_bytes(), &name, true, None);
        let edited = edits.apply(text.as_bytes());
        let expected = format!("{before}{}{after}", serde_json::to_string(&name).unwrap());
        prop_assert_eq!(std::str::from_utf8(&edited).unwrap(), expected);
        prop_assert_eq!(edits.length_after(text.as_bytes()), edited.len());
    }

    #[test]
    fn an_answer_in_any_pieces_is_the_same((before, after) in body(), cuts in prop::collection::vec(1..40_usize, 0..40)) {
        let text = format!("{before}\"old\"{after}");
        let expected = format!("{before}\"new\"{after}");
        let mut tap = Tap::new("new");
        let mut out = Vec::new();
        for piece in pieces(text.as_bytes(), &cuts) {
            out.extend(tap.push(piece).unwrap_or_else(|| piece.to_vec()));
        }
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_stream_in_any_pieces_is_the_same(values in prop::collection::vec(json(), 1..6), cuts in prop::collection::vec(1..40_usize, 0..60)) {
        let stream: String = values
            .iter()
            .map(|value| format!(": c\n\ndata: {{\"model\":\"old\",\"choices\":[{{\"delta\":{{\"content\":{value}}}}}]}}\n\n"))
            .collect();
        let mut whole = Stream::new("new", Family::Gpt4o, true);
        let expected = whole.push(stream.as_bytes(), true);
        let mut parts = Stream::new("new", Family::Gpt4o, true);
        let mut out = Vec::new();
        for piece in pieces(stream.as_bytes(), &cuts) {
            out.extend(parts.push(piece, false));
        }
        out.extend(parts.push(b"", true));
        prop_assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(expected).unwrap());
        prop_assert_eq!(parts.facts(), whole.facts());
    }
}

fn pieces<'a>(mut text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (head, tail) = text.split_at((*cut).min(text.len()));
        pieces.push(head);
        text = tail;
    }
    pieces.push(text);
    pieces
}
