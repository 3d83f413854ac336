//! The query of a path: read, judged, and written anew, so that nothing passes unseen.

use tollgate_proto::v1::ResourceKind;

use super::percent;
use super::resources::ResourceCall;

/// Returns the names and values of a query, decoded.
pub fn pairs(path: &[u8]) -> Vec<(String, String)> {
    let Some(at) = path.iter().position(|byte| *byte == b'?') else { return Vec::new() };
    let query = path.get(at + 1..).unwrap_or_default();
    let query = query.split(|byte| *byte == b'#').next().unwrap_or_default();
    let text = |raw: &[u8]| {
        let spaced: Vec<u8> =
            raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        String::from_utf8_lossy(&percent::decode(&spaced)).into_owned()
    };
    let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (
                text(pair.get(..at).unwrap_or_default()),
                text(pair.get(at + 1..).unwrap_or_default()),
            ),
            None => (text(pair), String::new()),
        })
        .collect()
}

/// Writes those pairs whose names are among `passed`, with the question mark.
pub fn written(pairs: &[(String, String)], passed: &[&str]) -> String {
    let mut out = String::new();
    for (name, value) in pairs.iter().filter(|(name, _)| passed.contains(&&**name)) {
        out.push(if out.is_empty() { '?' } else { '&' });
        // Brackets stay as the official clients write them.
        out.push_str(&percent::encode(name).replace("%5B", "[").replace("%5D", "]"));
        out.push('=');
        out.push_str(&percent::encode(value));
    }
    out
}

/// Returns the kinds and ids of objects that a query names. Cursors within an object's own parts
/// are that object's.
pub fn named<'a>(
    pairs: &'a [(String, String)],
    call: &'a ResourceCall,
) -> impl Iterator<Item = (ResourceKind, &'a str)> {
    let pattern = call.row.pattern;
    pairs.iter().filter_map(move |(name, id)| {
        let cursor = matches!(name.as_str(), "after" | "before");
        let kind = match name.as_str() {
            "run_id" => ResourceKind::Run,
            _ if cursor && pattern.ends_with("/runs") => ResourceKind::Run,
            _ if cursor && pattern.starts_with("/vector_stores/") => ResourceKind::File,
            _ => return None,
        };
        (!id.is_empty()).then_some((kind, id.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_written_anew() {
        let pairs = pairs(b"/v1/x?limit=2&%61fter=a%20b+c&key=sk&include%5B%5D=y&flag#after=z");

        let expected =
            [("limit", "2"), ("after", "a b c"), ("key", "sk"), ("include[]", "y"), ("flag", "")];
        let found: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(found, expected);
        let passed = written(&pairs, &["after", "include[]", "limit"]);
        assert_eq!(passed, "?limit=2&after=a%20b%20c&include[]=y");
        assert_eq!(written(&pairs, &[]), "");
        assert_eq!(self::pairs(b"/v1/x"), []);
    }
}
