//! Images, documents and sounds that a body of any dialect names by address: who needs their
//! content instead, and the body with it.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Dialect;
use crate::json::place::Place;

/// One that stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Its address, as the client wrote it.
    pub url: String,
    /// The client's field that names it.
    pub field: &'static str,
    kind: Kind,
    form: Form,
    /// What gives way to the content.
    at: Range<usize>,
}

/// What a target makes of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It takes the address.
    Nothing,
    /// It takes some addresses, and fetches what it can reach.
    Rather,
    /// It has no word for addresses.
    Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    /// Gemini does not say what it is.
    Any,
    Document,
}

/// How content is written where an address was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A data URI in the place of the address.
    DataUri,
    /// A member `file_data` in the place of `file_url`.
    FileData,
    /// Anthropic's `source`.
    Source,
    /// Gemini's `inlineData` in the place of `fileData`.
    InlineData,
}

impl Linked {
    /// Tells what a target that is spoken to in `dialect` needs.
    pub fn need(&self, dialect: Dialect) -> Need {
        match (dialect, self.kind) {
            (Dialect::Ollama | Dialect::OllamaGenerate, Kind::Image | Kind::Any)
            | (Dialect::OpenAi, Kind::Document | Kind::Any) => Need::Content,
            (Dialect::Gemini, _) if !is_known_to_google(&self.url) => Need::Rather,
            _ => Need::Nothing,
        }
    }

    /// Tells whether it is an address of the web, and not one of a file, a bucket or nothing.
    pub fn is_of_the_web(&self) -> bool {
        let starts = |scheme: &str| {
            self.url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        starts("https://") || starts("http://")
    }
}

/// Gemini reads its own files and films of `YouTube`, which nobody else could.
fn is_known_to_google(url: &str) -> bool {
    let (_, rest) = url.split_once("//").unwrap_or_default();
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let of = |name: &str| {
        host == name || host.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
    };
    of("googleapis.com") || of("youtube.com") || of("youtu.be")
}

/// Finds what a body that is known to be JSON names by address.
pub fn find(dialect: Dialect, body: &[u8]) -> Vec<Linked> {
    let whole = Place::whole(body);
    let mut found = Vec::new();
    match dialect {
        Dialect::OpenAi => whole.each_part("messages", "content", &mut |part| {
            found.extend(part.of_chat());
        }),
        Dialect::Responses => whole.each_part("input", "content", &mut |part| {
            found.extend(part.of_responses());
        }),
        Dialect::Anthropic => whole.each_part("messages", "content", &mut |part| {
            found.extend(part.of_messages());
            if part.member("type").is_some_and(|kind| kind.is("tool_result")) {
                for inner in part.member("content").into_iter().flat_map(Place::items) {
                    found.extend(inner.of_messages());
                }
            }
        }),
        Dialect::Gemini => whole.each_part("contents", "parts", &mut |part| {
            found.extend(part.of_gemini());
        }),
        Dialect::Completions | Dialect::Ollama | Dialect::OllamaGenerate => {}
    }
    found
}

/// Returns a body with the content of what it names by address: for each its type and bytes, in
/// the order of [`find`].
pub fn inlined(body: &[u8], linked: &[Linked], media: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let more: usize = media.iter().map(|(_, content)| content.len() / 3 * 4 + 128).sum();
    let mut out = Vec::with_capacity(body.len().saturating_add(more));
    let mut from = 0;
    for (link, (mime, content)) in linked.iter().zip(media) {
        out.extend_from_slice(body.get(from..link.at.start)?);
        let content = STANDARD.encode(content);
        let written = match link.form {
            Form::DataUri => ["\"data:", mime, ";base64,", &content, "\""].concat(),
            Form::FileData => ["\"file_data\":\"data:", mime, ";base64,", &content, "\""].concat(),
            Form::Source => {
                let head = ["{\"type\":\"base64\",\"media_type\":\"", mime].concat();
                [&head, "\",\"data\":\"", &content, "\"}"].concat()
            }
            Form::InlineData => {
                let head = ["\"inlineData\":{\"mimeType\":\"", mime].concat();
                [&head, "\",\"data\":\"", &content, "\"}"].concat()
            }
        };
        out.extend_from_slice(written.as_bytes());
        from = link.at.end;
    }
    out.extend_from_slice(body.get(from..)?);
    Some(out)
}

impl Place<'_> {
    fn each_part(&self, messages: &str, content: &str, take: &mut dyn FnMut(&Self)) {
        for message in self.member(messages).into_iter().flat_map(Self::items) {
            for part in message.member(content).into_iter().flat_map(Self::items) {
                take(&part);
            }
        }
    }

    /// Takes an address, unless the content stands in it.
    fn linked(
        &self,
        (field, kind, form): (&'static str, Kind, Form),
        at: &Range<usize>,
    ) -> Option<Linked> {
        let url = self.string()?;
        let is_here = url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
        (!is_here).then(|| Linked { url, field, kind, form, at: at.clone() })
    }

    fn of_chat(&self) -> Option<Linked> {
        if let Some(image) = self.member("image_url") {
            let url = image.member("url").unwrap_or(image);
            return url.linked(("image_url", Kind::Image, Form::DataUri), &url.at);
        }
        let data = self.member("file")?.member("file_data")?;
        let link = data.linked(("file_data", Kind::Document, Form::DataUri), &data.at)?;
        // Anything else is content.
        link.is_of_the_web().then_some(link)
    }

    fn of_responses(&self) -> Option<Linked> {
        if let Some(url) = self.member("image_url") {
            return url.linked(("image_url", Kind::Image, Form::DataUri), &url.at);
        }
        let (url, all) = self.named("file_url")?;
        url.linked(("file_url", Kind::Document, Form::FileData), &all)
    }

    fn of_messages(&self) -> Option<Linked> {
        let source = self.member("source")?;
        let is_document = self.member("type").is_some_and(|kind| kind.is("document"));
        let kind = if is_document { Kind::Document } else { Kind::Image };
        let is_url = source.member("type").is_some_and(|kind| kind.is("url"));
        is_url.then(|| source.member("url")?.linked(("source", kind, Form::Source), &source.at))?
    }

    fn of_gemini(&self) -> Option<Linked> {
        let (data, all) = self.named("fileData").or_else(|| self.named("file_data"))?;
        let url = data.member("fileUri").or_else(|| data.member("file_uri"))?;
        let mime = data.member("mimeType").or_else(|| data.member("mime_type"));
        let is_image = mime.and_then(|mime| mime.string());
        let kind = match is_image.as_deref().and_then(|mime| mime.split('/').next()) {
            Some("image") => Kind::Image,
            Some("application" | "text") => Kind::Document,
            _ => Kind::Any,
        };
        url.linked(("fileUri", kind, Form::InlineData), &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(dialect: Dialect, body: &str) -> (Vec<String>, String) {
        let linked = find(dialect, body.as_bytes());
        let media: Vec<(&str, &[u8])> = linked.iter().map(|_| ("image/png", &b"abc"[..])).collect();
        let inlined = inlined(body.as_bytes(), &linked, &media).unwrap();
        let urls = linked.into_iter().map(|link| link.url).collect();
        (urls, String::from_utf8(inlined).unwrap())
    }

    #[test]
    fn addresses_give_way_to_content_in_every_dialect() {
        let cases = [
            (
                Dialect::OpenAi,
                r#"{"messages":[{"content":"x"},{"content":[{"type":"image_url","image_url":{"detail":"low","url":"https:\/\/h\/a"}},{"image_url":"http://h/b"}]}]}"#,
                vec!["https://h/a", "http://h/b"],
                r#"{"messages":[{"content":"x"},{"content":[{"type":"image_url","image_url":{"detail":"low","url":"data:image/png;base64,YWJj"}},{"image_url":"data:image/png;base64,YWJj"}]}]}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"messages":[{"content":[{"file":{"file_data":"HTTPS://h/a"}},{"file":{"file_data":"JVBE"}}]}]}"#,
                vec!["HTTPS://h/a"],
                r#"{"messages":[{"content":[{"file":{"file_data":"data:image/png;base64,YWJj"}},{"file":{"file_data":"JVBE"}}]}]}"#,
            ),
            (
                Dialect::Responses,
                r#"{"input":[{"content":[{"type":"input_image","image_url":"https://h/a"},{ "file_url" : "https://h/b","type":"input_file"}]}]}"#,
                vec!["https://h/a", "https://h/b"],
                r#"{"input":[{"content":[{"type":"input_image","image_url":"data:image/png;base64,YWJj"},{ "file_data":"data:image/png;base64,YWJj","type":"input_file"}]}]}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://h/a"}},{"type":"tool_result","content":[{"type":"image","source":{"url":"u","type":"url"}}]},{"source":{"type":"base64","data":"x"}}]}]}"#,
                vec!["https://h/a", "u"],
                r#"{"messages":[{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"YWJj"}},{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"YWJj"}}]},{"source":{"type":"base64","data":"x"}}]}]}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://h/a","mimeType":"image/png"}},{"text":"x"}]}]}"#,
                vec!["https://h/a"],
                r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"YWJj"}},{"text":"x"}]}]}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"messages":[{"content":[{"image_url":{"url":"data:,x"}}]}]}"#,
                vec![],
                r#"{"messages":[{"content":[{"image_url":{"url":"data:,x"}}]}]}"#,
            ),
            (
                Dialect::Ollama,
                r#"{"messages":[{"images":["https://h/a"]}]}"#,
                vec![],
                r#"{"messages":[{"images":["https://h/a"]}]}"#,
            ),
            (Dialect::OpenAi, "{}", vec![], "{}"),
        ];
        for (dialect, body, urls, expected) in cases {
            let (found, inlined) = after(dialect, body);
            assert_eq!(found, urls, "{body}");
            assert_eq!(inlined, expected);
        }
    }

    #[test]
    fn each_dialect_needs_what_it_has_no_word_for() {
        let image = |url: &str| {
            let body = format!(r#"{{"messages":[{{"content":[{{"image_url":"{url}"}}]}}]}}"#);
            find(Dialect::OpenAi, body.as_bytes()).remove(0)
        };
        let web = image("https://h/a.png");
        assert_eq!(web.need(Dialect::Ollama), Need::Content);
        assert_eq!(web.need(Dialect::Gemini), Need::Rather);
        assert_eq!(web.need(Dialect::Anthropic), Need::Nothing);
        assert_eq!(web.need(Dialect::OpenAi), Need::Nothing);
        for own in ["https://www.youtube.com/watch?v=1", "https://storage.googleapis.com/b/c"] {
            assert_eq!(image(own).need(Dialect::Gemini), Need::Nothing);
        }
        assert_eq!(image("https://notyoutube.com/x").need(Dialect::Gemini), Need::Rather);
        let body = br#"{"input":[{"content":[{"file_url":"https://h/a"}]}]}"#;
        let document = find(Dialect::Responses, body).remove(0);
        assert_eq!(document.need(Dialect::OpenAi), Need::Content);
        assert!(web.is_of_the_web() && !image("file:///etc/passwd").is_of_the_web());
        assert!(!image("/etc/passwd").is_of_the_web());
    }
}
