//! A form with files (`multipart/form-data`, RFC 7578) that is read while it passes.
//!
//! Nothing of it is kept but the headers of one part: whoever reads gets the parts' contents in
//! pieces, cut as they come, with their places in the body.
//!
//! ```
//! use tollgate_core::multipart::{Event, Reader, boundary};
//!
//! let boundary = boundary(b"multipart/form-data; boundary=x").unwrap();
//! let mut reader = Reader::new(&boundary);
//! let mut text = Vec::new();
//! let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--x--\r\n";
//! reader.push(body, |event| if let Event::Data(data) = event { text.extend_from_slice(data) }).unwrap();
//! assert_eq!(text, b"hi");
//! assert!(reader.is_over());
//! ```

use memchr::memmem::Finder;
use memchr::memrchr;
use thiserror::Error;

/// Longer headers of a part are no form that we know.
const HEAD_LIMIT: usize = 8 * 1024;
/// RFC 2046 allows 70; some clients do not keep to it.
const BOUNDARY_LIMIT: usize = 200;

/// Why some bytes are not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The beginning of a part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Name of the field.
    pub name: String,
    /// Name of the file. `None`: it is no file.
    pub file_name: Option<String>,
    /// Media type. Empty: it has none.
    pub content_type: String,
}

/// Something that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A part begins; its content is at this place of the body.
    Begins(Part, u64),
    /// Some of its content.
    Data(&'a [u8]),
    /// It has ended before this place.
    Ends(u64),
}

/// Reads a form in pieces.
#[derive(Debug)]
pub struct Reader {
    /// What stands before and after each part: a line break, two hyphens, the boundary.
    delimiter: Finder<'static>,
    at: At,
    /// Headers of the part that begins.
    head: Vec<u8>,
    /// Bytes of the body that have been read.
    read: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first part, or in the content of one; so much of the delimiter has come.
    Content { in_part: bool, matched: usize },
    /// Behind a delimiter.
    Behind,
    /// Behind a delimiter and a hyphen.
    LastHyphen,
    /// Behind a delimiter and a carriage return.
    LineEnd,
    /// In the headers of a part.
    Head,
    /// Behind the last part.
    Over,
}

impl Reader {
    /// Reads a form whose parts are kept apart by `boundary`.
    pub fn new(boundary: &[u8]) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            // The first delimiter needs no line break before it.
            at: At::Content { in_part: false, matched: 2 },
            head: Vec::new(),
            read: 0,
        }
    }

    /// Tells whether the last part has ended.
    pub fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it is no form.
    pub fn push(&mut self, piece: &[u8], mut on: impl FnMut(Event<'_>)) -> Result<(), Malformed> {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            let used = match self.at {
                At::Content { in_part, matched } => self.content(rest, in_part, matched, &mut on),
                At::Over => rest.len(),
                At::Behind | At::LastHyphen | At::LineEnd | At::Head => {
                    self.between(byte, &mut on)?;
                    1
                }
            };
            self.read = self.read.saturating_add(used as u64);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads content up to the next delimiter, and returns how many bytes that were.
    fn content(
        &mut self,
        rest: &[u8],
        in_part: bool,
        matched: usize,
        on: &mut impl FnMut(Event<'_>),
    ) -> usize {
        let delimiter = self.delimiter.needle();
        let mut data = |data: &[u8]| {
            if in_part && !data.is_empty() {
                on(Event::Data(data));
            }
        };
        if matched > 0 {
            let wanted = delimiter.get(matched..).unwrap_or_default();
            let same = wanted.iter().zip(rest).take_while(|(one, other)| one == other).count();
            let now = matched + same;
            if same < wanted.len() && same < rest.len() {
                // It was content that looked like one. What begins it stands nowhere else in it.
                data(delimiter.get(..now).unwrap_or_default());
                self.at = At::Content { in_part, matched: 0 };
            } else {
                self.matched(in_part, now, same, on);
            }
            return same;
        }
        if let Some(found) = self.delimiter.find(rest) {
            data(rest.get(..found).unwrap_or_default());
            let length = delimiter.len();
            self.read = self.read.saturating_add(found as u64);
            self.matched(in_part, length, length, on);
            // What is before it counts already.
            self.read = self.read.saturating_sub(found as u64);
            return found + length;
        }
        let tail = rest.len().saturating_sub(delimiter.len() - 1);
        let start = memrchr(b'\r', rest.get(tail..).unwrap_or_default()).map(|at| tail + at);
        let start = start
            .filter(|start| delimiter.starts_with(rest.get(*start..).unwrap_or_default()))
            .unwrap_or(rest.len());
        data(rest.get(..start).unwrap_or_default());
        self.at = At::Content { in_part, matched: rest.len() - start };
        rest.len()
    }

    /// So much of the delimiter has come, the last `fresh` bytes of it just now.
    fn matched(
        &mut self,
        in_part: bool,
        matched: usize,
        fresh: usize,
        on: &mut impl FnMut(Event<'_>),
    ) {
        if matched < self.delimiter.needle().len() {
            self.at = At::Content { in_part, matched };
            return;
        }
        self.at = At::Behind;
        if in_part {
            let before = (matched - fresh) as u64;
            on(Event::Ends(self.read.saturating_sub(before)));
        }
    }

    /// Reads a byte between a delimiter and the next content.
    fn between(&mut self, byte: u8, on: &mut impl FnMut(Event<'_>)) -> Result<(), Malformed> {
        self.at = match (self.at, byte) {
            (At::Behind, b'-') => At::LastHyphen,
            (At::Behind, b'\r') => At::LineEnd,
            (At::Behind, b' ' | b'\t') => At::Behind,
            (At::LastHyphen, b'-') => At::Over,
            (At::LineEnd, b'\n') => {
                self.head.clear();
                At::Head
            }
            (At::Head, _) => {
                self.head.push(byte);
                if self.head.ends_with(b"\r\n\r\n") || self.head == b"\r\n" {
                    on(Event::Begins(part(&self.head)?, self.read.saturating_add(1)));
                    At::Content { in_part: true, matched: 0 }
                } else if self.head.len() > HEAD_LIMIT {
                    return Err(Malformed("the headers of a part are too long"));
                } else {
                    At::Head
                }
            }
            _ => return Err(Malformed("a boundary is followed by neither a part nor the end")),
        };
        Ok(())
    }
}

/// Reads the boundary in a `content-type`. `None`: it is no form, or has none.
pub fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let (kind, parameters) = split_once(content_type, b';');
    if !kind.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
        return None;
    }
    let found = parameter(parameters?, b"boundary")?;
    let safe = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let fits = !found.is_empty() && found.len() <= BOUNDARY_LIMIT && found.iter().all(safe);
    fits.then_some(found)
}

fn part(head: &[u8]) -> Result<Part, Malformed> {
    let mut part = None;
    let mut content_type = String::new();
    for line in head.split(|byte| *byte == b'\n') {
        let (name, Some(value)) = split_once(line, b':') else { continue };
        if name.trim_ascii().eq_ignore_ascii_case(b"content-type") {
            content_type = text(value.trim_ascii().to_vec());
        } else if name.trim_ascii().eq_ignore_ascii_case(b"content-disposition") {
            let (_, parameters) = split_once(value, b';');
            let parameters = parameters.unwrap_or_default();
            if part.is_some() {
                return Err(Malformed("a part has two names"));
            }
            let name = parameter(parameters, b"name").ok_or(Malformed("a part has no name"))?;
            let file_name = parameter(parameters, b"filename")
                .or_else(|| parameter(parameters, b"filename*"))
                .map(text);
            part = Some(Part { name: text(name), file_name, content_type: String::new() });
        }
    }
    let part = part.ok_or(Malformed("a part has no name"))?;
    Ok(Part { content_type, ..part })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn split_once(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(at, bytes) {
        Some(found) => (bytes.get(..found).unwrap_or_default(), bytes.get(found + 1..)),
        None => (bytes, None),
    }
}

/// Returns the value of a parameter, without its quotes.
fn parameter(parameters: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = parameters;
    loop {
        let (key, value) = split_once(rest, b'=');
        let value = value?.trim_ascii_start();
        let (value, after) = if let Some(quoted) = value.strip_prefix(b"\"") {
            unquoted(quoted)
        } else {
            let (plain, after) = split_once(value, b';');
            (plain.trim_ascii().to_vec(), after.unwrap_or_default())
        };
        let key = key.trim_ascii_start().strip_prefix(b";").unwrap_or(key);
        if key.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// Reads a quoted string up to its end, and returns what follows.
fn unquoted(quoted: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            // Browsers write a path with plain backslashes; only quotes and backslashes are escaped.
            b'\\' if matches!(quoted.get(at + 1), Some(b'"' | b'\\')) => {
                value.extend(bytes.next().map(|(_, escaped)| *escaped));
            }
            _ => value.push(*byte),
        }
    }
    (value, &[])
}

#[cfg(test)]
mod tests;
