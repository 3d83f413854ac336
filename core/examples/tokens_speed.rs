//! Counts sixteen megabytes of mixed text, for whoever holds the watch: `cargo xtask bench` builds
//! it as wasm and times it in V8.

use tollgate_core::tokens::{Counter, Encoding};

const MEGABYTES: usize = 16;
const TEXTS: &[&str] = &[
    include_str!("../tests/tokens/languages.txt"),
    include_str!("../../CONTRIBUTING.md"),
    include_str!("../../ARCHITECTURE.md"),
    include_str!("../src/json/scan.rs"),
];

fn main() {
    let text = TEXTS.concat();
    let mut counter = Counter::new(Encoding::O200k);
    let mut bytes = 0;
    while bytes < MEGABYTES * 1_000_000 {
        std::hint::black_box(counter.count(std::hint::black_box(&text)));
        bytes += text.len();
    }
}
