//! Long requests: prompts that are held, and forms that flow.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::load::connect;
use super::numbers::{Samples, cpu_micros};
use super::rig::Side;
use crate::http;

/// Bytes of the file in a form.
const FILE: usize = 200 << 20;

/// Returns how long a large prompt takes, in the middle of so many.
pub(super) fn prompt(side: &Side, times: u32) -> Result<f64> {
    let mut stream = connect(side.large.address)?;
    let mut samples = Samples::default();
    for _ in 0..times {
        let sent = Instant::now();
        stream.write_all(&side.large.request)?;
        let answer = http::receive(&mut stream)?;
        ensure!(answer.status == 200, "answered {}: {}", answer.status, answer.text());
        samples.add(sent.elapsed());
    }
    Ok(samples.micros(0.5))
}

/// Returns the milliseconds of CPU that Envoy uses for a form whose file is long.
pub(super) fn upload(side: &Side) -> Result<f64> {
    let mut stream = connect(side.upload.address)?;
    let before = cpu_micros(side.envoy.process.id())?;
    stream.write_all(&side.upload.request)?;
    let piece = noise();
    for _ in 0..FILE / piece.len() {
        stream.write_all(&piece)?;
    }
    stream.write_all(END)?;
    let answer = http::receive(&mut stream)?;
    ensure!(answer.status == 200, "answered {}: {}", answer.status, answer.text());
    Ok((cpu_micros(side.envoy.process.id())? - before) / 1e3)
}

/// Renders the beginning of a form that names its model before its file.
pub(super) fn form(key: &str, model: &str) -> Vec<u8> {
    let begin = format!(
        "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n"
    );
    let length = begin.len() + FILE + END.len();
    format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer {key}\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: {length}\r\n\r\n{begin}"
    )
    .into_bytes()
}

/// Bytes as a compressed file has them: all values, in no order.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()
    };
    std::iter::repeat_with(&mut next).take((1 << 20) / 4).flatten().collect()
}

const END: &[u8] = b"\r\n--b--\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_as_long_as_it_says() {
        let head = String::from_utf8(form("sk", "m")).unwrap();
        let (headers, begin) = head.split_once("\r\n\r\n").unwrap();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(length.unwrap().parse(), Ok(begin.len() + FILE + END.len()));
        assert_eq!(FILE % noise().len(), 0);
    }
}
