use super::*;
use crate::domain::{Endpoint, UsageSource};
use tollgate_core::key::KeyHash;
use tollgate_core::price::TokenUsage;

fn record(number: u8, second: i64, cost: i64) -> LedgerRecord {
    let at = Timestamp::from_micros(second * 1_000_000);
    LedgerRecord {
        id: RecordId::from_bytes(&[number; 24]).unwrap(),
        key_hash: KeyHash::of(b"sk-1"),
        started_at: at,
        first_byte_at: None,
        ended_at: at,
        endpoint: Endpoint::ChatCompletions,
        model: "a".into(),
        provider: None,
        provider_model: None,
        provider_response_id: None,
        status: 200,
        streamed: false,
        aborted: false,
        tokens: TokenUsage { input: 6, output: 4, total: 10, ..TokenUsage::default() },
        usage_source: UsageSource::Provider,
        cost: NanoDollars(cost),
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

/// Plays records, and returns how many requests passed and how many each rule refused.
fn played(policy: Policy, records: &[LedgerRecord]) -> (u64, Vec<(Rule, u64)>) {
    let mut replay = Replay::new(Scope::Key, policy, RateWindow::Fixed);
    for record in records {
        replay.take(record);
    }
    let refused = replay.refused().iter();
    let refused = refused.map(|(rule, refused)| (rule.clone(), refused.sum.requests));
    (replay.passed().requests, refused.collect())
}

fn limited(limits: Limits) -> Policy {
    Policy { limits, ..Policy::default() }
}

#[test]
fn a_policy_without_limits_lets_everything_pass() {
    assert_eq!(played(Policy::default(), &[record(1, 0, 5), record(2, 1, 5)]), (2, vec![]));
}

#[test]
fn models_ends_and_blocks_are_judged() {
    let models = |models: &[&str]| Policy {
        models: models.iter().map(|name| (*name).to_owned()).collect(),
        groups: BTreeMap::from([("a".to_owned(), vec!["fast".to_owned()])]),
        ..Policy::default()
    };
    let records = [record(1, 0, 5), record(2, 9, 5)];
    let ended = Policy { expires_at: Some(records[1].started_at), ..Policy::default() };
    let blocked = Policy { blocked: true, ..Policy::default() };

    assert_eq!(played(models(&["b"]), &records), (0, vec![(Rule::ModelNotAllowed, 2)]));
    assert_eq!(played(models(&["a"]), &records), (2, vec![]));
    assert_eq!(played(models(&["fast"]), &records), (2, vec![]));
    assert_eq!(played(ended, &records), (1, vec![(Rule::Expired, 1)]));
    assert_eq!(played(blocked, &records), (0, vec![(Rule::Blocked, 2)]));
}

#[test]
fn budgets_count_what_passed_alone() {
    let budget = limited(Limits { max_budget: Some(NanoDollars(10)), ..Limits::default() });
    // The second would be too much; the third still fits.
    let records = [record(1, 0, 6), record(2, 1, 6), record(3, 2, 4), record(4, 3, 1)];

    assert_eq!(played(budget, &records), (2, vec![(Rule::Limit(0), 2)]));
}

#[test]
fn rates_begin_anew_with_their_minute() {
    let rate = limited(Limits { rpm: Some(2), ..Limits::default() });
    let records = [record(1, 0, 1), record(2, 1, 1), record(3, 2, 1), record(4, 61, 1)];
    assert_eq!(played(rate, &records), (3, vec![(Rule::Limit(0), 1)]));

    let tokens = limited(Limits { tpm: Some(25), ..Limits::default() });
    assert_eq!(played(tokens, &records), (3, vec![(Rule::Limit(0), 1)]));
}

#[test]
fn limits_that_observe_refuse_nothing_and_those_of_a_model_count_it_alone() {
    let observed = Limits { rpm: Some(1), observe_only: true, ..Limits::default() };
    let of_model = Limits { model_rpm: BTreeMap::from([("b".to_owned(), 1)]), ..Limits::default() };
    let records = [record(1, 0, 1), record(2, 1, 1)];

    assert_eq!(played(limited(observed), &records), (2, vec![]));
    assert_eq!(played(limited(of_model), &records), (2, vec![]));
}

#[test]
fn attempts_share_the_fate_of_their_request() {
    let budget = limited(Limits { max_budget: Some(NanoDollars(3)), ..Limits::default() });
    let again = LedgerRecord { first_attempt: Some(record(1, 0, 5).id), ..record(2, 1, 1) };
    let other = LedgerRecord { first_attempt: Some(record(3, 2, 1).id), ..record(4, 3, 1) };
    let records = [record(1, 0, 5), again, record(3, 2, 1), other];

    assert_eq!(played(budget, &records), (1, vec![(Rule::Limit(0), 1)]));
}
