//! A form read in pieces: they make no difference, and each content stands where it is said to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::multipart::{Event, Part, Reader, boundary};

/// A part, its content, where that begins and ends.
type Read = (Part, Vec<u8>, u64, Option<u64>);

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let _ = boundary(body);
    let whole = read(body, body.len().max(1));
    assert_eq!(read(body, usize::from(size).max(1)).is_some(), whole.is_some());
    for (_, content, start, end) in whole.unwrap_or_default() {
        let Some(end) = end else { continue };
        let place = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
        assert_eq!(&body[place], content);
    }
});

fn read(body: &[u8], size: usize) -> Option<Vec<Read>> {
    let mut reader = Reader::new(b"x");
    let mut parts: Vec<Read> = Vec::new();
    for piece in body.chunks(size) {
        let read = reader.push(piece, |event| match event {
            Event::Begins(part, at) => parts.push((part, Vec::new(), at, None)),
            Event::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(data),
            Event::Ends(at) => parts.last_mut().unwrap().3 = Some(at),
        });
        read.ok()?;
    }
    Some(parts)
}
