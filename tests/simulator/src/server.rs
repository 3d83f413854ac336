//! Accepts connections, finds the answer of each request and keeps the books.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};

use crate::Settings;
use crate::counts::{Counts, Tokens};
use crate::gate::Gate;
use crate::play::{End, play_plain, play_script};
use crate::replay::Replay;
use crate::request::{Connection, Request};
use crate::script::{InvalidScript, Script};
use crate::wire::{self, Answer, Bill, Body, Provider};

/// Everything that the connections share.
pub(crate) struct State {
    settings: Settings,
    books: Mutex<Books>,
    seed: AtomicU64,
}

#[derive(Default)]
struct Books {
    counts: Counts,
    requests: Vec<Request>,
    always: Script,
    scripts: VecDeque<Script>,
    replays: VecDeque<Replay>,
    gates: BTreeMap<String, Gate>,
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        // Far apart, so that ids of two simulators never meet.
        let seed = AtomicU64::new(unix_time_ns().rotate_left(20));
        Self { settings, books: Mutex::default(), seed }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.books().counts.clone()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.books().requests.clone()
    }

    pub(crate) fn reset(&self) {
        *self.books() = Books::default();
    }

    pub(crate) fn always(&self, script: Script) {
        self.books().always = script;
    }

    pub(crate) fn script_next(&self, script: Script) {
        self.books().scripts.push_back(script);
    }

    pub(crate) fn replay_next(&self, replay: Replay) {
        self.books().replays.push_back(replay);
    }

    pub(crate) fn gate(&self, name: &str) -> Gate {
        self.books().gates.entry(name.to_owned()).or_insert_with(Gate::closed).clone()
    }

    pub(crate) fn head_sent(&self, bill: Option<&Bill>) {
        if let Some(Bill { model, tokens }) = bill {
            self.books().counts.start(model, &Tokens { completion: 0, ..*tokens });
        }
    }

    pub(crate) fn tokens_sent(&self, bill: Option<&Bill>, completion: u64) {
        if let Some(Bill { model, .. }) = bill {
            let tokens = Tokens { completion, ..Tokens::default() };
            self.books().counts.start(model, &tokens);
        }
    }

    pub(crate) fn completed(&self, bill: Option<&Bill>) {
        if let Some(Bill { model, tokens }) = bill {
            self.books().counts.complete(model, tokens);
        }
    }

    fn abandoned(&self) {
        self.books().counts.abandoned += 1;
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request and says how it is to be answered.
    fn admit(&self, request: &Request) -> Result<(Script, Option<Replay>), InvalidScript> {
        let (mut script, replay) = {
            let mut books = self.books();
            books.counts.requests += 1;
            if self.settings.record {
                books.requests.push(request.clone());
            }
            let script = books.scripts.pop_front().unwrap_or_else(|| books.always.clone());
            (script, books.replays.pop_front())
        };
        for (name, value) in &request.headers {
            if let Ok(value) = std::str::from_utf8(value) {
                script.read_header(name, value)?;
            }
        }
        Ok((script, replay))
    }

    fn answer(&self, request: &Request, script: &Script) -> Answer {
        let provider = Provider {
            api_key: self.settings.api_key.as_deref(),
            models: &self.settings.models,
            now: unix_time_ns() / 1_000_000_000,
            seed: self.seed.fetch_add(0x1_0000, Ordering::Relaxed),
        };
        wire::answer(request, script, &provider)
    }

    /// Answers what is asked of the simulator itself and not of the provider.
    fn answer_about_itself(&self, request: &Request) -> Option<Answer> {
        let text = match (request.method.as_str(), request.path()) {
            ("GET", "/_sim/counts") => self.books().counts.to_json(),
            ("POST", "/_sim/reset") => {
                self.reset();
                "{}".to_owned()
            }
            _ => return None,
        };
        let json = Bytes::from_static(b"application/json");
        let headers = vec![("content-type".to_owned(), json)];
        Some(Answer { status: 200, headers, body: Body::Whole(Bytes::from(text)), bill: None })
    }
}

/// Serves until the listener fails or the task is dropped.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        // An error of `accept` is about one connection, or passes when others close.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // A peer that breaks off is an everyday thing; the counts know about it.
            let _ = serve_connection(stream, &state).await;
        });
    }
}

async fn serve_connection(stream: TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(stream);
    while let Some(request) = connection.request().await? {
        match respond(&mut connection, &request, state).await? {
            End::KeepAlive if !wants_close(&request) => {}
            End::KeepAlive | End::Close | End::Abandoned => return Ok(()),
        }
    }
    Ok(())
}

async fn respond(connection: &mut Connection, request: &Request, state: &State) -> io::Result<End> {
    let head_only = request.method == "HEAD";
    if let Some(answer) = state.answer_about_itself(request) {
        play_plain(connection, &answer, head_only).await?;
        return Ok(End::KeepAlive);
    }
    let (answer, script) = match state.admit(request) {
        Ok((script, Some(replay))) => (replay.into_answer(), script),
        Ok((script, None)) => (state.answer(request, &script), script),
        Err(error) => (wire::Error::bad_script(error.to_string()).into_answer(), Script::default()),
    };
    if script.is_plain() || head_only {
        let bill = answer.bill.clone();
        let played = play_plain(connection, &answer, head_only).await;
        match &played {
            Ok(()) => {
                if let Some(Bill { model, tokens }) = &bill {
                    let mut books = state.books();
                    books.counts.start(model, tokens);
                    books.counts.complete(model, tokens);
                }
            }
            Err(_) => state.abandoned(),
        }
        return played.map(|()| End::KeepAlive);
    }
    let end = play_script(connection, answer, &script, state).await;
    if matches!(end, Ok(End::Abandoned) | Err(_)) {
        state.abandoned();
    }
    end
}

fn wants_close(request: &Request) -> bool {
    request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn unix_time_ns() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a provider's answers carry the real time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
