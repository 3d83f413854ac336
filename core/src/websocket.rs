//! WebSocket frames as a server sends them (RFC 6455), cut at any byte.

/// Longer messages pass unread. Events with usage are far shorter: audio is not in them.
const LONGEST_READ: usize = 1 << 20;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const CONTROL: u8 = 8;

/// Reads the frames of one direction of a connection, and hands them on.
#[derive(Debug, Default)]
pub struct Frames {
    /// The beginning of a frame that is not all here.
    pending: Vec<u8>,
    /// What is left of a frame that passes unread.
    passing: u64,
    /// The text of a message that comes in several frames.
    message: Option<Vec<u8>>,
}

/// What the first bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    first: u8,
    masked: bool,
    /// Bytes before the payload.
    size: usize,
    payload: u64,
}

impl Head {
    /// Reads the head of a frame. `None`: it is not all here.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        let (second, rest) = rest.split_first()?;
        let (size, payload) = match second & !MASKED {
            126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
            127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
            short => (2, u64::from(short)),
        };
        let masked = second & MASKED != 0;
        Some(Self { first: *first, masked, size: if masked { size + 4 } else { size }, payload })
    }

    fn opcode(self) -> u8 {
        self.first & OPCODE
    }

    fn is_last(self) -> bool {
        self.first & FIN != 0
    }

    /// Bytes of the whole frame, if it is one that can be read.
    fn readable(self) -> Option<usize> {
        let payload = usize::try_from(self.payload).ok().filter(|size| *size <= LONGEST_READ)?;
        let plain = !self.masked && self.first & RESERVED == 0;
        plain.then_some(self.size + payload)
    }
}

impl Frames {
    /// Takes a piece and returns what goes on: whole frames. `read` gets each text message; what
    /// it returns takes the message's place, where that came in one frame.
    pub fn push(
        &mut self,
        piece: &[u8],
        mut read: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        self.pending.extend_from_slice(piece);
        let mut taken = std::mem::take(&mut self.pending);
        let mut out = Vec::with_capacity(taken.len());
        let mut rest = taken.as_slice();
        loop {
            let passing = usize::try_from(self.passing).unwrap_or(usize::MAX).min(rest.len());
            let (through, after) = rest.split_at(passing);
            out.extend_from_slice(through);
            self.passing -= through.len() as u64;
            rest = after;
            let Some(head) = Head::read(rest).filter(|_| self.passing == 0) else { break };
            let Some(size) = head.readable() else {
                self.message = None;
                self.passing = head.payload.saturating_add(head.size as u64);
                continue;
            };
            let Some((frame, after)) = rest.split_at_checked(size) else { break };
            rest = after;
            let payload = frame.get(head.size..).unwrap_or_default();
            match self.take(head, payload, &mut read) {
                Some(instead) => write(TEXT, &instead, &mut out),
                None => out.extend_from_slice(frame),
            }
        }
        let used = taken.len() - rest.len();
        taken.drain(..used);
        self.pending = taken;
        out
    }

    /// Returns what is left when the connection ends within a frame.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    fn take(
        &mut self,
        head: Head,
        payload: &[u8],
        read: &mut impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        match (head.opcode(), head.is_last()) {
            (TEXT, true) => return read(payload),
            (TEXT, false) => self.message = Some(payload.to_vec()),
            (CONTINUATION, last) => {
                let message = self.message.take().map(|mut message| {
                    message.extend_from_slice(payload);
                    message
                });
                let message = message.filter(|message| message.len() <= LONGEST_READ)?;
                if last {
                    read(&message);
                } else {
                    self.message = Some(message);
                }
            }
            // Control frames may stand between those of one message.
            (CONTROL.., _) => {}
            _ => self.message = None,
        }
        None
    }
}

/// Returns a text message as a server sends it.
pub fn text(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 10);
    write(TEXT, message, &mut out);
    out
}

/// Returns the end of a connection as a server sends it. `reason` has at most 123 bytes.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    let mut out = Vec::new();
    write(CLOSE, &payload, &mut out);
    out
}

fn write(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(FIN | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(0, payload, &mut out);
        out[0] = first;
        out
    }

    /// What went on and what was read, with the bytes in pieces of this size.
    fn run(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<String>) {
        let (mut frames, mut out, mut read) = (Frames::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            out.extend(frames.push(piece, |message| {
                read.push(String::from_utf8_lossy(message).into_owned());
                (message == b"name").then(|| b"another".to_vec())
            }));
        }
        out.extend(frames.finish());
        (out, read)
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let long = vec![b'x'; 70_000];
        let bytes = [
            text(b"one"),
            frame(0x82, b"binary"),
            text(&[b'y'; 300]),
            text(&long),
            frame(0x01, b"in "),
            frame(0x89, b"ping"),
            frame(0x00, b"three "),
            frame(0x80, b"parts"),
            close(1000, "bye"),
        ]
        .concat();

        for size in [1, 7, 4096, bytes.len()] {
            let (out, read) = run(&bytes, size);
            assert!(out == bytes, "pieces of {size}");
            let lengths: Vec<_> = read.iter().map(String::len).collect();
            assert_eq!(lengths, [3, 300, 70_000, 14], "pieces of {size}");
            assert_eq!(read[3], "in three parts");
        }
    }

    #[test]
    fn a_message_in_one_frame_can_be_replaced() {
        let bytes = [text(b"name"), frame(0x01, b"na"), frame(0x80, b"me")].concat();

        let (out, read) = run(&bytes, 3);

        assert_eq!(read, ["name", "name"]);
        assert_eq!(out, [text(b"another"), bytes[6..].to_vec()].concat());
    }

    #[test]
    fn what_cannot_be_read_passes_as_it_is() {
        let huge = text(&vec![b'z'; LONGEST_READ + 1]);
        let masked = [&[0x81, 0x82][..], b"mask", b"ab"].concat();
        let compressed = frame(0xc1, b"name");
        let endless = [&[0x82, 127][..], &u64::MAX.to_be_bytes(), b"abc"].concat();
        let bytes = [&huge[..], &masked, &compressed, &text(b"after"), &endless].concat();

        for size in [5, 64 << 10] {
            let (out, read) = run(&bytes, size);
            assert!(out == bytes);
            assert_eq!(read, ["after"]);
        }
    }

    #[test]
    fn a_frame_that_never_ends_is_handed_on_at_the_end() {
        let cut = &text(b"broken off")[..5];

        assert_eq!(run(cut, 2), (cut.to_vec(), Vec::new()));
    }
}
