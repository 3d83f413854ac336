//! Processes are killed under load and come back: the ledger has every request once, and no budget
//! is passed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tollgate_e2e::{
    Answer, Call, Client, Database, Key, Row, Stack, block_on, dollars, eventually, nanos,
    simulator::{Gate, Tokens},
};

use crate::stacks::for_each_role;

#[test]
fn a_control_plane_that_is_killed_under_load_loses_nothing_and_counts_nothing_twice() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        survives(&mut stack, Victim::ControlPlane).await;
        stack.stop().await;
    });
}

#[test]
fn a_database_that_is_killed_under_load_loses_nothing_and_counts_nothing_twice() {
    block_on(async {
        let mut stack = Stack::builder().database(Database::PostgresAlone).start().await;
        survives(&mut stack, Victim::Database).await;
        stack.stop().await;
    });
}

#[test]
fn an_envoy_that_is_killed_under_load_takes_no_more_than_it_held_of_a_budget() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        for round in 0..ROUNDS {
            outlives_envoy(&mut stack, round).await;
        }
        stack.stop().await;
    });
}

/// What is killed while Envoy goes on.
#[derive(Clone, Copy)]
enum Victim {
    ControlPlane,
    Database,
}

impl Victim {
    async fn kill(self, stack: &mut Stack) {
        match self {
            Self::ControlPlane => stack.kill_control_plane().await,
            Self::Database => stack.kill_database().await,
        }
    }

    async fn restart(self, stack: &mut Stack) {
        match self {
            Self::ControlPlane => stack.start_control_plane().await,
            Self::Database => stack.restart_database().await,
        }
    }
}

async fn survives(stack: &mut Stack, victim: Victim) {
    let (mut free, mut bound, budget) = loads(stack).await;

    for round in 0..ROUNDS {
        let (gate, streams) = hold_streams(stack, [&free, &bound], round).await;
        let asking = ask_both(stack, [&free, &bound]).await;
        victim.kill(stack).await;
        for _ in 0..AWAY {
            free.is_served(stack).await;
        }
        gate.release();
        for ((load, streams), asking) in
            [&mut free, &mut bound].into_iter().zip(streams).zip(asking)
        {
            for stream in streams {
                assert!({ stream }.chunks().await.1, "a stream across the crash finishes");
                load.seen.served += 1;
            }
            load.seen.add(asking.await.unwrap());
        }
        victim.restart(stack).await;
        stack.await_ready().await;
    }
    assert_eq!((free.seen.refused, free.seen.broken, bound.seen.broken), (0, 0, 0));
    bound.exhaust(stack).await;

    let rows = [free.whole_ledger(stack).await, bound.whole_ledger(stack).await];
    let billed: u64 = rows.iter().flatten().map(|row| row.tokens().2).sum();
    assert_eq!(billed, stack.demo().counts().completed_total().total());
    let spent: i64 = rows[1].iter().map(Row::cost_nanos).sum();
    assert!(spent <= budget, "{spent} of {budget} spent");
    assert!(spent * 100 >= budget * 95, "only {spent} of {budget} could be spent");
}

async fn outlives_envoy(stack: &mut Stack, round: usize) {
    stack.demo().reset();
    let (mut free, mut bound, budget) = loads(stack).await;
    let (_gate, streams) = hold_streams(stack, [&free, &bound], round).await;
    let asking = ask_both(stack, [&free, &bound]).await;
    let acknowledged = ids(&stack.rows_now(&bound.key).await);
    stack.kill_envoy().await;
    for asking in asking {
        asking.await.unwrap();
    }
    for stream in streams.into_iter().flatten() {
        assert!({ stream }.try_bytes().await.is_err(), "a stream outlived Envoy");
    }
    stack.restart_envoy().await;
    free.is_served(stack).await;
    // What the old one held may be all there was: nobody knows what became of it.
    bound.seen = Seen::default();
    bound.exhaust(stack).await;

    let used = stack.demo().counts().started[bound.model];
    assert!(cost_of(used) <= budget, "{used:?} is more than {budget}");
    let since = bound.seen.served;
    let rows = eventually("what was served since is in the ledger", async || {
        let rows = stack.rows_now(&bound.key).await;
        (rows.len() >= acknowledged.len() + since).then_some(rows)
    })
    .await;
    let in_ledger = ids(&rows);
    assert_eq!(in_ledger.len(), rows.len(), "a request is in the ledger twice");
    assert!(acknowledged.is_subset(&in_ledger), "a request left the ledger");
    let completed = stack.demo().counts().completed[bound.model];
    assert!(rows.len() <= usize::try_from(completed.answers).unwrap());
    let billed: u64 = rows.iter().map(|row| row.tokens().2).sum();
    assert!(billed <= completed.total(), "{billed} tokens of {completed:?}");
}

/// A key under load, and what its clients saw.
struct Load {
    key: Key,
    /// A model that no other load uses, so that the provider counts it apart.
    model: &'static str,
    seen: Seen,
}

/// How many answers came whole, were refusals, or did not come.
#[derive(Clone, Copy, Default)]
struct Seen {
    served: usize,
    refused: usize,
    broken: usize,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.broken += other.broken;
    }

    async fn note(&mut self, answer: anyhow::Result<Answer>) {
        let Ok(mut answer) = answer else {
            self.broken += 1;
            return;
        };
        let place = match (answer.status(), answer.try_bytes().await) {
            (_, Err(_)) => &mut self.broken,
            (200, Ok(_)) => &mut self.served,
            (status, Ok(text)) => {
                let text = String::from_utf8_lossy(&text);
                assert!(matches!(status, 429 | 503), "{status}: {text}");
                &mut self.refused
            }
        };
        *place += 1;
    }
}

impl Load {
    async fn new(stack: &Stack, model: &'static str, fields: &Value) -> Self {
        let (key, _) = stack.key(fields).await;
        let mut load = Self { key, model, seen: Seen::default() };
        load.is_served(stack).await;
        load
    }

    fn client(&self, stack: &Stack) -> Client {
        stack.client().key(&self.key.secret)
    }

    async fn is_served(&mut self, stack: &Stack) {
        let mut answer = call(&self.client(stack), self.model, false).send().await;
        assert_eq!(answer.status(), 200, "{} {}", self.model, answer.text().await);
        answer.bytes().await;
        self.seen.served += 1;
    }

    /// Asks until the budget is spent.
    async fn exhaust(&mut self, stack: &Stack) {
        let refused = self.seen.refused;
        while self.seen.refused == refused {
            let answer = call(&self.client(stack), self.model, false).try_send().await;
            self.seen.note(answer).await;
        }
    }

    /// Returns the rows, which are one for each request that was served, once and for all.
    async fn whole_ledger(&self, stack: &Stack) -> Vec<Row> {
        let rows = stack.rows(&self.key, self.seen.served).await;
        assert_eq!(ids(&rows).len(), rows.len(), "a request is in the ledger twice");
        let path = format!("/key/info?key={}", self.key.secret);
        let info = stack.admin().get(&path).send().await.json().await;
        let spent: i64 = rows.iter().map(Row::cost_nanos).sum();
        assert_eq!(nanos(&info["info"]["spend"]), spent);
        rows
    }
}

/// Returns a key without limits and one with a budget, and that budget.
async fn loads(stack: &Stack) -> (Load, Load, i64) {
    let free = Load::new(stack, "gpt-4o", &json!({})).await;
    let budget = BUDGET_FOR * stack.row(&free.key).await.cost_nanos();
    let fields = json!({ "max_budget": dollars(budget) });
    let bound = Load::new(stack, "gpt-4o-mini", &fields).await;
    stack.row(&bound.key).await;
    (free, bound, budget)
}

/// Begins streams of each load, of which the provider holds the most back.
async fn hold_streams(stack: &Stack, loads: [&Load; 2], round: usize) -> (Gate, [Vec<Answer>; 2]) {
    let name = format!("round-{round}");
    let gate = stack.demo().gate(&name);
    let mut streams = [Vec::new(), Vec::new()];
    for ((load, streams), count) in loads.into_iter().zip(&mut streams).zip(STREAMS) {
        let client = load.client(stack);
        for _ in 0..count {
            let call = call(&client, load.model, true);
            let mut stream = call.header("x-sim-gate", format!("{name}@3")).send().await;
            assert_eq!(stream.status(), 200, "{}", stream.text().await);
            streams.push(stream);
        }
    }
    gate.reached_by(STREAMS.iter().sum()).await;
    (gate, streams)
}

/// Begins to ask with both keys, one request after the other, and returns in the middle of it.
async fn ask_both(stack: &Stack, loads: [&Load; 2]) -> [JoinHandle<Seen>; 2] {
    let before = stack.demo().counts().requests;
    let asking = loads.map(|load| {
        let (client, model) = (load.client(stack), load.model);
        tokio::spawn(async move {
            let mut seen = Seen::default();
            for _ in 0..ASKED {
                seen.note(call(&client, model, false).try_send().await).await;
            }
            seen
        })
    });
    eventually("requests are on their way", async || {
        (stack.demo().counts().requests > before + 4).then_some(())
    })
    .await;
    asking
}

fn call(client: &Client, model: &str, stream: bool) -> Call {
    let body = json!({ "max_tokens": 2 * TOKENS, "stream": stream });
    client.chat(model, &body).header("x-sim-tokens", TOKENS.to_string())
}

fn ids(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.text("request_id").to_owned()).collect()
}

/// The cost at the prices that the harness configures.
fn cost_of(tokens: Tokens) -> i64 {
    i64::try_from(tokens.prompt * 150 + tokens.completion * 600).unwrap()
}

/// How often a process is killed.
const ROUNDS: usize = 3;
/// Streams that are held in the middle, in each round: without limits, and with a budget, of which
/// each reserves several times what it will cost.
const STREAMS: [usize; 2] = [32, 8];
/// Requests that each key sends around each crash.
const ASKED: usize = 30;
/// Requests while the process is away.
const AWAY: usize = 5;
/// Tokens of each answer.
const TOKENS: u64 = 20;
/// How many requests the budget is enough for: more than all that the rounds send.
const BUDGET_FOR: i64 = 180;
