//! Statements for many rows at once.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::store::sql::{self, Placeholder};

/// One statement, written for some numbers of rows: the databases keep those prepared, which a
/// statement for every number would not be worth.
pub(super) struct Batch(Vec<(usize, Arc<str>)>);

impl Batch {
    fn new(write: fn(usize, Placeholder) -> String, placeholder: Placeholder) -> Self {
        Self(SIZES.iter().map(|rows| (*rows, Arc::from(write(*rows, placeholder)))).collect())
    }

    /// Cuts `items` into pieces for few statements: the last item is repeated until its statement
    /// is full, which none of ours minds. One that would be mostly filling is cut once more.
    pub(super) fn filled<'a, T>(
        &self,
        mut items: &'a [T],
    ) -> impl Iterator<Item = (impl Iterator<Item = &'a T>, SqlStr)> {
        std::iter::from_fn(move || {
            let left = items.len();
            let fits = self.0.iter().rev().find(|(size, _)| left <= *size && *size < 2 * left);
            let smaller = || self.0.iter().find(|(size, _)| *size <= left);
            let (size, statement) = fits.or_else(smaller)?;
            let (piece, rest) = items.split_at(items.len().min(*size));
            let last = piece.last()?;
            items = rest;
            let filled = piece.iter().chain(std::iter::repeat_n(last, size - piece.len()));
            Some((filled, AssertSqlSafe(statement.clone()).into_sql_str()))
        })
    }
}

/// The statements for many rows.
pub(super) struct Batches {
    pub(super) usage: Batch,
    pub(super) spend: Batch,
    pub(super) entity_spend: Batch,
    pub(super) days: Batch,
    pub(super) meters: Batch,
    pub(super) leases: Batch,
    pub(super) seconds: Batch,
    pub(super) update_meters: Batch,
    pub(super) put_leases: Batch,
    pub(super) end_leases: Batch,
    pub(super) put_seconds: Batch,
}

impl Batches {
    pub(super) fn new(placeholder: Placeholder) -> Self {
        let batch = |write| Batch::new(write, placeholder);
        Self {
            usage: batch(sql::insert_usage),
            spend: batch(sql::add_spend),
            entity_spend: batch(sql::add_entity_spend),
            days: batch(sql::daily::add),
            meters: batch(sql::meters::by_id),
            leases: batch(sql::meters::leases_of),
            seconds: batch(sql::meters::seconds_of),
            update_meters: batch(sql::meters::update),
            put_leases: batch(sql::meters::put_leases),
            end_leases: batch(sql::meters::end_leases),
            put_seconds: batch(sql::meters::put_seconds),
        }
    }
}

/// Largest first, the last one 1. The largest binds 8448 values; SQLite takes 32766.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch::new(|rows, _| rows.to_string(), |_| String::new())
    }

    #[test]
    fn a_piece_is_filled_with_its_last_item() {
        let batch = batch();
        for (count, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (2, vec![1, 1]),
            (3, vec![4]),
            (17, vec![16, 1]),
            (33, vec![64]),
            (500, vec![256, 256]),
        ] {
            let items: Vec<usize> = (0..count).collect();

            let filled = batch.filled(&items);
            let filled: Vec<Vec<usize>> =
                filled.map(|(items, _)| items.copied().collect()).collect();

            assert_eq!(filled.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            let mut flat: Vec<usize> = filled.concat();
            flat.dedup();
            assert_eq!(flat, items);
        }
    }
}
