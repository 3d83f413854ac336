//! Byte-pair merging within one piece: the neighbours of lowest rank first, the leftmost of
//! equals, until no two neighbours merge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::{Table, Token, low};

/// Up to this length the lowest rank is searched for; above, a heap keeps it.
pub(crate) const SHORT: usize = 96;

/// One token on the way, and what it would become with its right neighbour.
#[derive(Debug, Clone, Copy)]
struct Part {
    token: Token,
    merge: Token,
}

/// Counts the tokens of a piece of at most [`SHORT`] bytes, without allocation.
fn count_short(table: &Table, piece: &[u8], work: &mut u64) -> usize {
    let mut all = [Part { token: Token::NONE, merge: Token::NONE }; SHORT];
    let mut len = piece.len().min(SHORT);
    let nexts = piece.iter().skip(1).map(|&byte| Some(byte)).chain([None]);
    for ((part, &byte), next) in all.iter_mut().zip(piece).zip(nexts) {
        let token = Token::byte(byte);
        let merge = next.map_or(Token::NONE, |next| table.merge(token, Token::byte(next)));
        *part = Part { token, merge };
    }
    *work += len as u64;
    while let Some(live) = all.get_mut(..len)
        && merge_lowest(table, live)
    {
        len -= 1;
        *work += 1;
    }
    len
}

/// Merges the two neighbours of lowest rank and tells whether there were any.
fn merge_lowest(table: &Table, live: &mut [Part]) -> bool {
    let (mut lowest, mut at) = (Token::NONE, 0);
    for (index, part) in live.iter().enumerate() {
        if part.merge < lowest {
            (lowest, at) = (part.merge, index);
        }
    }
    // The last one has no neighbour, so that this one has.
    if lowest == Token::NONE || at + 1 >= live.len() {
        return false;
    }
    if let Some(previous) = at.checked_sub(1).and_then(|index| live.get_mut(index)) {
        previous.merge = table.merge(previous.token, lowest);
    }
    let after = live.get(at + 2).map(|part| part.token);
    let merge = after.map_or(Token::NONE, |after| table.merge(lowest, after));
    if let Some(part) = live.get_mut(at) {
        *part = Part { token: lowest, merge };
    }
    live.copy_within(at + 2.., at + 1);
    true
}

/// A token in a chain of neighbours; its place in the list is where it begins.
#[derive(Debug, Clone, Copy)]
struct Node {
    token: Token,
    merge: Token,
    before: u32,
    after: u32,
}

/// Merges long stretches of bytes; keeps its memory from one to the next.
#[derive(Debug)]
pub(crate) struct Merger {
    table: &'static Table,
    work: u64,
    nodes: Vec<Node>,
    /// Merges to be made: the name of what comes out above the place where it begins.
    queue: BinaryHeap<Reverse<u64>>,
}

impl Merger {
    /// Makes one that has allocated nothing yet.
    pub(crate) fn new(table: &'static Table) -> Self {
        Self { table, work: 0, nodes: Vec::new(), queue: BinaryHeap::new() }
    }

    pub(crate) fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns how many steps merging has taken.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    /// Counts the tokens of a piece of at most [`SHORT`] bytes.
    #[inline]
    pub(crate) fn count_short(&mut self, piece: &[u8]) -> usize {
        count_short(self.table, piece, &mut self.work)
    }

    /// Merges `bytes`, fewer than 2^32.
    pub(crate) fn merge(&mut self, bytes: &[u8]) {
        self.fill(bytes);
        self.work += bytes.len() as u64;
        while let Some(Reverse(next)) = self.queue.pop() {
            self.work += 1;
            self.merge_at(low(next >> 32), low(next));
        }
    }

    /// Returns the tokens that came out, with the places where they begin.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (usize, Token)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (begin, node) = (at, self.nodes.get(at)?);
            at = node.after as usize;
            Some((begin, node.token))
        })
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.nodes.clear();
        let mut queue = std::mem::take(&mut self.queue).into_vec();
        queue.clear();
        let nexts = bytes.iter().skip(1).map(|&byte| Some(byte)).chain([None]);
        for ((place, &byte), next) in (0_u32..).zip(bytes).zip(nexts) {
            let token = Token::byte(byte);
            let merge = next.map_or(Token::NONE, |next| self.table.merge(token, Token::byte(next)));
            self.nodes.push(Node { token, merge, before: place.wrapping_sub(1), after: place + 1 });
            if merge != Token::NONE {
                queue.push(Reverse(entry(merge, place)));
            }
        }
        self.queue = BinaryHeap::from(queue);
    }

    /// Merges the token at `at` with its right neighbour, unless that has been overtaken.
    fn merge_at(&mut self, rank: u32, at: u32) {
        let Some(&node) = self.node(at) else { return };
        if node.merge == Token::NONE || node.merge.name() != rank {
            return;
        }
        let token = node.merge;
        let after = self.node(node.after).map_or(node.after, |gone| gone.after);
        // What has been merged away begins nothing any more.
        self.change(node.after, |gone| gone.merge = Token::NONE);
        let next = self.node(after).map(|next| next.token);
        let merge = next.map_or(Token::NONE, |next| self.table.merge(token, next));
        self.change(at, |node| (node.token, node.merge, node.after) = (token, merge, after));
        self.change(after, |next| next.before = at);
        self.queue_up(merge, at);
        if let Some(before) = self.node(node.before).map(|before| before.token) {
            let merge = self.table.merge(before, token);
            self.change(node.before, |before| before.merge = merge);
            self.queue_up(merge, node.before);
        }
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            change(node);
        }
    }

    fn queue_up(&mut self, merge: Token, at: u32) {
        if merge != Token::NONE {
            self.queue.push(Reverse(entry(merge, at)));
        }
    }
}

fn entry(merge: Token, at: u32) -> u64 {
    u64::from(merge.name()) << 32 | u64::from(at)
}

/// Tells whether two tokens stay as they are when they stand beside each other.
///
/// A sequence of tokens is what its bytes merge into exactly when that holds for all neighbours:
/// merges within two tokens go on as if each were alone until one crosses their border.
/// So the history at the border is followed backwards, the later merge undone first (the right
/// one of equals, since the leftmost was done first), and each pair that met there must not have
/// been the one to merge before what was merged instead.
pub(crate) fn stay_apart(table: &Table, mut left: Token, mut right: Token) -> bool {
    let mut undone = u32::MAX;
    loop {
        let met = table.merge(left, right);
        if met != Token::NONE && met.name() < undone {
            return false;
        }
        if left > right {
            let Some((_, part)) = table.parts(left) else { return true };
            (left, undone) = (part, left.name());
        } else {
            // Of equals the border, being further left, would have been first.
            let Some((part, _)) = table.parts(right) else { return true };
            (right, undone) = (part, right.name() + 1);
        }
    }
}
