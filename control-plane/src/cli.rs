//! The command line.

mod credentials;
mod database;
mod doctor;
mod export;
mod import;
mod ledger;
mod master_key;
mod objects;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cli::objects::Kind;
use crate::config::{Config, Source};
use crate::prices::PriceList;
use crate::{server, store, telemetry};

/// The control plane of Tollgate, an LLM gateway on Envoy.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the management API, policy for the filters and xDS for Envoy.
    Serve(Files),
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints another gateway's configuration as a file of ours, and what is lost or changes.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Brings the tables of the database up to date and exits.
    Migrate(Files),
    /// Proves that totals are what the ledger says, and repairs them.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Lists, makes, changes and deletes keys.
    Key(objects::Objects),
    /// Lists, makes, changes and deletes users.
    User(objects::Objects),
    /// Lists, makes, changes and deletes teams.
    Team(objects::Objects),
    /// Lists, makes, changes and deletes targets of models.
    Model(objects::Objects),
    /// Lists, makes, changes and deletes accounts of providers.
    Provider(objects::Objects),
    /// Shows who spent how much over some days.
    Spend(objects::Spend),
    /// Looks whether everything is there that serving needs.
    Doctor(doctor::Options),
    /// Copies a database.
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    /// Replaces the key that seals credentials of providers.
    #[command(subcommand)]
    Credentials(credentials::CredentialsCommand),
    /// Makes another key that may do everything.
    #[command(subcommand)]
    MasterKey(master_key::MasterKeyCommand),
    /// Prints what makes an Envoy that runs already the gateway.
    #[command(subcommand)]
    Export(Box<export::ExportCommand>),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Checks the configuration and everything it refers to.
    Check(Files),
    /// Prints the JSON Schema of the file, for editors.
    Schema,
}

#[derive(Debug, Args)]
struct Files {
    /// The configuration file (YAML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the database and the control socket are, unless the configuration says otherwise.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

/// Runs the command that `args` names. The exit code is 64 for a wrong command line, 78 for a
/// configuration that cannot be used and 1 for everything else that failed (`sysexits.h`).
pub fn main(
    args: impl IntoIterator<Item = std::ffi::OsString>,
    env: BTreeMap<String, String>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are such errors, too; they go to standard output.
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    telemetry::start();
    match cli.command {
        Command::Serve(files) => with_config(files, env, serve),
        Command::Migrate(files) => with_config(files, env, |_, config, _| async move {
            store::open(&config.database_url).await?.close().await;
            tracing::info!("the database is up to date");
            Ok(())
        }),
        Command::Credentials(command) => credentials::run(command, env),
        Command::Database(command) => database::run(command, &env),
        Command::Doctor(options) => doctor::run(options, env),
        Command::Ledger(command) => ledger::run(command, env),
        Command::Import(command) => import::run(command, &env),
        Command::MasterKey(command) => master_key::run(command, env),
        Command::Key(command) => objects::run(&Kind::KEY, command, &env),
        Command::User(command) => objects::run(&Kind::USER, command, &env),
        Command::Team(command) => objects::run(&Kind::TEAM, command, &env),
        Command::Model(command) => objects::run(&Kind::MODEL, command, &env),
        Command::Provider(command) => objects::run(&Kind::PROVIDER, command, &env),
        Command::Spend(command) => objects::spend(&command, &env),
        Command::Export(command) => export::run(*command, env),
        Command::Config(ConfigCommand::Schema) => print_schema(),
        Command::Config(ConfigCommand::Check(files)) => {
            with_config(files, env, |source, config, _| async move {
                tracing::info!(
                    file = %source.file.display(),
                    providers = config.providers.len(),
                    models = config.models.len(),
                    "the configuration is valid"
                );
                Ok(())
            })
        }
    }
}

fn print_schema() -> ExitCode {
    match writeln!(std::io::stdout(), "{:#}", crate::config::schema()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(source: Source, config: Config, prices: PriceList) -> anyhow::Result<()> {
    let shutdown = stop_signal()?;
    Box::pin(server::run(source, config, prices, shutdown)).await
}

/// Waits for SIGTERM or SIGINT; both are caught from now on.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn with_config<F: Future<Output = anyhow::Result<()>>>(
    files: Files,
    env: BTreeMap<String, String>,
    command: impl FnOnce(Source, Config, PriceList) -> F,
) -> ExitCode {
    let source = Source { file: files.config, data_dir: files.data, env };
    let loaded = PriceList::built_in().map_err(|error| error.to_string()).and_then(|prices| {
        match source.load(&prices) {
            Ok(loaded) => {
                loaded.log_notes();
                Ok((loaded.config, prices))
            }
            Err(error) => Err(error.to_string()),
        }
    });
    let (config, prices) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain(&format!("cannot use {}:\n{problems}", source.file.display()));
            return ExitCode::from(CONFIG);
        }
    };
    match on_runtime(command(source, config, prices)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}

fn complain(message: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(std::io::stderr(), "tollgate: {message}");
}

/// `EX_USAGE`.
const USAGE: u8 = 64;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;
