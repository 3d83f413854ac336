//! Whatever comes in, nothing breaks.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::dialect::chat::Dropped;
use tollgate_core::dialect::responses::{count, error, request, response};

use super::{TOWARDS, replay, reply_to, well_formed};

const WORDS: &str = "message function_call function_call_output custom_tool_call reasoning \
     input_text output_text refusal input_image input_file user assistant item_reference \
     data:image/png;base64,AA== response.output_text.delta \u{0}\"\\ response.output_item.added \
     response.output_item.done response.completed error completed tollgate.1.call.x \
     response.function_call_arguments.delta";

const KEYS: &str = "type role content text input output id call_id name item arguments summary \
     encrypted_content tools tool_choice image_url delta file_data output_index response error \
     status usage parameters";

fn one_of(words: &'static str) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words.split(' ').collect::<Vec<_>>())
}

/// JSON that is nearly what the API knows.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        one_of(WORDS).prop_map(|word| json!(word)),
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        (0_u32..4).prop_map(|value| json!(value)),
        Just(json!(1e300)),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
            prop::collection::btree_map(one_of(KEYS), inner, 0..8).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn readers_take_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = request::read(&bytes);
        let _ = response::read(&bytes);
        let _ = count::read(&bytes);
        let _ = error::read(500, &bytes);
        let _ = replay(&bytes, 7);
    }

    #[test]
    fn odd_requests_are_refused_or_written_as_json(input in odd_json(), tools in odd_json()) {
        let body = json!({"model": "m", "input": input, "tools": tools}).to_string();
        if let Ok(conversation) = request::read(body.as_bytes()) {
            let written = request::write(&conversation, TOWARDS, &mut Dropped::default());
            serde_json::from_slice::<Value>(&written).unwrap();
        }
    }

    #[test]
    fn odd_answers_are_written_as_json(output in prop::collection::vec(odd_json(), 0..6)) {
        let body = json!({"output": output}).to_string();
        let mut answer = response::read(body.as_bytes()).unwrap();
        answer.extras.clear();
        let written = response::write(&answer, &reply_to());
        serde_json::from_slice::<Value>(&written).unwrap();
    }

    #[test]
    fn odd_streams_are_the_same_in_any_pieces_and_well_formed(
        events in prop::collection::vec(odd_json(), 0..12),
        size in 1_usize..40,
    ) {
        let events: Vec<_> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let stream = events.concat();
        let whole = replay(stream.as_bytes(), usize::MAX);
        prop_assert_eq!(&replay(stream.as_bytes(), size), &whole);
        if !whole.1.is_empty() {
            well_formed::check(&whole.1);
        }
    }
}
