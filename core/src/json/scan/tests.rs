//! What the cursor accepts, and what it does not.

use super::*;

fn members(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let mut object = Object::open(text.as_bytes())?;
    let mut found = Vec::new();
    while let Some(member) = object.next_member()? {
        found.push((text[member.key].to_owned(), text[member.value].to_owned()));
    }
    Ok(found)
}

#[test]
fn walks_the_members_in_order() {
    let found = members(r#" {"a":1 , "b" : [ {"c":"}"}, -0.5e+3 ] ,"a":null}  "#).unwrap();

    let pairs: Vec<_> = found.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(pairs, [("a", "1"), ("b", r#"[ {"c":"}"}, -0.5e+3 ]"#), ("a", "null")]);
    assert_eq!(members("{}").unwrap(), []);
}

#[test]
fn agrees_with_serde_on_what_is_json() {
    let texts = [
        "{",
        "}",
        "",
        "[]",
        "1",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r"{,}",
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":+1}"#,
        r#"{"a":tru}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12"}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":[}"#,
        r#"{"a":{]}"#,
        r#"{"a":1} x"#,
        r#"{"a":1}{"#,
        r#"{"a":[1 2]}"#,
        r"{'a':1}",
        r#"{"a":NaN}"#,
        r#"{"a":{"b":[[],{}, "é", "é", 1e9]}}"#,
        "{\"a\": \"tab\\t\"}",
        r#"{"a":--1}"#,
    ];
    for text in texts {
        let ours = members(text).is_ok();
        let serde = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
        assert_eq!(ours, serde.is_ok(), "{text}");
    }
}

#[test]
fn bounds_the_nesting() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(members(&deep).is_ok());

    let deeper = format!("{{\"a\":{}", "[".repeat(1_000_000));
    assert_eq!(members(&deeper).unwrap_err().what, "nested too deeply");
}

#[test]
fn walks_arrays() {
    let text = b"[ 1, {\"a\":[2]} ,\"x\"]";
    let elements: Vec<_> = Array::open(text).map(|at| &text[at]).collect();

    assert_eq!(elements, [&b"1"[..], b"{\"a\":[2]}", b"\"x\""]);
    assert_eq!(Array::open(b"[]").count(), 0);
    assert_eq!(Array::open(b"{}").count(), 0);
}
