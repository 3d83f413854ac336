//! Providers of every wire format, in a process of their own.

use crate::logs::Log;
use crate::process::{Launch, Process};
use crate::sdk::{NO_CACHE, folder};
use crate::tools::Tools;

/// The script `stand_in.py`, running: providers of every wire format.
pub struct StandIn {
    port: u16,
    process: Process,
    log: Log,
}

impl StandIn {
    /// Starts it. Its providers want this credential, and have one model.
    pub async fn start(credential: &str, model: &str) -> Self {
        Self::of("stand_in.py", credential, model).await
    }

    /// Starts one that speaks OpenAI's Realtime API alone.
    pub async fn realtime(credential: &str, model: &str) -> Self {
        Self::of("realtime_stand_in.py", credential, model).await
    }

    /// Starts `keeper.py`: a provider that keeps objects, and wants this credential.
    pub async fn keeper(credential: &str) -> Self {
        Self::of("keeper.py", credential, "").await
    }

    async fn of(script: &str, credential: &str, model: &str) -> Self {
        let log = Log::default();
        let script = folder().join("python").join(script);
        let python = Tools::python();
        let launch = Launch {
            name: "stand-in",
            program: &python,
            arguments: vec![script.as_os_str()],
            environment: vec![
                ("CREDENTIAL".to_owned(), credential.to_owned()),
                ("MODEL".to_owned(), model.to_owned()),
                (NO_CACHE.0.to_owned(), NO_CACHE.1.to_owned()),
            ],
            user: None,
        };
        let mut process = Process::start(launch, log.clone()).await;
        let port = process.first_line().await.trim().parse().expect("the stand-in told no port");
        Self { port, process, log }
    }

    /// Returns the base URL of a provider, by where its API begins.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends it, and fails when it has refused a request.
    pub async fn stop(self) {
        self.process.terminate().await;
        let log = self.log.since(0);
        assert!(!log.contains("refused:"), "{log}");
    }
}
