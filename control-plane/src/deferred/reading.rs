//! Reading a file of a provider in pieces, on a thread that may take its time.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::deferred::judge::Fault;
use crate::deferred::lines::Lines;
use crate::outbound::Answer;

/// The pieces of a file, for one who reads it line by line.
pub(super) struct Pieces(mpsc::Receiver<Bytes>);

impl Pieces {
    /// Hands over each line that is not blank, with its number from 1, until one is at fault.
    pub(super) fn each_line(
        &mut self,
        mut line: impl FnMut(u32, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (mut lines, mut number, mut bytes) = (Lines::default(), 0_u32, 0_u64);
        let mut take = |number: &mut u32, text: &[u8]| {
            *number = number.saturating_add(1);
            if text.trim_ascii().is_empty() { Ok(()) } else { line(*number, text) }
        };
        while let Some(piece) = self.0.blocking_recv() {
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > MOST_BYTES {
                return Err(Fault::line(0, "It is longer than 200 MB."));
            }
            lines.push(&piece);
            let too_long = |number: u32| Fault::line(number.saturating_add(1), "It is too long.");
            while let Some(text) = lines.next().map_err(|_| too_long(number))? {
                take(&mut number, &text)?;
            }
        }
        take(&mut number, &lines.last())
    }
}

/// Reads an answer on a thread of its own.
pub(super) async fn read<T: Send + 'static>(
    mut answer: Answer,
    reader: impl FnOnce(Pieces) -> T + Send + 'static,
) -> Result<T, Fault> {
    let (pieces, read) = mpsc::channel(PIECES_AHEAD);
    let reader = tokio::task::spawn_blocking(move || reader(Pieces(read)));
    let broken = loop {
        match answer.next().await {
            Ok(Some(piece)) => {
                // An error says that the reader has seen enough.
                if pieces.send(piece).await.is_err() {
                    break false;
                }
            }
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    drop(pieces);
    let said = reader.await.map_err(|_| Fault::line(0, BROKEN))?;
    // What was read of half a file says nothing.
    if broken { Err(Fault::line(0, BROKEN)) } else { Ok(said) }
}

const PIECES_AHEAD: usize = 16;
/// What OpenAI takes: <https://platform.openai.com/docs/guides/batch>.
const MOST_BYTES: u64 = 200 * 1024 * 1024;
const BROKEN: &str = "It could not be read to its end. Try again shortly.";

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file as one reads it, in small pieces.
    pub(in crate::deferred) fn pieces(text: &str) -> Pieces {
        let all: Vec<&[u8]> = text.as_bytes().chunks(7).collect();
        let (pieces, read) = mpsc::channel(all.len().max(1));
        for piece in all {
            pieces.try_send(Bytes::copy_from_slice(piece)).unwrap();
        }
        Pieces(read)
    }

    #[test]
    fn lines_have_numbers_and_blank_ones_count() {
        let mut found = Vec::new();
        let read = pieces("a\n\n \nb").each_line(|number, line| {
            found.push((number, line.to_vec()));
            Ok(())
        });

        assert_eq!((read, found), (Ok(()), vec![(1, b"a".to_vec()), (4, b"b".to_vec())]));
        let fault = pieces("a\nb\nc")
            .each_line(|number, _| if number == 2 { Err(Fault::line(2, "x")) } else { Ok(()) });
        assert_eq!(fault, Err(Fault::line(2, "x")));
    }
}
