//! A provider to test against: it speaks the OpenAI API to the letter, counts tokens on its own,
//! remembers every request byte for byte, and breaks in any way a request or a test asks for.
//!
//! It must stay independent of the gateway's code: its counts are what the gateway's ledger is
//! checked against. Start reading at [`Simulator`]; [`Script`] lists what it can be told to do.

mod counts;
mod gate;
mod play;
mod replay;
mod request;
mod script;
mod server;
mod tokens;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use counts::{Counts, Tokens};
pub use gate::Gate;
pub use replay::Replay;
pub use request::Request;
pub use script::{Fault, Framing, GateAt, InvalidScript, Script, Usage};

/// Models that the simulator serves unless told otherwise.
pub const DEMO_MODELS: [&str; 4] =
    ["gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small"];

/// How a simulator is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key that callers must present. `None`: everyone is served.
    pub api_key: Option<String>,
    /// Models it serves. Empty: every name, though `/v1/models` lists none.
    pub models: Vec<String>,
    /// Whether requests are remembered.
    pub record: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: None,
            models: DEMO_MODELS.map(str::to_owned).to_vec(),
            record: true,
        }
    }
}

/// A running provider. Dropping it stops it accepting; open connections go on to their end.
pub struct Simulator {
    address: SocketAddr,
    state: Arc<server::State>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Starts a provider on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(server::State::new(settings));
        let task = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL to configure, with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the requests so far, in the order in which they were complete.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests()
    }

    /// Returns what was served so far.
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// Forgets requests, counts, scripts, replays and gates.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Sets the script of every request that has none of its own.
    pub fn always(&self, script: Script) {
        self.state.always(script);
    }

    /// Sets the script of the next request; calls queue up.
    pub fn script(&self, script: Script) {
        self.state.script_next(script);
    }

    /// Answers the next request with a recording; calls queue up.
    pub fn replay(&self, replay: Replay) {
        self.state.replay_next(replay);
    }

    /// Returns the gate of this name. It is closed until it is released.
    pub fn gate(&self, name: &str) -> Gate {
        self.state.gate(name)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
