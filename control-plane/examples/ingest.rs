//! Measures how fast the ledger takes usage: `cargo run --release --example ingest -- URL [KEYS]`.
//!
//! Prints records per second for batches of several sizes, and how long a key takes to find
//! while `KEYS` (100,000 by default) are there.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::BTreeMap;
use std::time::Instant;

use tollgate_control_plane::clock::{Clock, SystemClock};
use tollgate_control_plane::domain::meter::Statement;
use tollgate_control_plane::domain::{
    ApiKey, Change, Debit, Edit, Endpoint, HolderId, Holding, KeyChange, LedgerRecord, Limits,
    LimitsChange, RecordId, Report, Scope, Secret, Timestamp, UsageSource,
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
    governed(store.as_ref(), &mut next).await?;
    leases(store.as_ref()).await
}

/// Records of keys with limits: each takes from the key's meters of tokens and money.
async fn governed(store: &dyn Store, next: &mut u64) -> anyhow::Result<()> {
    let meters = limited(store).await?;
    let (size, rounds, mut sequence) = (500, 80, 0);
    let start = Instant::now();
    for _ in 0..rounds {
        let batch = (*next..*next + size).map(|number| {
            let (key, [_requests, rest @ ..]) = of(&meters, number)?;
            let debits = rest.map(|meter| Debit { meter, amount: 10 }).to_vec();
            Some(LedgerRecord { debits, key_hash: key, ..record(number, 0) })
        });
        let records = batch.flatten().collect();
        sequence += 1;
        let states = meters.iter().flat_map(|(_, meters)| meters).map(|meter| says(*meter));
        let holding = Some(holding(0, sequence, states.collect()));
        let report = Report { records, holding, ..Report::default() };
        store.report(&report, SystemClock.now()).await?;
        *next += size;
    }
    let rate = f64::from(u32::try_from(rounds * size)?) / start.elapsed().as_secs_f64();
    println!("batches of {size} with debits, 10 keys of 4 meters: {rate:.0} records a second");
    Ok(())
}

/// How long a filter waits for leases of the meters of one key.
async fn leases(store: &dyn Store) -> anyhow::Result<()> {
    let meters = limited(store).await?;
    let mut took = Vec::new();
    for number in 0..5_000_u64 {
        let Some((_, meters)) = of(&meters, number) else { continue };
        let states = meters.iter().map(|meter| Statement { need: 1, want: 4, ..says(*meter) });
        let holder = u8::try_from(number % 8)? + 1;
        let holding = Some(holding(holder, number, states.collect()));
        let report = Report { holding, ..Report::default() };
        let start = Instant::now();
        store.report(&report, SystemClock.now()).await?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 1000).copied().unwrap_or_default();
    println!("a lease of 4 meters: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    Ok(())
}

fn of(meters: &[(KeyHash, [u64; 4])], number: u64) -> Option<(KeyHash, [u64; 4])> {
    meters.get(usize::try_from(number).ok()? % meters.len()).copied()
}

/// Gives ten keys limits, and returns their meters: requests first.
async fn limited(store: &dyn Store) -> anyhow::Result<Vec<(KeyHash, [u64; 4])>> {
    let much = 1_000_000_000_000;
    let limits = LimitsChange {
        rpm: Edit::Set(much),
        tpm: Edit::Set(much),
        tpd: Edit::Set(much),
        ..LimitsChange::default()
    };
    let mut all = Vec::new();
    for number in 0..10 {
        let change = Change {
            id: format!("limit-{number}-{}", SystemClock.now().as_micros()),
            at: SystemClock.now(),
            actor: "ingest".into(),
            action: "key.update",
            request_id: None,
        };
        let what = KeyChange { limits: limits.clone(), ..KeyChange::default() };
        store.change_key(&hash(number), &what, &change).await?;
        let mut meters = store.meters(&[(Scope::Key, hash(number).to_hex())]).await?;
        meters.sort_by_key(|meter| meter.spec.dimension);
        let ids: Vec<u64> = meters.iter().map(|meter| meter.id).collect();
        all.push((hash(number), <[u64; 4]>::try_from(ids.as_slice())?));
    }
    Ok(all)
}

fn says(meter: u64) -> Statement {
    let consumed_at = SystemClock.now();
    Statement { meter, consumed: 1, consumed_at, idle: 4, reserved: 100, need: 0, want: 0 }
}

fn holding(holder: u8, sequence: u64, statements: Vec<Statement>) -> Holding {
    let holder = HolderId::from_bytes(&[holder; 16]).unwrap_or_else(|| unreachable!("16 bytes"));
    Holding { holder, sequence, statements }
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
        allowed_routes: Vec::new(),
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
        first_hash: None,
        renewals: 0,
        renewed_at: None,
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
        account: None,
        attempt: 0,
        first_attempt: None,
        cached: false,
        units: None,
    }
}

fn hash(number: u64) -> KeyHash {
    KeyHash::of(format!("sk-{number}").as_bytes())
}
