//! Pages of the ledger: how many records match, and on which days those of a page are, is read
//! from the sums of days. So a page is found as fast at the end of ten million records as at their
//! beginning.

use std::collections::BTreeMap;

use crate::domain::{Scope, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::spend::matching;
use crate::store::{DailyQuery, StoreError, UsagePage, UsageQuery, sql};

impl UsageQuery {
    /// Says which sums of days are those of the records that match, but for whether they failed.
    /// `None`: days do not tell these apart.
    pub(super) fn of_days(&self) -> Option<DailyQuery> {
        let day = |at: Option<Timestamp>| match at.map(Timestamp::as_micros) {
            None => Some(None),
            Some(at) => (at % Timestamp::A_DAY == 0).then_some(Some(at / Timestamp::A_DAY)),
        };
        let owners = [
            (Scope::User, &self.user_id),
            (Scope::Team, &self.team_id),
            (Scope::Customer, &self.end_user),
        ];
        let mut owners = owners.into_iter().filter_map(|(scope, id)| Some((scope, id.as_ref()?)));
        let (owner, other) = (owners.next(), owners.next());
        if self.id.is_some() || other.is_some() {
            return None;
        }
        Some(DailyQuery {
            scope: owner.map(|(scope, _)| scope),
            owners: owner.map(|(_, id)| vec![id.clone()]),
            keys: self.key.map(|key| vec![key]),
            model: self.model.clone(),
            from: day(self.from)?,
            until: day(self.until)?.map(|day| day - 1),
            ..DailyQuery::default()
        })
    }
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn page_of_usage(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<UsagePage, StoreError> {
        let Some(of_days) = query.of_days() else {
            let head = "SELECT COUNT(*) AS total FROM ledger";
            let total = self.count(matching(sql::Select::new(head), query)).await?;
            return Ok(UsagePage { entries: self.entries(query, limit, offset).await?, total });
        };
        let mut days = BTreeMap::<i64, u64>::new();
        for part in self.usage_of_days(&of_days).await? {
            let counts = part.counts;
            let matching = match query.failed {
                None => counts.attempts,
                Some(false) => counts.succeeded,
                Some(true) => counts.attempts.saturating_sub(counts.succeeded),
            };
            *days.entry(part.day).or_default() += matching;
        }
        let total = days.values().sum();
        let Some((first, last, offset)) = window(&days, limit.into(), offset.into()) else {
            return Ok(UsagePage { entries: Vec::new(), total });
        };
        let begin = |day: i64| Some(Timestamp::from_micros(day * Timestamp::A_DAY));
        let query = UsageQuery { from: begin(first), until: begin(last + 1), ..query.clone() };
        Ok(UsagePage { entries: self.entries(&query, limit, offset).await?, total })
    }
}

/// Says on which days the records of a page are, the latest first, and how many of these days'
/// stand before it. `None`: there are none.
fn window(days: &BTreeMap<i64, u64>, limit: u64, offset: u64) -> Option<(i64, i64, u32)> {
    let (mut before, mut found) = (0_u64, None::<(i64, i64, u64)>);
    for (&day, &count) in days.iter().rev().filter(|(_, count)| **count > 0) {
        let until = before + count;
        found = match found {
            None if until > offset => Some((day, day, offset - before)),
            Some((_, last, offset)) => Some((day, last, offset)),
            None => None,
        };
        before = until;
        if found.is_some() && before >= offset.saturating_add(limit) {
            break;
        }
    }
    let (first, last, left) = found?;
    Some((first, last, u32::try_from(left).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_looked_for_on_its_days_alone() {
        let days = BTreeMap::from([(1, 5), (2, 0), (3, 10), (4, 2)]);
        for (limit, offset, expected) in [
            (2, 0, Some((4, 4, 0))),
            (3, 0, Some((3, 4, 0))),
            (2, 1, Some((3, 4, 1))),
            (3, 2, Some((3, 3, 0))),
            (10, 3, Some((1, 3, 1))),
            (5, 12, Some((1, 1, 0))),
            (5, 16, Some((1, 1, 4))),
            (5, 17, None),
        ] {
            assert_eq!(window(&days, limit, offset), expected, "{limit} after {offset}");
        }
    }

    #[test]
    fn days_count_what_they_tell_apart() {
        let all = UsageQuery::default();
        let noon = Some(Timestamp::from_micros(Timestamp::A_DAY / 2));
        let both = UsageQuery {
            user_id: Some("u".into()),
            team_id: Some("t".into()),
            ..UsageQuery::default()
        };
        let of_team = UsageQuery { team_id: Some("t".into()), ..UsageQuery::default() };

        assert_eq!(all.of_days(), Some(DailyQuery::default()));
        assert_eq!(of_team.of_days().and_then(|days| days.scope), Some(Scope::Team));
        assert_eq!(both.of_days(), None);
        assert_eq!(UsageQuery { from: noon, ..UsageQuery::default() }.of_days(), None);
    }
}
