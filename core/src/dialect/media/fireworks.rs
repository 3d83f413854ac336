//! Fireworks' images: each model has a path of its own, which makes one image.
//! <https://docs.fireworks.ai/api-reference/generate-a-new-image-from-a-text-prompt>

use crate::json::node::Node;
use crate::json::write::Writer;

/// Sides of images that can be asked for, with their names.
const RATIOS: [(u64, u64, &str); 11] = [
    (1, 1, "1:1"),
    (21, 9, "21:9"),
    (16, 9, "16:9"),
    (3, 2, "3:2"),
    (5, 4, "5:4"),
    (4, 5, "4:5"),
    (2, 3, "2:3"),
    (9, 16, "9:16"),
    (9, 21, "9:21"),
    (4, 3, "4:3"),
    (3, 4, "3:4"),
];

/// What passes from a client that knows whom it asks.
const OWN: [&str; 4] = ["aspect_ratio", "guidance_scale", "num_inference_steps", "seed"];

/// A request that cannot be made: the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncarried(pub &'static str);

/// Returns the path of a request below the provider's base. Models' names are paths.
pub fn path(model: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let model: String = model.bytes().filter(|byte| is_plain(*byte)).map(char::from).collect();
    let model = model.replace("..", "");
    let model =
        if model.contains('/') { model } else { format!("accounts/fireworks/models/{model}") };
    format!("/workflows/{model}/text_to_image")
}

/// Writes a request for an image as the provider takes it.
///
/// # Errors
/// When it asks for what the provider has not.
pub fn write(body: &[u8]) -> Result<Vec<u8>, Uncarried> {
    let asked = Node::trusted(body);
    if asked.get("n").and_then(Node::u64).is_some_and(|n| n > 1) {
        return Err(Uncarried("n"));
    }
    if asked.get("stream").and_then(Node::bool) == Some(true) {
        return Err(Uncarried("stream"));
    }
    let mut writer = Writer::default();
    writer.object(|it| {
        if let Some(prompt) = asked.get("prompt") {
            it.key("prompt").node(prompt);
        }
        let size = asked.get("size").and_then(Node::string);
        let ratio = size.filter(|_| asked.get("aspect_ratio").is_none());
        if let Some(ratio) = ratio.and_then(|size| nearest(&size)) {
            it.key("aspect_ratio").string(ratio);
        }
        for name in OWN {
            if let Some(value) = asked.get(name).filter(|value| !value.is_null()) {
                it.key(name).node(value);
            }
        }
    });
    Ok(writer.into_bytes())
}

/// Returns the ratio that comes nearest to a size like `1536x1024`. `None`: it is no such size.
fn nearest(size: &str) -> Option<&'static str> {
    let (width, height) = size.split_once('x')?;
    let (width, height) = (width.parse::<u32>().ok()?, height.parse::<u32>().ok()?);
    if width == 0 || height == 0 {
        return None;
    }
    let (width, height) = (u64::from(width), u64::from(height));
    // How many times as wide the one is as the other, in millionths: never less than one.
    let distance = |(across, down, _): &&(u64, u64, &str)| {
        let (one, other) = (width * down, height * across);
        (one.max(other) * 1_000_000).checked_div(one.min(other)).unwrap_or(u64::MAX)
    };
    RATIOS.iter().min_by_key(distance).map(|(.., name)| *name)
}

/// Reads an answer: images, as base64. `None`: it has none.
pub fn read(body: &[u8]) -> Option<Vec<String>> {
    let answer = Node::object(body).ok()?;
    let base64 = answer.get("base64")?;
    let plain = |node: Node<'_>| {
        let text = node.string()?;
        let bare = text.split_once(";base64,").map_or(&*text, |(_, bare)| bare);
        Some(bare.to_owned())
    };
    let one = plain(base64);
    let images: Vec<String> = one.into_iter().chain(base64.items().filter_map(plain)).collect();
    (!images.is_empty()).then_some(images)
}

/// Tells whether the provider would not show what it made.
pub fn is_filtered(body: &[u8]) -> bool {
    let reason = Node::object(body).ok().and_then(|answer| answer.get("finishReason"));
    reason.and_then(Node::string).is_some_and(|reason| reason == "CONTENT_FILTERED")
}

/// Returns what an error answer says.
pub fn failure(body: &[u8]) -> Option<String> {
    let answer = Node::object(body).ok()?;
    let error = answer.get("error").unwrap_or(answer);
    let said = error.string().or_else(|| {
        ["message", "detail", "fault"].iter().find_map(|name| error.get(name)?.string())
    });
    said.map(std::borrow::Cow::into_owned)
}

/// Writes an answer for a client of OpenAI's. `as_url`: it wants addresses.
pub fn answer(images: &[String], as_url: bool, created: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("created").number(created);
        it.key("data").array(|it| {
            for image in images {
                it.object(|it| {
                    if as_url {
                        it.key("url").string(&["data:", kind(image), ";base64,", image].concat());
                    } else {
                        it.key("b64_json").string(image);
                    }
                });
            }
        });
    });
    writer.into_bytes()
}

/// The media type of an image, by its first bytes.
fn kind(base64: &str) -> &'static str {
    if base64.starts_with("/9j/") { "image/jpeg" } else { "image/png" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_paths_of_their_own() {
        let flux = "/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image";
        assert_eq!(path("accounts/fireworks/models/flux-1-schnell-fp8"), flux);
        assert_eq!(path("flux-1-schnell-fp8"), flux);
        assert_eq!(path("a/../b?c#d e"), "/workflows/a//bcde/text_to_image");
    }

    #[test]
    fn sizes_become_the_nearest_ratio() {
        for (size, ratio) in [
            ("1024x1024", Some("1:1")),
            ("1536x1024", Some("3:2")),
            ("1024x1536", Some("2:3")),
            ("1792x1024", Some("16:9")),
            ("1024x1792", Some("9:16")),
            ("4294967295x1", Some("21:9")),
            ("0x1", None),
            ("auto", None),
        ] {
            assert_eq!(nearest(size), ratio, "{size}");
        }
    }

    #[test]
    fn carries_what_the_provider_knows_and_refuses_what_it_cannot_do() {
        let written = |body: &str| write(body.as_bytes()).map(|it| String::from_utf8(it).unwrap());

        assert_eq!(
            written(
                r#"{"model":"m","prompt":"a \u0063at","n":1,"size":"1536x1024","seed":7,"user":"u"}"#
            ),
            Ok(r#"{"prompt":"a \u0063at","aspect_ratio":"3:2","seed":7}"#.to_owned()),
        );
        assert_eq!(
            written(r#"{"prompt":"x","size":"1536x1024","aspect_ratio":"4:5"}"#),
            Ok(r#"{"prompt":"x","aspect_ratio":"4:5"}"#.to_owned()),
        );
        assert_eq!(written(r#"{"n":2}"#), Err(Uncarried("n")));
        assert_eq!(written(r#"{"stream":true}"#), Err(Uncarried("stream")));
    }

    #[test]
    fn images_come_with_or_without_their_type() {
        let said = br#"{"id":"1","base64":["data:image/png;base64,iVBO","/9j/"],"seed":1}"#;
        let images = read(said).unwrap();
        assert_eq!(images, ["iVBO", "/9j/"]);
        assert_eq!(read(br#"{"base64":"iVBO"}"#).unwrap(), ["iVBO"]);
        assert_eq!(read(br#"{"base64":[]}"#), None);
        assert!(is_filtered(br#"{"finishReason":"CONTENT_FILTERED","base64":[]}"#));

        let bare = answer(&images, false, 5);
        assert_eq!(bare, br#"{"created":5,"data":[{"b64_json":"iVBO"},{"b64_json":"/9j/"}]}"#);
        let at = String::from_utf8(answer(&images, true, 5)).unwrap();
        assert!(at.contains(r#""url":"data:image/png;base64,iVBO""#), "{at}");
        assert!(at.contains(r#""url":"data:image/jpeg;base64,/9j/""#), "{at}");
    }

    #[test]
    fn says_what_went_wrong() {
        let said = |body: &str| failure(body.as_bytes());
        assert_eq!(said(r#"{"error":{"message":"no"}}"#).as_deref(), Some("no"));
        assert_eq!(said(r#"{"error":"no"}"#).as_deref(), Some("no"));
        assert_eq!(said(r#"{"detail":"no"}"#).as_deref(), Some("no"));
        assert_eq!(said("<html>"), None);
    }
}
