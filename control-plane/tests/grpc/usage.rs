//! `tollgate.v1.Usage`.

use tollgate_control_plane::domain::{Edit, LimitsChange};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_proto::v1::{
    Debit, MeterState, Outlook, ReportRequest, ResolveKeyRequest, TokenUsage, UsageRecord,
};
use tonic::Code;

use crate::fixture::Served;

#[tokio::test]
async fn a_record_that_is_sent_again_is_acknowledged_and_counted_once() {
    let served = Served::start().await;
    let key = served.key().await;
    let (_, mut usage) = served.connect().await;
    let report = ReportRequest {
        records: vec![record(1, key.hash), record(2, key.hash)],
        ..ReportRequest::default()
    };

    for _ in 0..2 {
        let answer = usage.report(report.clone()).await.unwrap().into_inner();
        assert_eq!(answer.acknowledged, 2);
    }

    let key = served.service.key(&key.hash).await.unwrap().unwrap();
    assert_eq!(key.spend, NanoDollars(200));
}

#[tokio::test]
async fn a_record_that_cannot_be_stored_does_not_hold_up_the_others() {
    let served = Served::start().await;
    let key = served.key().await;
    let (_, mut usage) = served.connect().await;
    let broken = UsageRecord { id: vec![1], ..record(1, key.hash) };
    let odd = UsageRecord {
        model: "nul\0".to_owned(),
        tokens: Some(TokenUsage { input: u64::MAX, ..TokenUsage::default() }),
        ..record(2, key.hash)
    };

    let report = ReportRequest {
        records: vec![broken, odd, record(3, key.hash)],
        ..ReportRequest::default()
    };
    let answer = usage.report(report).await.unwrap().into_inner();

    assert_eq!(answer.acknowledged, 3);
    let key = served.service.key(&key.hash).await.unwrap().unwrap();
    assert_eq!(key.spend, NanoDollars(200));
}

#[tokio::test]
async fn a_batch_larger_than_the_usual_message_is_taken() {
    let served = Served::start().await;
    let key = served.key().await;
    let (_, mut usage) = served.connect().await;
    let long = "x".repeat(1 << 20);
    let records =
        (0..6).map(|n| UsageRecord { end_user: Some(long.clone()), ..record(n, key.hash) });

    let report = ReportRequest { records: records.collect(), ..ReportRequest::default() };
    let answer = usage.report(report).await.unwrap().into_inner();

    assert_eq!(answer.acknowledged, 6);
}

#[tokio::test]
async fn leases_are_granted_and_settled_with_the_records() {
    let served = Served::start().await;
    let key =
        served.key_with(LimitsChange { tpm: Edit::Set(100), ..LimitsChange::default() }).await;
    let (mut policy, mut usage) = served.connect().await;
    let request = ResolveKeyRequest { key_hash: key.hash.as_bytes().to_vec() };
    let policy = policy.resolve_key(request).await.unwrap().into_inner().policy.unwrap();
    let meter = policy.meters[0].id;

    let asks = MeterState { meter, need: 60, want: 60, ..MeterState::default() };
    let unknown = MeterState { meter: 99, ..asks };
    let report = ReportRequest { meters: vec![asks, unknown], ..report(1) };
    let first = usage.report(report.clone()).await.unwrap().into_inner().grants;
    let settles = MeterState { meter, idle: 10, reserved: 20, ..MeterState::default() };
    let debits = vec![Debit { meter, amount: 30 }];
    let records = vec![UsageRecord { debits, ..record(1, key.hash) }];
    let meters = vec![settles];
    let settled = ReportRequest { records, meters, sent_at_us: 3, ..self::report(2) };
    let second = usage.report(settled).await.unwrap().into_inner().grants;

    assert_eq!((first[0].granted, first[0].left, first[0].limit), (60, 100, 100));
    assert!((59_000..=60_000).contains(&first[0].resets_in_ms));
    assert_eq!(first[1].outlook(), Outlook::Gone);
    assert_eq!((second[0].used, second[0].left, second[0].granted), (30, 50, 0));
}

#[tokio::test]
async fn a_holder_without_a_name_is_refused() {
    let served = Served::start().await;
    let (_, mut usage) = served.connect().await;

    for holder in [vec![], vec![1; 15]] {
        let meters = vec![MeterState::default()];
        let request = ReportRequest { holder, meters, ..ReportRequest::default() };
        let error = usage.report(request).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
}

fn report(sequence: u64) -> ReportRequest {
    ReportRequest { holder: vec![5; 16], sequence, ..ReportRequest::default() }
}

fn record(number: u8, key: KeyHash) -> UsageRecord {
    UsageRecord {
        id: vec![number; 24],
        key_hash: key.as_bytes().to_vec(),
        started_at_us: 1,
        ended_at_us: 2,
        model: "openai/gpt".to_owned(),
        status: 200,
        cost_nanos: 100,
        ..UsageRecord::default()
    }
}
