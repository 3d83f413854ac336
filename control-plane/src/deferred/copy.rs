//! Copies of batches' files in which lines have the provider's own name of the model.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tollgate_core::json::edit::Edits;
use tollgate_core::json::place::Place;
use tollgate_core::json::text;

use crate::deferred::lines::Lines;
use crate::deferred::site::Site;
use crate::outbound::Answer;

/// Gives a provider a copy of a file of its own, and returns the copy's id. `None`: it does not
/// take it.
pub(super) async fn copied(site: &Site, file: Answer, model: &str) -> Option<String> {
    let boundary = format!("tollgate{:032x}", rand::random::<u128>());
    let (pieces, body) = mpsc::channel(PIECES_AHEAD);
    let (writing, sending) =
        tokio::join!(write(file, model, &boundary, pieces), site.upload("/files", &boundary, body));
    let mut answer = sending.ok().filter(|answer| answer.status == 200 && writing.is_some())?;
    let mut said = BytesMut::new();
    while let Some(piece) = answer.next().await.ok()? {
        said.extend_from_slice(&piece);
        if said.len() > LONGEST_ANSWER {
            return None;
        }
    }
    let said: serde_json::Value = serde_json::from_slice(&said).ok()?;
    said.get("id")?.as_str().map(str::to_owned)
}

/// Writes the form. `None`: the file broke off, or nobody takes what is written.
async fn write(
    mut file: Answer,
    model: &str,
    boundary: &str,
    form: mpsc::Sender<Bytes>,
) -> Option<()> {
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"batch.jsonl\"\r\n\
         content-type: application/jsonl\r\n\r\n"
    );
    form.send(head.into()).await.ok()?;
    let (mut lines, mut written) = (Lines::default(), BytesMut::new());
    // Without its end the form is none, so that half a file is never taken for one.
    while let Some(piece) = file.next().await.ok()? {
        lines.push(&piece);
        while let Some(line) = lines.next().ok()? {
            written.extend_from_slice(&renamed(&line, model));
            written.extend_from_slice(b"\n");
        }
        if !written.is_empty() {
            form.send(written.split().freeze()).await.ok()?;
        }
    }
    written.extend_from_slice(&renamed(&lines.last(), model));
    written.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    form.send(written.freeze()).await.ok()
}

/// Returns a line with another model in its body. All else stays as it is.
fn renamed(line: &[u8], model: &str) -> Vec<u8> {
    let mut edits = Edits::default();
    let named = Place::whole(line).member("body").and_then(|body| body.member("model"));
    if let Some(named) = named {
        edits.replace(named.at, text::encode(model));
    }
    edits.apply(line)
}

const PIECES_AHEAD: usize = 16;
const LONGEST_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_model_of_the_body_changes() {
        let line =
            br#" {"model":"x","body" : { "n":1.50, "mod\u0065l" :"a" , "m":{"model":"a"}}} "#;

        let renamed = String::from_utf8(renamed(line, "b\"c")).unwrap();

        let wanted =
            r#" {"model":"x","body" : { "n":1.50, "mod\u0065l" :"b\"c" , "m":{"model":"a"}}} "#;
        assert_eq!(renamed, wanted);
    }

    #[test]
    fn what_is_no_request_stays_as_it_is() {
        for line in ["", "{}", "[1", r#"{"body":3}"#] {
            assert_eq!(renamed(line.as_bytes(), "b"), line.as_bytes());
        }
    }
}
