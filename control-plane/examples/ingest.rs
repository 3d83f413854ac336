//! Measures how fast the ledger takes usage: `cargo run --release --example ingest -- URL [KEYS]`.
//!
//! Prints records per second for batches of several sizes, and how long a key takes to find
//! while `KEYS` (100,000 by default) are there.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::BTreeMap;
use std::time::Instant;

use tollgate_control_plane::clock::{Clock, SystemClock};
use tollgate_control_plane::domain::{
    ApiKey, Change, Endpoint, KeyChange, LedgerRecord, Limits, RecordId, Report, Secret, Timestamp,
    UsageSource,
};
use tollgate_control_plane::store::{self, Store};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "sqlite:/tmp/ingest.db".into());
    let keys: u64 = args.next().and_then(|keys| keys.parse().ok()).unwrap_or(100_000);
    let store = store::open(&Secret::new(url)).await?;
    let start = Instant::now();
    for number in 0..keys {
        add_key(store.as_ref(), number).await?;
    }
    println!("{keys} keys added in {:?}", start.elapsed());
    let start = Instant::now();
    for number in 0..2_000 {
        store.key_by_hash(&hash(number * 7_919 % keys.max(1))).await?;
    }
    println!("a key found in {:?}", start.elapsed() / 2_000);
    let mut next = 0;
    for (size, spread) in [(500, 10), (2_000, 10), (2_000, 2_000), (64, 10)] {
        let (rounds, start) = (40_000 / size, Instant::now());
        for _ in 0..rounds {
            let batch: Vec<LedgerRecord> =
                (next..next + size).map(|number| record(number, number % spread)).collect();
            let report = Report { records: batch, ..Report::default() };
            store.report(&report, SystemClock.now()).await?;
            next += size;
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = f64::from(u32::try_from(rounds * size)?) / seconds;
        println!("batches of {size} over {spread} keys: {rate:.0} records a second");
    }
    Ok(())
}

async fn add_key(store: &dyn Store, number: u64) -> anyhow::Result<()> {
    let at = Timestamp::from_micros(i64::try_from(number)?);
    let key = ApiKey {
        hash: hash(number),
        name: "sk-...".into(),
        alias: Some(format!("key-{number}")),
        user_id: Some(format!("user-{}", number % 100)),
        team_id: None,
        models: Vec::new(),
        aliases: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        tags: Vec::new(),
        expires_at: None,
        organization_id: None,
        budget_id: None,
        limits: Limits { max_budget: Some(NanoDollars(i64::MAX)), ..Limits::default() },
        budget: None,
        spend: NanoDollars::ZERO,
        blocked: None,
        created_at: at,
        created_by: "ingest".into(),
        updated_at: at,
        updated_by: "ingest".into(),
        last_active: None,
    };
    let change = Change {
        id: format!("{number:032x}"),
        at,
        actor: "ingest".into(),
        action: "key.generate",
        request_id: None,
    };
    store.add_key(&key, &KeyChange::default(), &change).await?;
    Ok(())
}

fn record(number: u64, key: u64) -> LedgerRecord {
    let mut id = [9; 24];
    for (byte, part) in id.iter_mut().skip(16).zip(number.to_be_bytes()) {
        *byte = part;
    }
    let started =
        Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(number).unwrap_or(0));
    LedgerRecord {
        id: RecordId::from_bytes(&id).unwrap_or_else(|| unreachable!("24 bytes")),
        key_hash: hash(key),
        started_at: started,
        first_byte_at: Some(started.plus_micros(1_000)),
        ended_at: started.plus_micros(2_000),
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o-mini".into(),
        provider: Some("openai".into()),
        provider_model: Some("gpt-4o-mini-2024-07-18".into()),
        provider_response_id: Some(format!("chatcmpl-{number:024x}")),
        status: 200,
        streamed: true,
        aborted: false,
        tokens: TokenUsage { input: 10, output: 20, total: 30, ..TokenUsage::default() },
        usage_source: UsageSource::Provider,
        cost: NanoDollars(13_500),
        unpriced: false,
        end_user: Some("somebody".into()),
        tags: vec!["team-a".into()],
        error_code: None,
        debits: Vec::new(),
    }
}

fn hash(number: u64) -> KeyHash {
    KeyHash::of(format!("sk-{number}").as_bytes())
}
