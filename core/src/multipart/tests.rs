//! Forms, cut everywhere.

use proptest::prelude::*;

use super::*;

/// Name, file name, media type, content, place of the content.
type Read = (String, Option<String>, String, Vec<u8>, std::ops::Range<u64>);

fn read(boundary: &str, body: &[u8], size: usize) -> Result<(Vec<Read>, bool), Malformed> {
    let mut reader = Reader::new(boundary.as_bytes());
    let mut parts: Vec<Read> = Vec::new();
    for piece in body.chunks(size) {
        reader.push(piece, |event| match event {
            Event::Begins(part, at) => {
                parts.push((part.name, part.file_name, part.content_type, Vec::new(), at..at));
            }
            Event::Data(data) => parts.last_mut().unwrap().3.extend_from_slice(data),
            Event::Ends(at) => parts.last_mut().unwrap().4.end = at,
        })?;
    }
    Ok((parts, reader.is_over()))
}

const FORM: &[u8] =
    b"preamble\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
    whisper-1\r\n--AaB03x  \r\ncontent-type: audio/mpeg\r\nCONTENT-DISPOSITION: form-data; \
    filename=\"a\\\"b;.mp3\"; name=file\r\n\r\n\r\n--AaB03\r\r\n-\r\n--AaB03x\r\n\
    Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--AaB03x--\r\nepilogue";

#[test]
fn finds_the_parts_however_the_body_is_cut() {
    for size in 1..=FORM.len() {
        let (parts, over) = read("AaB03x", FORM, size).unwrap();

        let names: Vec<_> = parts.iter().map(|part| (&*part.0, part.1.as_deref())).collect();
        assert_eq!(names, [("model", None), ("file", Some("a\"b;.mp3")), ("empty", None)]);
        let contents: Vec<&[u8]> = parts.iter().map(|part| &*part.3).collect();
        assert_eq!(contents, [&b"whisper-1"[..], b"\r\n--AaB03\r\r\n-", b""], "by {size}");
        assert_eq!(parts[1].2, "audio/mpeg");
        assert!(over);
        for (.., content, at) in parts {
            let at = usize::try_from(at.start).unwrap()..usize::try_from(at.end).unwrap();
            assert_eq!(FORM[at], *content, "by {size}");
        }
    }
}

#[test]
fn says_what_is_no_form() {
    let nameless = b"--x\r\nContent-Type: a/b\r\n\r\n";
    let endless = [&b"--x\r\nA: "[..], &[b'a'; 9_000]].concat();
    let twice = b"--x\r\nContent-Disposition: form-data; name=a\r\n\
        Content-Disposition: form-data; name=b\r\n\r\n";
    for body in [&nameless[..], &endless, b"--x+", b"--x\r\n\r\n", twice] {
        assert!(read("x", body, 5).is_err(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn reads_the_boundary() {
    let found = |kind: &str| boundary(kind.as_bytes()).map(|it| String::from_utf8(it).unwrap());

    assert_eq!(found("multipart/form-data; boundary=a-b").as_deref(), Some("a-b"));
    let quoted = "Multipart/Form-Data;charset=utf-8; Boundary=\"a b;=\" ; x=y";
    assert_eq!(found(quoted).as_deref(), Some("a b;="));
    for none in [
        "",
        "multipart/form-data",
        "application/json; boundary=a",
        "multipart/mixed; \
        boundary=a",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a\u{7}\"",
    ] {
        assert_eq!(found(none), None, "{none}");
    }
}

proptest! {
    #[test]
    fn any_content_comes_out_as_it_went_in(
        content in prop::collection::vec(prop::sample::select(b"\r\n-xa".to_vec()), 0..200),
        size in 1..50_usize,
    ) {
        prop_assume!(memchr::memmem::find(&[b"\r\n", &*content].concat(), b"\r\n--xx").is_none());
        let head = b"--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n";
        let body = [&head[..], &content, b"\r\n--xx--"].concat();

        let (parts, over) = read("xx", &body, size).unwrap();

        prop_assert!(over);
        prop_assert_eq!(&parts[0].3, &content);
    }

    #[test]
    fn garbage_is_read_alike_however_it_is_cut(
        body in prop::collection::vec(prop::sample::select(b"\r\n-x: name=;\"".to_vec()), 0..300),
        size in 1..50_usize,
    ) {
        prop_assert_eq!(read("x", &body, size).is_ok(), read("x", &body, usize::MAX).is_ok());
    }
}
