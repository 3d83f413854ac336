//! What becomes of the units of a crashed Envoy: requests that its access log shows and the
//! ledger does not get records, which together cost what was presumed.
//!
//! Which request used how much is not known any more. The records err upwards: they take all that
//! was presumed, and say so by their source, [`UsageSource::Presumed`].

use std::collections::BTreeMap;

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::{
    Debit, Dimension, Endpoint, HolderId, LedgerRecord, Meter, RecordId, Scope, Timestamp,
    UsageSource,
};

/// Something that a holder held when it vanished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presumed {
    /// Of which meter.
    pub meter: Meter,
    /// Who.
    pub holder: HolderId,
    /// How much.
    pub amount: i64,
    /// When it was given up.
    pub at: Timestamp,
}

/// A request that the access log tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Id of its record.
    pub id: RecordId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Status that the client got.
    pub status: u16,
}

/// Makes the records that take the place of what was presumed of one holder.
///
/// Each key that the holder held money of gets at least one record, and its records cost what was
/// presumed of it. Each presumed amount is debited once.
pub fn records(holder: HolderId, presumed: &[Presumed], requests: &[Logged]) -> Vec<LedgerRecord> {
    let keys = keys(presumed);
    let mut records = Vec::new();
    for (place, (key, cost)) in keys.iter().enumerate() {
        let own: Vec<&Logged> = requests.iter().skip(place).step_by(keys.len()).collect();
        let count = i64::try_from(own.len().max(1)).unwrap_or(i64::MAX);
        let of_key = records.len();
        records.extend(own.iter().map(|request| record(*key, request)));
        if own.is_empty() {
            records.extend(nobody(holder, place, presumed).map(|request| record(*key, &request)));
        }
        for (number, record) in (0..).zip(records.iter_mut().skip(of_key)) {
            record.cost = NanoDollars(share(*cost, count, number));
        }
    }
    if let Some(first) = records.first_mut() {
        let debit =
            |presumed: &Presumed| Debit { meter: presumed.meter.id, amount: presumed.amount };
        first.debits = presumed.iter().map(debit).collect();
    }
    records
}

/// Returns the keys that the holder held money of, each with how much at most. When only others,
/// such as a team, limit money, it is nobody's key.
fn keys(presumed: &[Presumed]) -> BTreeMap<KeyHash, i64> {
    let money = |presumed: &&Presumed| presumed.meter.spec.dimension == Dimension::Money;
    let mut keys = BTreeMap::new();
    for presumed in presumed.iter().filter(money) {
        let spec = &presumed.meter.spec;
        let Some(key) = KeyHash::from_hex(&spec.name).filter(|_| spec.scope == Scope::Key) else {
            continue;
        };
        let most: &mut i64 = keys.entry(key).or_default();
        *most = presumed.amount.max(*most);
    }
    if keys.is_empty() {
        let most = presumed.iter().filter(money).map(|presumed| presumed.amount).max();
        keys.extend(KeyHash::from_bytes(&[0; 32]).map(|nobody| (nobody, most.unwrap_or(0))));
    }
    keys
}

/// The `number`th of `count` parts of an amount; the first ones take the rest.
fn share(amount: i64, count: i64, number: i64) -> i64 {
    amount / count + i64::from(number < amount % count)
}

/// A request that was not logged, with an id that no filter gives.
fn nobody(holder: HolderId, place: usize, presumed: &[Presumed]) -> Option<Logged> {
    let mut id = holder.as_bytes().to_vec();
    id.extend((u64::MAX - place as u64).to_be_bytes());
    let at = presumed.iter().map(|presumed| presumed.at).max()?;
    Some(Logged { id: RecordId::from_bytes(&id)?, started_at: at, ended_at: at, status: 0 })
}

fn record(key_hash: KeyHash, request: &Logged) -> LedgerRecord {
    LedgerRecord {
        id: request.id,
        key_hash,
        started_at: request.started_at,
        first_byte_at: None,
        ended_at: request.ended_at,
        endpoint: Endpoint::Unknown,
        model: "unknown".to_owned(),
        provider: None,
        provider_model: None,
        provider_response_id: None,
        status: request.status,
        streamed: false,
        aborted: false,
        tokens: TokenUsage::default(),
        usage_source: UsageSource::Presumed,
        cost: NanoDollars::ZERO,
        unpriced: false,
        end_user: None,
        tags: Vec::new(),
        error_code: None,
        debits: Vec::new(),
        account: None,
        attempt: 0,
        first_attempt: None,
        cached: false,
        units: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MeterSpec, Window};

    fn presumed(id: u64, scope: Scope, name: &str, amount: i64) -> Presumed {
        let spec = MeterSpec {
            scope,
            name: name.to_owned(),
            dimension: Dimension::Money,
            model: None,
            window: Window::Never,
            amount: 100,
            soft_amount: None,
            observe_only: false,
        };
        let at = Timestamp::from_micros(9);
        Presumed { meter: Meter { id, spec }, holder: holder(), amount, at }
    }

    fn holder() -> HolderId {
        HolderId::from_bytes(&[7; 16]).unwrap()
    }

    fn logged(number: u8) -> Logged {
        let (started_at, ended_at) = (Timestamp::from_micros(1), Timestamp::from_micros(2));
        Logged {
            id: RecordId::from_bytes(&[number; 24]).unwrap(),
            started_at,
            ended_at,
            status: 200,
        }
    }

    fn key(name: &str) -> KeyHash {
        KeyHash::of(name.as_bytes())
    }

    #[test]
    fn requests_cost_what_was_presumed() {
        let one = presumed(1, Scope::Key, &key("a").to_hex(), 10);
        let team = presumed(2, Scope::Team, "t", 12);

        let records = records(holder(), &[one, team], &[logged(1), logged(2), logged(3)]);

        let costs: Vec<i64> = records.iter().map(|record| record.cost.0).collect();
        assert_eq!(costs, [4, 3, 3]);
        assert!(records.iter().all(|record| record.key_hash == key("a")));
        let debits = [Debit { meter: 1, amount: 10 }, Debit { meter: 2, amount: 12 }];
        assert_eq!(records[0].debits, debits);
        assert!(records[1..].iter().all(|record| record.debits.is_empty()));
    }

    #[test]
    fn every_key_errs_upwards() {
        let presumed: Vec<Presumed> =
            (0..3).map(|n| presumed(n, Scope::Key, &key(&n.to_string()).to_hex(), 10)).collect();

        let records = records(holder(), &presumed, &[logged(1)]);

        let sum: i64 = records.iter().map(|record| record.cost.0).sum();
        assert_eq!((records.len(), sum), (3, 30));
        let mut ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn what_no_key_limits_is_nobodys() {
        let team = presumed(2, Scope::Team, "t", 12);

        let records = records(holder(), &[team], &[logged(1), logged(2)]);

        assert_eq!(records.iter().map(|record| record.cost.0).collect::<Vec<_>>(), [6, 6]);
        assert_eq!(records[0].key_hash.as_bytes(), &[0; 32]);
    }
}
