//! `tollgate.v1.Usage`.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_proto::v1::{ReportRequest, TokenUsage, UsageRecord};

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
