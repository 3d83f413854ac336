//! Texts to count: the same in every run, made of small seeds, of the project's own files and of
//! whatever Unicode has.

use std::fs;
use std::path::{Path, PathBuf};

const LANGUAGES: &str = include_str!("languages.txt");
/// How much text each language and each kind of noise gives.
const SHARE: usize = 120_000;
/// How long one text is at most, roughly.
const TEXT: usize = 6_000;

/// A text with the name of its kind.
pub(crate) type Sample = (&'static str, String);

/// Returns at least five megabytes of everything.
pub(crate) fn samples() -> Vec<Sample> {
    let mut random = Random(0x70_6C_6C);
    let mut samples = Vec::new();
    for language in LANGUAGES.lines() {
        let words: Vec<&str> = language.split_inclusive(' ').collect();
        fill(&mut samples, "language", || prose(&mut random, &words));
    }
    let marks = ["😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "❤️", "1️⃣", "🇩🇪", "→", "…", "—", "№", "½", " ", "!"];
    fill(&mut samples, "emoji", || prose(&mut random, &marks));
    let spaces =
        [" ", "  ", "\n", "\r\n", "\t", "\u{a0}", "\u{3000}", "\u{85}", "\u{2028}", "a", "/"];
    fill(&mut samples, "spaces", || prose(&mut random, &spaces));
    let edges = [
        "'s", "'S", "'ſ", "'re", "'LL", "'", "A", "b", "Ǆ", "ǅ", "日", "ʰ", "\u{301}", "1", "²",
        "Ⅷ", "/", "\n", "\r", " ", "(", "-", "ß", "İ", "\0", "\u{200d}",
    ];
    fill(&mut samples, "edges", || prose(&mut random, &edges));
    for (first, last) in [(0, 0x300), (0x300, 0x3000), (0x3000, 0x1_0000), (0, 0x11_0000)] {
        fill(&mut samples, "characters", || characters(&mut random, first, last));
    }
    fill(&mut samples, "broken", || broken(&mut random));
    fill(&mut samples, "runs", || runs(&mut random));
    samples.extend(own_files().into_iter().map(|text| ("code", text)));
    samples
}

/// Adds texts of one kind until there are enough.
fn fill(samples: &mut Vec<Sample>, kind: &'static str, mut text: impl FnMut() -> String) {
    let mut bytes = 0;
    while bytes < SHARE {
        let text = text();
        bytes += text.len();
        samples.push((kind, text));
    }
}

/// Words in some order, a few of them in capitals, run together or changed in one place.
fn prose(random: &mut Random, words: &[&str]) -> String {
    let mut text = String::new();
    while text.len() < TEXT {
        let word = words[random.below(words.len())];
        match random.below(20) {
            0 => text.push_str(&word.to_uppercase()),
            1 => text.push_str(word.trim()),
            2 => text.push(char::from_u32(u32::try_from(random.below(0x250)).unwrap()).unwrap()),
            3 => text.push_str(&random.below(100_000).to_string()),
            _ => text.push_str(word),
        }
    }
    text
}

fn characters(random: &mut Random, first: usize, last: usize) -> String {
    let points = (0..TEXT / 3).map(|_| u32::try_from(first + random.below(last - first)).unwrap());
    points.filter_map(char::from_u32).collect()
}

/// UTF-8 with bytes missing and added.
fn broken(random: &mut Random) -> String {
    let mut bytes: Vec<u8> = prose(random, &["naïve ", "日本", "😀", "plain "]).into_bytes();
    for _ in 0..200 {
        let at = random.below(bytes.len());
        bytes[at] = u8::try_from(random.below(256)).unwrap();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Pieces that are long: one or two characters over and over.
fn runs(random: &mut Random) -> String {
    let units =
        ["a", "A", "ab", "日", " ", "\n", " \n", "=", "-=", "é", "ก", "日A", "xyzzy", "0", "_"];
    let mut text = String::new();
    while text.len() < TEXT {
        let unit = units[random.below(units.len())];
        text.push_str(&unit.repeat(1 + random.below(4_000) / unit.len()));
    }
    text
}

/// Everything in the repository that is text, with what cargo has unpacked of its dependencies.
fn own_files() -> Vec<String> {
    let mut folders: Vec<PathBuf> = ["core", "control-plane", "docs", "tests", "xtask", "proto"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name))
        .into();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push(text);
            }
        }
    }
    texts
}

/// A generator of numbers that gives the same ones in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }
}
