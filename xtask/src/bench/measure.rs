//! What is measured, and in which order.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::load::{self, connect};
use super::long;
use super::numbers::{Samples, cpu_micros, float, resident_megabytes};
use super::report::{Row, Target};
use super::rig::{INPUT_PRICE, Rig, Side, chat};
use super::wire::FAILING;
use crate::gateway::Programs;
use crate::http;

const STREAMS: u32 = 8;
/// Fewer than the failures in a row after which a provider is left alone.
const FALLBACKS: u32 = 500;

/// How much is measured.
pub(super) struct Plan {
    pub(super) pairs: usize,
    /// Of each load.
    pub(super) duration: Duration,
    /// Rounds of eight paced streams, of about a second each.
    rounds: u32,
    /// Large prompts in a row.
    prompts: u32,
    /// Keys in the store, in the end.
    pub(super) keys: usize,
    /// Keys that are used, each once.
    distinct: usize,
    revocations: usize,
}

impl Plan {
    /// Returns the plan whose figures may be quoted.
    pub(super) fn full() -> Self {
        let duration = Duration::from_secs(3);
        let (pairs, rounds, prompts) = (7, 3, 100);
        let (keys, distinct, revocations) = (100_000, 10_000, 200);
        Self { pairs, duration, rounds, prompts, keys, distinct, revocations }
    }

    /// Returns a plan that shows in a minute that everything works.
    pub(super) fn quick() -> Self {
        let duration = Duration::from_secs(1);
        let (pairs, rounds, prompts) = (2, 1, 20);
        let (keys, distinct, revocations) = (2_000, 1_000, 20);
        Self { pairs, duration, rounds, prompts, keys, distinct, revocations }
    }
}

/// Figures of one side by the name of their row.
type Figures = BTreeMap<&'static str, f64>;

const CPU_C8: &str = "CPU per request at c=8";
const CPU_C64: &str = "CPU per request at c=64";
const RATE_C8: &str = "throughput at c=8";
const RATE_C64: &str = "throughput at c=64";
const P50_C1: &str = "latency p50 at c=1";
const P99_C1: &str = "latency p99 at c=1";
const FRAME_CPU: &str = "CPU per paced frame";
const FIRST_P50: &str = "first byte of a stream p50";
const FIRST_P99: &str = "first byte of a stream p99";
const LAG_P50: &str = "lag of a frame p50";
const LAG_P99: &str = "lag of a frame p99";
const PROMPT: &str = "1 MB prompt p50";
const UPLOAD: &str = "CPU of a 200 MB upload";
const MEMORY: &str = "resident memory";
const CPU_KEYS: &str = "CPU per request at c=8, many keys";
const CPU_TRANSLATED: &str = "CPU per request at c=8, translated";
const P50_TRANSLATED: &str = "latency p50 at c=1, translated";
const FRAME_TRANSLATED: &str = "CPU per paced frame, translated";
const RATE_KEPT: &str = "throughput of kept answers at c=8";
const CPU_KEPT: &str = "CPU per kept answer at c=8";
const P50_KEYS: &str = "latency p50 at c=1, many keys";

/// Rows that compare, in the order of the report.
const COMPARED: &[(&str, &str, Option<Target>)] = &[
    (CPU_C8, "µs", Some(Target::RatioAtMost(1.25))),
    (CPU_C64, "µs", Some(Target::RatioAtMost(1.25))),
    (P50_C1, "µs", Some(Target::AddedAtMost(60.0))),
    (P99_C1, "µs", None),
    (RATE_C8, "1/s", Some(Target::RatioAtLeast(0.8))),
    (RATE_C64, "1/s", Some(Target::RatioAtLeast(0.8))),
    (FRAME_CPU, "µs", Some(Target::AddedAtMost(5.0))),
    (FIRST_P50, "µs", Some(Target::AddedAtMost(100.0))),
    (FIRST_P99, "µs", None),
    (LAG_P50, "µs", None),
    (LAG_P99, "µs", None),
    (PROMPT, "µs", Some(Target::AddedAtMost(1000.0))),
    (UPLOAD, "ms", Some(Target::RatioAtMost(1.3))),
    (CPU_KEYS, "µs", Some(Target::RatioAtMost(1.25))),
    (P50_KEYS, "µs", Some(Target::AddedAtMost(60.0))),
    (CPU_TRANSLATED, "µs", Some(Target::RatioAtMost(1.6))),
    (P50_TRANSLATED, "µs", Some(Target::AddedAtMost(100.0))),
    (FRAME_TRANSLATED, "µs", Some(Target::AddedAtMost(10.0))),
    (CPU_KEPT, "µs", None),
    (RATE_KEPT, "1/s", Some(Target::RatioAtLeast(1.5))),
    (MEMORY, "MB", None),
];

/// Measures everything.
pub(super) fn all(rig: &mut Rig, programs: &Programs, plan: &Plan) -> Result<Vec<Row>> {
    let mut pairs: BTreeMap<&'static str, Vec<(f64, f64)>> = BTreeMap::new();
    let mut ledger = Ledger::open(rig)?;
    warm_up(rig, &mut ledger)?;
    interleaved(rig, plan, &mut pairs, &mut ledger, everything)?;

    eprintln!("making {} keys", plan.keys);
    let keys = rig.management.generate_many(plan.keys, plan.distinct)?;
    interleaved(rig, plan, &mut pairs, &mut ledger, with_many_keys)?;
    let exact = ledger.balance(rig)?;
    let memory = [&rig.bare, &rig.tollgate].map(|side| resident_megabytes(side.envoy.process.id()));
    let [bare, tollgate] = memory;
    pairs.insert(MEMORY, vec![(bare?, tollgate?)]);

    let mut rows: Vec<_> = COMPARED
        .iter()
        .filter_map(|&(name, unit, target)| {
            Some(Row::of_pairs(name, unit, pairs.get(name)?, target))
        })
        .collect();
    rows.extend(alone(rig, programs, plan, &keys)?);
    rows.push(Row::alone("ledger over what was served", "", exact, Some(Target::AtLeast(1.0))));
    Ok(rows)
}

/// Runs both sides in turn, beginning with each as often.
fn interleaved(
    rig: &Rig,
    plan: &Plan,
    pairs: &mut BTreeMap<&'static str, Vec<(f64, f64)>>,
    ledger: &mut Ledger,
    measure: fn(&Rig, &Side, &Plan, &mut u64) -> Result<Figures>,
) -> Result<()> {
    for number in 0..plan.pairs {
        eprintln!("pair {} of {}", number + 1, plan.pairs);
        let bare = || measure(rig, &rig.bare, plan, &mut 0).context("bare Envoy");
        let mut tollgate =
            || measure(rig, &rig.tollgate, plan, &mut ledger.served).context("Tollgate");
        let (bare, tollgate) = if number % 2 == 0 {
            let bare = bare()?;
            (bare, tollgate()?)
        } else {
            let tollgate = tollgate()?;
            (bare()?, tollgate)
        };
        for (name, value) in bare {
            let other = tollgate.get(name).copied().unwrap_or(f64::NAN);
            pairs.entry(name).or_default().push((value, other));
        }
    }
    Ok(())
}

fn warm_up(rig: &Rig, ledger: &mut Ledger) -> Result<()> {
    for side in [&rig.bare, &rig.tollgate] {
        let target = &side.small;
        let outcome = load::run(target.address, &target.request, 8, Duration::from_secs(1))?;
        if std::ptr::eq(side, &raw const rig.tollgate) {
            ledger.served += outcome.served;
        }
    }
    Ok(())
}

fn everything(rig: &Rig, side: &Side, plan: &Plan, served: &mut u64) -> Result<Figures> {
    let mut figures = Figures::new();
    loaded(side, plan, served, 8, CPU_C8, RATE_C8, &mut figures)?;
    loaded(side, plan, served, 64, CPU_C64, RATE_C64, &mut figures)?;
    unloaded(side, plan, served, P50_C1, P99_C1, &mut figures)?;
    streamed(rig, side, plan, &mut figures)?;
    figures.insert(PROMPT, long::prompt(side, plan.prompts)?);
    figures.insert(UPLOAD, long::upload(side)?);
    translated(rig, side, plan, &mut figures)?;
    kept(side, plan, &mut figures)?;
    Ok(figures)
}

/// Answers out of the filter's memory, beside a bare Envoy that has the provider answer.
fn kept(side: &Side, plan: &Plan, figures: &mut Figures) -> Result<()> {
    let target = &side.kept;
    let before = cpu_micros(side.envoy.process.id())?;
    let outcome = load::run(target.address, &target.request, 8, plan.duration)?;
    let used = cpu_micros(side.envoy.process.id())? - before;
    figures.insert(CPU_KEPT, used / float(outcome.served));
    figures.insert(RATE_KEPT, outcome.rate());
    Ok(())
}

/// The same provider answers both sides: bare Envoy's client in its own dialect.
fn translated(rig: &Rig, side: &Side, plan: &Plan, figures: &mut Figures) -> Result<()> {
    let (pid, target) = (side.envoy.process.id(), &side.translated);
    let before = cpu_micros(pid)?;
    let outcome = load::run(target.address, &target.request, 8, plan.duration)?;
    figures.insert(CPU_TRANSLATED, (cpu_micros(pid)? - before) / float(outcome.served));
    let mut outcome = load::run(target.address, &target.request, 1, plan.duration)?;
    figures.insert(P50_TRANSLATED, outcome.latencies.micros(0.5));
    let target = &side.translated_stream;
    let before = cpu_micros(pid)?;
    let seen = rig.upstream.measure(target.address, &target.request, STREAMS, plan.rounds)?;
    figures.insert(FRAME_TRANSLATED, (cpu_micros(pid)? - before) / float(seen.frames));
    Ok(())
}

/// What a fallback takes beyond the attempt that failed, which is asked for by itself as well.
fn fallback(rig: &Rig) -> Result<f64> {
    let [falls, serves] = &rig.tollgate.fallback;
    let failing = http::render("POST", FAILING, &[], b"{}");
    let failed = p50_of(rig.upstream.address, &failing, 503)?;
    let after = p50_of(falls.address, &falls.request, 200)?;
    let without = p50_of(serves.address, &serves.request, 200)?;
    Ok((after - without - failed) / 1e3)
}

fn p50_of(address: SocketAddr, request: &[u8], status: u16) -> Result<f64> {
    let mut stream = connect(address)?;
    let mut samples = Samples::default();
    for _ in 0..FALLBACKS {
        let sent = Instant::now();
        stream.write_all(request)?;
        let answer = http::receive(&mut stream)?;
        ensure!(answer.status == status, "answered {}: {}", answer.status, answer.text());
        samples.add(sent.elapsed());
    }
    Ok(samples.micros(0.5))
}

fn with_many_keys(_: &Rig, side: &Side, plan: &Plan, served: &mut u64) -> Result<Figures> {
    let mut figures = Figures::new();
    loaded(side, plan, served, 8, CPU_KEYS, "throughput with many keys", &mut figures)?;
    unloaded(side, plan, served, P50_KEYS, "latency p99 with many keys", &mut figures)?;
    Ok(figures)
}

fn loaded(
    side: &Side,
    plan: &Plan,
    served: &mut u64,
    connections: usize,
    cpu: &'static str,
    rate: &'static str,
    figures: &mut Figures,
) -> Result<()> {
    let target = &side.small;
    let before = cpu_micros(side.envoy.process.id())?;
    let outcome = load::run(target.address, &target.request, connections, plan.duration)?;
    let used = cpu_micros(side.envoy.process.id())? - before;
    figures.insert(cpu, used / float(outcome.served));
    figures.insert(rate, outcome.rate());
    *served += outcome.served;
    Ok(())
}

fn unloaded(
    side: &Side,
    plan: &Plan,
    served: &mut u64,
    p50: &'static str,
    p99: &'static str,
    figures: &mut Figures,
) -> Result<()> {
    let target = &side.small;
    let mut outcome = load::run(target.address, &target.request, 1, plan.duration)?;
    figures.insert(p50, outcome.latencies.micros(0.5));
    figures.insert(p99, outcome.latencies.micros(0.99));
    *served += outcome.served;
    Ok(())
}

fn streamed(rig: &Rig, side: &Side, plan: &Plan, figures: &mut Figures) -> Result<()> {
    let target = &side.paced;
    let before = cpu_micros(side.envoy.process.id())?;
    let mut seen = rig.upstream.measure(target.address, &target.request, STREAMS, plan.rounds)?;
    let used = cpu_micros(side.envoy.process.id())? - before;
    figures.insert(FRAME_CPU, used / float(seen.frames));
    figures.insert(FIRST_P50, seen.first_byte.micros(0.5));
    figures.insert(FIRST_P99, seen.first_byte.micros(0.99));
    figures.insert(LAG_P50, seen.lag.micros(0.5));
    figures.insert(LAG_P99, seen.lag.micros(0.99));
    Ok(())
}

/// Measures what a bare Envoy has not.
fn alone(rig: &Rig, programs: &Programs, plan: &Plan, keys: &[String]) -> Result<Vec<Row>> {
    let address = rig.tollgate.small.address;
    eprintln!("using {} keys once", keys.len());
    use_once(address, keys)?;
    let memory = rig.tollgate.envoy.admin.sum("vm_memory_bytes")?;
    let memory = if memory == 0 { f64::NAN } else { float(memory) / 1e6 };
    let wasm = float(programs.filter.metadata()?.len()) / 1e6;
    eprintln!("revoking {} keys", plan.revocations);
    let mut revoked = Samples::default();
    for _ in 0..plan.revocations {
        revoked.add(revocation(rig, address)?);
    }
    eprintln!("asking the upstream directly");
    let request = chat("", "gpt-4o-mini", "Hello?", false);
    let direct = load::run(rig.simulator.address, &request, 64, plan.duration)?.rate();
    eprintln!("falling back");
    let beyond = fallback(rig)?;
    Ok(vec![
        Row::alone(
            "fallback beyond the failed attempt p50",
            "ms",
            beyond,
            Some(Target::AtMost(1.0)),
        ),
        Row::alone("VM memory after the used keys", "MB", memory, Some(Target::AtMost(12.0))),
        Row::alone("wasm file", "MB", wasm, Some(Target::AtMost(8.0))),
        Row::alone("revoked to refused p50", "ms", revoked.micros(0.5) / 1e3, None),
        Row::alone(
            "revoked to refused p99",
            "ms",
            revoked.micros(0.99) / 1e3,
            Some(Target::AtMost(50.0)),
        ),
        Row::alone("upstream alone at c=64", "1/s", direct, None),
    ])
}

fn use_once(address: SocketAddr, keys: &[String]) -> Result<()> {
    let mut stream = connect(address)?;
    for key in keys {
        stream.write_all(&chat(key, "small", "Hello?", false))?;
        let answer = http::receive(&mut stream)?;
        ensure!(answer.status == 200, "answered {}: {}", answer.status, answer.text());
    }
    Ok(())
}

/// Returns how long after sending the call to block it a key was refused.
fn revocation(rig: &Rig, address: SocketAddr) -> Result<Duration> {
    let key = rig.management.generate()?;
    let request = chat(&key, "small", "Hello?", false);
    let mut stream = connect(address)?;
    let mut ask = || -> Result<u16> {
        stream.write_all(&request)?;
        Ok(http::receive(&mut stream)?.status)
    };
    ensure!(ask()? == 200, "a new key does not work");
    let called = Instant::now();
    rig.management.block(&key)?;
    while called.elapsed() < Duration::from_secs(5) {
        if ask()? != 200 {
            return Ok(called.elapsed());
        }
    }
    bail!("a blocked key still works after 5 s")
}

/// Counts what was served, to compare it with what was billed.
struct Ledger {
    served: u64,
    tokens: f64,
}

impl Ledger {
    /// Asks once to learn what the provider reports for the small request.
    fn open(rig: &Rig) -> Result<Self> {
        let mut stream = connect(rig.tollgate.small.address)?;
        stream.write_all(&rig.tollgate.small.request)?;
        let answer = http::receive(&mut stream)?.json()?;
        let tokens = answer.pointer("/usage/prompt_tokens").and_then(Value::as_f64);
        Ok(Self { served: 1, tokens: tokens.context("no usage in the answer")? })
    }

    /// Waits for the ledger to catch up and returns billed over served: 1 is right.
    fn balance(&self, rig: &Rig) -> Result<f64> {
        let expected = float(self.served) * self.tokens * INPUT_PRICE.parse::<f64>()?;
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let ratio = rig.management.spend(&rig.key)? / expected;
            if (ratio - 1.0).abs() < 1e-9 {
                return Ok(1.0);
            }
            if Instant::now() > end {
                return Ok(ratio);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
