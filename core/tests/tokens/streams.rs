//! A text counts the same in whatever parts it arrives.

use proptest::prelude::*;
use tollgate_core::tokens::{Encoding, StreamCounter, count};

use crate::corpus::{self, Random};

const ENCODINGS: [Encoding; 2] = [Encoding::O200k, Encoding::Cl100k];

/// Pushes a text in parts of random size and compares the count at some places on the way.
#[track_caller]
fn check(encoding: Encoding, text: &str, random: &mut Random, largest: usize) {
    let mut counter = StreamCounter::new(encoding);
    let mut at = 0;
    while at < text.len() {
        let end = text.ceil_char_boundary((at + 1 + random.below(largest)).min(text.len()));
        counter.push(&text[at..end]);
        at = end;
        assert!(counter.at_most() >= counter.total());
        if random.below(30) == 0 {
            let so_far = &text[..at];
            let expected = count(encoding, so_far);
            assert!(counter.total() == expected, "{encoding:?}: {} in {so_far:?}", counter.total());
        }
    }
    let expected = count(encoding, text);
    assert!(counter.total() == expected, "{encoding:?}: {} in {text:?}", counter.total());
}

#[test]
fn any_parts_of_the_corpus_count_the_same() {
    let mut random = Random(7);
    let samples = corpus::samples();
    for (_, text) in samples.iter().step_by(5) {
        for encoding in ENCODINGS {
            let largest = 1 + random.below(2_000);
            check(encoding, text, &mut random, largest);
        }
    }
}

#[test]
fn any_parts_of_pieces_without_end_count_the_same() {
    let mut random = Random(9);
    let units = ["a", "A", "日", "日A", "\u{301}A", " ", "\n", " \n", "\t ", "(", "(/", "a\u{301}"];
    for unit in units {
        for last in
            ["", "a", "'", "'s", "'l", "'ll", "'la", " x", "\n", "\n ", "\n  .", "/\r\n", "B", "9"]
        {
            for prefix in ["", "(", "日"] {
                let text = format!("{prefix}{}{last}", unit.repeat(5_000 / unit.len()));
                for encoding in ENCODINGS {
                    check(encoding, &text, &mut random, 2_000);
                }
            }
        }
    }
}

#[test]
fn escapes_count_as_what_they_mean() {
    let mut counter = StreamCounter::new(Encoding::O200k);
    counter.push_json(br#"caf\u00e9 \"a\" \ud83d\ude00\n"#);

    assert_eq!(counter.total(), count(Encoding::O200k, "café \"a\" 😀\n"));
}

proptest! {
    #[test]
    fn any_parts_where_classes_meet_count_the_same(
        text in "[aAzÀéǅʰ日\u{301}09²'sreLlſ .,/\\-\\r\\n\\t\u{a0}\u{85}]{0,60}",
        seed in 1_u64..,
    ) {
        for encoding in ENCODINGS {
            check(encoding, &text, &mut Random(seed), 4);
        }
    }
}
