//! Writes the tables of `core/src/tokens` from the vocabularies and Unicode data that crates
//! carry: `tiktoken-rs` and `regex-syntax`. `cargo xtask codegen` runs it with `UPDATE_GEN=1`;
//! without that it tells whether the committed files are what it would write.

use std::collections::BTreeMap;
use std::path::Path;

use regex_syntax::hir::{Class, HirKind};
use tiktoken_rs::CoreBPE;

/// How many tokens are single bytes.
const BYTES: u32 = 256;
/// How many bits a number and a rank have in an entry.
const BITS: u32 = 18;
/// One slot more for so many merges.
const SPARE: usize = 64;
/// How many code points share an entry of the first stage of classes.
const BLOCK: usize = 128;
/// Merges for each seed, on average.
const BUCKET: usize = 4;

#[test]
fn tables_are_what_the_vocabularies_say() {
    check("o200k.bin", &table(&vocabulary(&tiktoken_rs::o200k_base().unwrap(), 199_998)));
    check("cl100k.bin", &table(&vocabulary(&tiktoken_rs::cl100k_base().unwrap(), 100_256)));
}

#[test]
fn classes_are_what_unicode_says() {
    check("classes.bin", &classes());
}

fn check(name: &str, expected: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tokens").join(name);
    if std::env::var_os("UPDATE_GEN").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let committed = std::fs::read(&path).unwrap();
    assert!(committed == expected, "{name} is stale: run `cargo xtask codegen`");
}

fn vocabulary(tokenizer: &CoreBPE, size: u32) -> Vec<Vec<u8>> {
    (0..size).map(|rank| tokenizer.decode_bytes(&[rank]).unwrap()).collect()
}

/// Lays out the merges of a vocabulary as `table.rs` reads them.
fn table(vocabulary: &[Vec<u8>]) -> Vec<u8> {
    let ranks: BTreeMap<&[u8], u32> =
        (0..).zip(vocabulary).map(|(rank, token)| (&**token, rank)).collect();
    let name = |rank: u32| match vocabulary[rank as usize][..] {
        [byte] => u32::from(byte),
        _ => rank + BYTES,
    };
    let long = (0_u32..).zip(vocabulary).filter(|(_, token)| token.len() > 1);
    let merges: Vec<Merge> = long
        .map(|(rank, token)| {
            let [left, right] = parts(&ranks, token, rank).map(name);
            Merge { rank, left, right }
        })
        .collect();
    let seeds = merges.len().div_ceil(BUCKET);
    let slots = merges.len() + merges.len() / SPARE;
    let (seeds, slots) = perfect(&merges, seeds, slots);
    let numbers: BTreeMap<u32, u32> = (0..BYTES)
        .map(|byte| (byte, byte))
        .chain(
            (BYTES..)
                .zip(&slots)
                .filter_map(|(number, merge)| merge.map(|merge| (merge.rank + BYTES, number))),
        )
        .collect();
    let mut file = u32::try_from(seeds.len()).unwrap().to_le_bytes().to_vec();
    file.extend(seeds.iter().flat_map(|seed| seed.to_le_bytes()));
    file.extend(slots.iter().flat_map(|merge| {
        let entry = merge.map_or(u64::MAX, |merge| {
            let number = |name| u64::from(numbers[&name]);
            number(merge.left) << (2 * BITS) | number(merge.right) << BITS | u64::from(merge.rank)
        });
        entry.to_le_bytes()
    }));
    file
}

/// Two tokens, by name, and the rank of what they merge into.
#[derive(Clone, Copy)]
struct Merge {
    rank: u32,
    left: u32,
    right: u32,
}

/// Finds a seed for each bucket so that no two merges share a slot, the biggest buckets first.
fn perfect(merges: &[Merge], seeds: usize, slots: usize) -> (Vec<u16>, Vec<Option<Merge>>) {
    let mut buckets = vec![Vec::new(); seeds];
    for merge in merges {
        let (bucket, hash) = place(merge.left, merge.right, seeds);
        buckets[bucket].push((hash, *merge));
    }
    let mut order: Vec<usize> = (0..seeds).collect();
    order.sort_by_key(|bucket| std::cmp::Reverse(buckets[*bucket].len()));
    let (mut found, mut filled) = (vec![0; seeds], vec![None; slots]);
    for bucket in order {
        let seed = (0..=u16::MAX).find(|&seed| {
            let mut taken: Vec<usize> =
                buckets[bucket].iter().map(|(hash, _)| slot(*hash, seed, slots)).collect();
            taken.sort_unstable();
            taken.windows(2).all(|pair| pair[0] != pair[1])
                && taken.iter().all(|slot| filled[*slot].is_none())
        });
        found[bucket] = seed.unwrap();
        for (hash, merge) in &buckets[bucket] {
            filled[slot(*hash, found[bucket], slots)] = Some(*merge);
        }
    }
    (found, filled)
}

/// The hash of `table.rs`, written again: what it writes must be what that reads.
fn place(left: u32, right: u32, buckets: usize) -> (usize, u32) {
    let names = u64::from(left) << 32 | u64::from(right);
    let hash = names.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (scale(hash & 0xFFFF_FFFF, buckets), (hash >> 32) as u32)
}

fn slot(hash: u32, seed: u16, slots: usize) -> usize {
    let mixed = (hash ^ u32::from(seed).wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35);
    scale(u64::from(mixed ^ (mixed >> 15)), slots)
}

fn scale(hash: u64, size: usize) -> usize {
    usize::try_from((hash * size as u64) >> 32).unwrap()
}

/// Returns the ranks of the two tokens that a token's bytes merge into before it is made.
fn parts(ranks: &BTreeMap<&[u8], u32>, token: &[u8], below: u32) -> [u32; 2] {
    let mut ends: Vec<usize> = (0..=token.len()).collect();
    loop {
        let candidates = ends.windows(3).enumerate().filter_map(|(at, ends)| {
            let rank = *ranks.get(&token[ends[0]..ends[2]])?;
            (rank < below).then_some((rank, at))
        });
        let Some((_, at)) = candidates.min() else { break };
        ends.remove(at + 1);
    }
    let [_, middle, _] = ends[..] else { panic!("no two tokens make {token:?}") };
    [ranks[&token[..middle]], ranks[&token[middle..]]]
}

/// Lays out the classes of all code points as `class.rs` reads them.
fn classes() -> Vec<u8> {
    let mut digits = vec![0_u8; 0x11_0000];
    for (digit, pattern) in
        [(1, r"\s"), (2, r"[\r\n]"), (3, r"\pN"), (4, r"[\p{Lu}\p{Lt}]"), (5, r"\p{Ll}")]
            .into_iter()
            .chain([(6, r"[\p{Lm}\p{Lo}]"), (7, r"\pM")])
    {
        for (first, last) in ranges(pattern) {
            digits[first..=last].fill(digit);
        }
    }
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut stage = Vec::new();
    for block in digits.chunks(BLOCK) {
        let packed: Vec<u8> = block.chunks(2).map(|pair| pair[0] | pair[1] << 4).collect();
        let known = blocks.iter().position(|known| *known == packed).unwrap_or_else(|| {
            blocks.push(packed);
            blocks.len() - 1
        });
        stage.push(u8::try_from(known).unwrap());
    }
    stage.into_iter().chain(blocks.into_iter().flatten()).collect()
}

fn ranges(pattern: &str) -> Vec<(usize, usize)> {
    let parsed = regex_syntax::parse(pattern).unwrap();
    let HirKind::Class(Class::Unicode(class)) = parsed.into_kind() else {
        panic!("{pattern} is no class")
    };
    class.iter().map(|range| (range.start() as usize, range.end() as usize)).collect()
}
