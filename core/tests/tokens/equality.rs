//! Counts equal those of an independent tokenizer, `tiktoken-rs`, which cuts by regular
//! expressions and looks bytes up in a map.

use std::sync::LazyLock;

use proptest::prelude::*;
use tiktoken_rs::CoreBPE;
use tollgate_core::tokens::{Counter, Encoding, count, count_bytes};

use crate::corpus;

static O200K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::o200k_base().unwrap());
static CL100K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::cl100k_base().unwrap());

const ENCODINGS: [Encoding; 2] = [Encoding::O200k, Encoding::Cl100k];

fn independent(encoding: Encoding, text: &str) -> u64 {
    let tokenizer = match encoding {
        Encoding::O200k => &O200K,
        Encoding::Cl100k => &CL100K,
    };
    tokenizer.count_ordinary(text) as u64
}

#[track_caller]
fn check_both(text: &str) {
    for encoding in ENCODINGS {
        check(encoding, text);
    }
}

#[track_caller]
fn check(encoding: Encoding, text: &str) {
    let (ours, theirs) = (count(encoding, text), independent(encoding, text));
    assert!(ours == theirs, "{encoding:?}: {ours} instead of {theirs} in {text:?}");
}

#[test]
fn counts_equal_on_five_megabytes() {
    let samples = corpus::samples();
    let bytes: usize = samples.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes > 5_000_000, "only {bytes} bytes");
    let mut counters = ENCODINGS.map(|encoding| (encoding, Counter::new(encoding)));
    for (kind, text) in &samples {
        for (encoding, counter) in &mut counters {
            let (ours, theirs) = (counter.count(text), independent(*encoding, text));
            if ours != theirs {
                // Lines are easier to read than a sample of some kilobytes.
                text.split_inclusive('\n').for_each(|line| check(*encoding, line));
                panic!("{kind}, {encoding:?}: {ours} instead of {theirs} in {text:?}");
            }
        }
    }
}

#[test]
fn broken_text_counts_as_its_repaired_form() {
    for bytes in [&b"\xff"[..], b"a\xe6\x97b", b"\xf0\x9f\x98", b"ok \xc3(", b"\xed\xa0\x80"] {
        for encoding in ENCODINGS {
            let repaired = String::from_utf8_lossy(bytes);
            assert_eq!(count_bytes(encoding, bytes), independent(encoding, &repaired));
        }
    }
}

/// Steps are counted instead of seconds: twelve for each byte, whatever the text is.
#[test]
fn counting_is_linear() {
    let units =
        ["a", "A", " ", "\n", "ab", "abcdefg ", "日本", "日A", "\u{301}", "(", "-=", "\r\n ", "é"];
    for unit in units {
        for encoding in ENCODINGS {
            for size in [10_000, 300_000] {
                let text = unit.repeat(size / unit.len());
                let mut counter = Counter::new(encoding);
                assert!(counter.count(&text) > 0);
                let work = counter.work();
                assert!(
                    work <= 12 * text.len() as u64,
                    "{work} steps for {size} bytes of {unit:?}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn counts_equal_on_any_text(text in any::<String>()) {
        check_both(&text);
    }

    #[test]
    fn counts_equal_where_classes_meet(text in "[aAzÀéǅʰ日\u{301}09²'sreLlſ .,/\\-\\r\\n\\t\u{a0}\u{85}]{0,60}") {
        check_both(&text);
    }

    #[test]
    fn counts_equal_on_repetition(unit in "\\PC{1,4}|[ \\n]{1,3}", times in 1_usize..1500) {
        check_both(&unit.repeat(times));
    }
}
