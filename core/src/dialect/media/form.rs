//! A form with images or sound: which model it names, and what it asks for. Files are not kept,
//! whatever their size; of the first one the beginning is, which may say how long it lasts.

use std::ops::Range;

use tollgate_proto::v1::Endpoint;

use super::ask::{Ask, Pictures};
use super::file::SoundFile;
use super::sound::{self, HEAD};
use super::{hears, makes_images};
use crate::dialect::request::{FormFacts, Request};
use crate::multipart::{self, Event, Malformed, Part, Reader};
use crate::refusal::{FormFault, Refusal};

/// Fields that are understood are no longer than this.
const FIELD_LIMIT: usize = 1024;
/// What decides who serves a request and what it costs at most.
const DECISIVE: [&str; 4] = ["model", "n", "quality", "partial_images"];
/// No provider takes more files at once.
const MOST_FILES: u64 = 16;

/// Reads a form as it comes.
#[derive(Debug)]
pub struct Form {
    endpoint: Endpoint,
    reader: Reader,
    boundary: Vec<u8>,
    current: Current,
    seen: Seen,
    /// Everything was decided by what stands before; see [`Form::seal`].
    sealed: bool,
}

#[derive(Debug)]
enum Current {
    /// Before the first part, or in one that does not matter.
    Other,
    /// In a text whose length matters.
    Text,
    /// In a field that is understood, with its value so far and its place.
    Field(&'static str, Vec<u8>, u64),
    /// In a file; the first one or another.
    File { first: bool },
}

/// What has been seen.
#[derive(Debug, Default)]
struct Seen {
    model: Option<String>,
    model_at: Vec<Range<usize>>,
    pictures: Pictures,
    stream: bool,
    user: Option<String>,
    format: Option<String>,
    language: Option<String>,
    text_bytes: u64,
    files: u64,
    file: File,
}

/// The first file of a form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// What the client calls it.
    pub name: String,
    /// Its media type. Empty: the client does not say.
    pub content_type: String,
    /// Where it stands, as far as it has come.
    pub at: Range<u64>,
    head: Vec<u8>,
}

impl Form {
    /// Reads a form for an endpoint, by the `content-type` of the request. `None`: it is none.
    pub fn new(endpoint: Endpoint, content_type: &[u8]) -> Option<Self> {
        let boundary = multipart::boundary(content_type)?;
        Some(Self {
            endpoint,
            reader: Reader::new(&boundary),
            boundary,
            current: Current::Other,
            seen: Seen::default(),
            sealed: false,
        })
    }

    /// Reads a form that is all here, again.
    ///
    /// # Errors
    /// As of [`Form::push`].
    pub fn whole(&self, body: &[u8]) -> Result<Self, Refusal> {
        let mut whole = Self {
            endpoint: self.endpoint,
            reader: Reader::new(&self.boundary),
            boundary: self.boundary.clone(),
            current: Current::Other,
            seen: Seen::default(),
            sealed: false,
        };
        whole.push(body)?;
        if !whole.reader.is_over() {
            return Err(Refusal::Form(FormFault::Malformed("it has no end")));
        }
        Ok(whole)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it is no form, or says after it was sealed what had to be said before.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let Self { reader, current, seen, sealed, .. } = self;
        let mut refusal = None;
        let read = reader.push(piece, |event| {
            let taken = match event {
                Event::Begins(part, at) => seen.begin(&part, at, *sealed).map(|it| *current = it),
                Event::Data(data) => seen.data(current, data),
                Event::Ends(at) => seen.end(std::mem::replace(current, Current::Other), at),
            };
            refusal = refusal.take().or(taken.err());
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        read.map_err(|Malformed(why)| Refusal::Form(FormFault::Malformed(why)))
    }

    /// From here on a decision holds that was made on what has come.
    pub fn seal(&mut self) {
        self.sealed = true;
    }

    /// Tells whether a model is named and enough of a file has come to decide.
    pub fn is_ready(&self) -> bool {
        let begun = self.seen.file.head.len() >= HEAD || self.seen.files > 1;
        self.seen.model.is_some() && self.seen.files > 0 && begun
    }

    /// Tells whether a file came before any model was named.
    pub fn has_file_first(&self) -> bool {
        self.seen.files > 0 && self.seen.model.is_none()
    }

    /// Returns what it asks for at most. `length`: of a file that is yet to come, at most.
    pub fn ask(&self, length: Option<u64>) -> Ask {
        let seen = &self.seen;
        if makes_images(self.endpoint) {
            let files = if length.is_some() { MOST_FILES } else { seen.files };
            return Ask::images(&seen.pictures, seen.text_bytes, files);
        }
        let bytes = length.unwrap_or_else(|| seen.file.at.end.saturating_sub(seen.file.at.start));
        let ask = Ask::sound(&sound::length(&seen.file.head, bytes), seen.text_bytes);
        let (format, language) = (seen.format.as_deref(), seen.language.as_deref());
        let file = length.is_none().then(|| SoundFile::new(&seen.file, format, language));
        Ask { file: file.map(Box::new), ..ask }
    }

    /// Returns the facts of the request. `length`: as of [`Form::ask`]. `default`: the model of
    /// forms that name none; empty, or where a file is yet to come: there is none.
    ///
    /// # Errors
    /// When it has no model or no file.
    pub fn request(&self, length: Option<u64>, default: &str) -> Result<Request, Refusal> {
        let seen = &self.seen;
        let named = seen.model.as_deref();
        let supplied = named.is_none() && !default.is_empty() && length.is_none();
        let model = if supplied { Some(default) } else { named };
        let model = model.ok_or(Refusal::MissingField("model"))?;
        if seen.files == 0 {
            let file = if hears(self.endpoint) { "file" } else { "image" };
            return Err(Refusal::MissingField(file));
        }
        Ok(Request::of_form(FormFacts {
            endpoint: self.endpoint,
            model: model.to_owned(),
            model_at: seen.model_at.clone(),
            new_part: supplied.then(|| self.boundary.clone()),
            stream: seen.stream,
            user: seen.user.clone(),
            ask: self.ask(length),
        }))
    }
}

impl Seen {
    fn begin(&mut self, part: &Part, at: u64, sealed: bool) -> Result<Current, Refusal> {
        let name = part.name.as_str();
        if let Some(name) = DECISIVE.iter().find(|it| **it == name) {
            if sealed {
                return Err(Refusal::Form(FormFault::FieldAfterFile(name)));
            }
            return Ok(Current::Field(name, Vec::new(), at));
        }
        if part.file_name.is_some() || matches!(name, "file" | "image" | "image[]") {
            let first = self.files == 0;
            self.files = self.files.saturating_add(1);
            if first {
                self.file = File {
                    name: part.file_name.clone().unwrap_or_default(),
                    content_type: part.content_type.clone(),
                    at: at..at,
                    head: Vec::new(),
                };
            }
            return Ok(Current::File { first });
        }
        let known = KNOWN.iter().find(|it| **it == name);
        Ok(match known {
            Some(name) => Current::Field(name, Vec::new(), at),
            None if name == "prompt" => Current::Text,
            None => Current::Other,
        })
    }

    fn data(&mut self, current: &mut Current, data: &[u8]) -> Result<(), Refusal> {
        match current {
            Current::Other | Current::File { first: false } => {}
            Current::Text => self.text_bytes = self.text_bytes.saturating_add(data.len() as u64),
            Current::File { first: true } => {
                let file = &mut self.file;
                let room = HEAD.saturating_sub(file.head.len());
                file.head.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
                file.at.end = file.at.end.saturating_add(data.len() as u64);
            }
            Current::Field(field, value, _) => {
                if value.len().saturating_add(data.len()) > FIELD_LIMIT {
                    return Err(Refusal::InvalidField { field, expected: "at most 1024 bytes" });
                }
                value.extend_from_slice(data);
            }
        }
        Ok(())
    }

    fn end(&mut self, current: Current, at: u64) -> Result<(), Refusal> {
        let Current::Field(field, value, from) = current else { return Ok(()) };
        let Ok(value) = String::from_utf8(value) else {
            return Err(Refusal::InvalidField { field, expected: "text in UTF-8" });
        };
        match field {
            "model" => {
                if value.is_empty() {
                    return Err(Refusal::InvalidField { field, expected: "a model's name" });
                }
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                self.model_at.push(place(from)..place(at));
                self.model = Some(value);
            }
            "n" => self.pictures.count = Some(number(field, &value)?),
            "partial_images" => self.pictures.partial = Some(number(field, &value)?),
            "quality" => {
                (self.pictures.low, self.pictures.medium) = (value == "low", value == "medium");
            }
            "stream" => self.stream = value == "true",
            "user" => self.user = Some(value),
            "response_format" => self.format = Some(value),
            "language" => self.language = Some(value),
            _ => {}
        }
        Ok(())
    }
}

fn number(field: &'static str, value: &str) -> Result<u64, Refusal> {
    let wrong = Refusal::InvalidField { field, expected: "a whole number" };
    value.trim().parse().map_err(|_| wrong)
}

/// Fields that are understood besides.
const KNOWN: [&str; 4] = ["stream", "user", "response_format", "language"];

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &[u8] = b"multipart/form-data; boundary=x";

    fn part(name: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    fn file(content: &str) -> String {
        part("file\"; filename=\"a.mp3", content)
    }

    fn read(parts: &[String]) -> (String, Result<Form, Refusal>) {
        let body = format!("{}--x--\r\n", parts.concat());
        let form = Form::new(Endpoint::Transcriptions, KIND).unwrap();
        let whole = form.whole(body.as_bytes());
        (body, whole)
    }

    #[test]
    fn the_model_is_replaced_where_it_stands() {
        let (body, form) = read(&[part("model", "mine"), file("abc"), part("stream", "true")]);

        let request = form.unwrap().request(None, "").unwrap();
        let edited = request.edits(body.as_bytes(), "theirs", true, None).apply(body.as_bytes());

        assert_eq!(String::from_utf8(edited).unwrap(), body.replace("mine", "theirs"));
        assert!(request.stream);
    }

    #[test]
    fn a_default_model_is_a_part_of_its_own() {
        let (body, form) = read(&[file("abc")]);
        let form = form.unwrap();

        let request = form.request(None, "some").unwrap();
        let edited = request.edits(body.as_bytes(), "theirs", true, None).apply(body.as_bytes());

        assert_eq!(String::from_utf8(edited).unwrap(), part("model", "theirs") + &body);
        assert_eq!(form.request(None, ""), Err(Refusal::MissingField("model")));
    }

    #[test]
    fn every_model_of_several_is_replaced_and_the_last_one_counts() {
        let (body, form) = read(&[part("model", "one"), file("abc"), part("model", "two")]);

        let request = form.unwrap().request(None, "").unwrap();
        let edited = request.edits(body.as_bytes(), "two", true, None).apply(body.as_bytes());

        assert_eq!(request.model, "two");
        assert_eq!(String::from_utf8(edited).unwrap(), body.replace("one", "two"));
    }

    #[test]
    fn what_decides_cannot_follow_a_decision() {
        let mut form = Form::new(Endpoint::Transcriptions, KIND).unwrap();
        let begin = part("model", "mine") + &file(&"a".repeat(HEAD));
        form.push(begin.as_bytes()).unwrap();
        assert!(form.is_ready());
        form.seal();

        assert_eq!(form.push(part("language", "de").as_bytes()), Ok(()));
        let late = form.push(part("model", "dear").as_bytes());

        assert_eq!(late, Err(Refusal::Form(FormFault::FieldAfterFile("model"))));
    }

    #[test]
    fn says_what_is_missing_or_wrong() {
        let missing = |parts: &[String]| read(parts).1.and_then(|form| form.request(None, ""));

        assert_eq!(missing(&[part("model", "a")]), Err(Refusal::MissingField("file")));
        let long = "a".repeat(2_000);
        let wrong = missing(&[part("model", &long), file("a")]);
        assert!(matches!(wrong, Err(Refusal::InvalidField { field: "model", .. })));
        let wrong = missing(&[part("n", "many"), file("a")]);
        assert!(matches!(wrong, Err(Refusal::InvalidField { field: "n", .. })));
        let form = Form::new(Endpoint::Transcriptions, KIND).unwrap();
        assert!(form.whole(b"--x\r\n").is_err());
    }
}
