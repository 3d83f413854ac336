//! Walking and editing an object: what a tree parser accepts we accept, and an edit changes the
//! edited values and nothing else. The canonical form of a text means what the text does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::json::canonical;
use tollgate_core::json::edit::Edits;
use tollgate_core::json::scan::Object;
use tollgate_core::json::text;

fuzz_target!(|body: &[u8]| {
    let mut edits = Edits::default();
    let mut kept = Vec::new();
    let mut from = 0;
    let walked = walk(body, |value| {
        edits.replace(value.clone(), &b"\"new\""[..]);
        kept.extend_from_slice(&body[from..value.start]);
        kept.extend_from_slice(b"\"new\"");
        from = value.end;
    });
    let _ = canonical_of(body);
    let tree: Option<Value> = serde_json::from_slice(body).ok();
    let object = tree.as_ref().and_then(Value::as_object);
    if let Some(object) = object {
        assert!(walked, "refused what serde_json reads as {object:?}");
        kept.extend_from_slice(&body[from..]);
        let edited = edits.apply(body);
        assert_eq!(edited, kept);
        assert_eq!(edited.len(), edits.length_after(body));
        let same = canonical_of(body).expect("no canonical form");
        let meant = serde_json::from_slice::<Value>(&same).unwrap();
        assert_eq!(meant.as_object(), Some(object));
        assert_eq!(canonical_of(&same), Some(same));
        let mut expected = object.clone();
        if let Some(model) = expected.get_mut("model") {
            *model = Value::from("new");
        }
        assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), Value::Object(expected));
    }
});

fn canonical_of(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    canonical::append(text, &mut out).map(|()| out)
}

/// Hands out the place of every value of `model`; says whether the text is an object to its end.
fn walk(body: &[u8], mut found: impl FnMut(std::ops::Range<usize>)) -> bool {
    let Ok(mut object) = Object::open(body) else { return false };
    loop {
        match object.next_member() {
            Ok(Some(member)) if text::means(&body[member.key.clone()], "model") => {
                found(member.value);
            }
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
