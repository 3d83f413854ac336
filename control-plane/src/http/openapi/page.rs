//! The document as a page: one section a resource, one entry a route. Needs nothing from
//! elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::http::access::TABLE;
use crate::http::openapi::requests::Body;
use crate::http::openapi::{body_of, group, name_of, summary};

/// Returns the page, written once.
pub(super) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(written)
}

fn written() -> String {
    let mut groups = BTreeMap::<&str, String>::new();
    for (method, path, access) in TABLE {
        let entry = groups.entry(group(path)).or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            entry,
            "<article><h3><b>{method}</b> <code>{}</code></h3><p>{} <i>Who: {}.</i></p>",
            escaped(path),
            escaped(summary(method, path).unwrap_or_default()),
            name_of(*access),
        );
        if let Some(body) = body_of(method, path) {
            fields(entry, body);
        }
        entry.push_str("</article>");
    }
    let mut text = String::from(HEAD);
    for group in groups.keys() {
        let _ = write!(text, "<a href=\"#{group}\">{group}</a> ");
    }
    text.push_str("</nav><main>");
    for (group, entries) in &groups {
        let _ = write!(text, "<section id=\"{group}\"><h2>{group}</h2>{entries}</section>");
    }
    text.push_str("</main></html>");
    text
}

fn fields(entry: &mut String, body: &Body) {
    entry.push_str("<details><summary>Body</summary><table>");
    for field in body.fields.iter().copied().flatten() {
        let _ = write!(
            entry,
            "<tr><td><code>{}</code></td><td>{:?}</td><td>{}</td></tr>",
            field.name,
            field.kind,
            escaped(field.meaning)
        );
    }
    let _ = write!(entry, "</table><pre>{}</pre></details>", escaped(body.example));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
content=\"width=device-width\"><title>Tollgate: management API</title><style>\
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}\
nav{position:sticky;top:0;background:Canvas;padding:.5rem 0}nav a{margin-right:.5rem}\
article{border-top:1px solid #8884;padding:.25rem 0}h3{font-size:1rem;margin:.5rem 0 0}\
p{margin:.25rem 0}td{padding:.1rem .75rem .1rem 0;vertical-align:top}\
pre{background:#8881;padding:.5rem;overflow:auto}:root{color-scheme:light dark}</style>\
<h1>Tollgate: management API</h1><p>Send the master key or a key as <code>Authorization: Bearer \
sk-…</code>. The same as <a href=\"/openapi.json\">OpenAPI 3.1</a>.</p><nav>";
