//! The simulator as a process: the demo provider of `up` and the upstream of the benchmark.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_simulator::{DEMO_MODELS, Settings, Simulator};

/// Serves the OpenAI API with made-up answers.
#[derive(Debug, Parser)]
#[command(name = "tollgate-simulator")]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Key that callers must present; without it everyone is served.
    #[arg(long, env = "TOLLGATE_SIMULATOR_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Model to serve, repeatable; without it the demo models.
    #[arg(long = "model")]
    models: Vec<String>,
    /// Threads that serve.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tollgate-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut runtime = if arguments.workers > 1 {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(arguments.workers);
        runtime
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    runtime.enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let models = if arguments.models.is_empty() {
        DEMO_MODELS.map(str::to_owned).to_vec()
    } else {
        arguments.models
    };
    let settings = Settings {
        listen: arguments.listen,
        api_key: arguments.api_key,
        models,
        // A process may serve millions of requests, and nobody could ask it for them.
        record: false,
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let simulator = Simulator::start(settings).await.context("cannot listen")?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening http://{}", simulator.address())?;
    stdout.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
