//! The project's tasks: `cargo xtask <task>` builds, runs, tests and measures it.
//!
//! Each task is one module; `main` only reads the command line.
//! Nothing here is part of the product, and the tests read no private part of it:
//! it starts the same programs a user would.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to its terminal")]

mod bench;
mod child;
mod ci;
mod codegen;
mod command;
mod envoy;
mod gateway;
mod http;
mod install;
mod repo;
mod sdk;
mod test;
mod tidy;
mod up;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::repo::Repo;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and measures Tollgate")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the filter as wasm and prints where it is
    Wasm(wasm::Options),
    /// Starts the whole gateway on this machine until Ctrl-C
    Up(up::Options),
    /// Fetches what the tests need and runs all of them
    Test(test::Options),
    /// Measures the gateway beside a bare Envoy
    Bench(bench::Options),
    /// Runs everything CI checks
    Ci,
    /// Rewrites committed generated code: protobuf, tables of tokens
    Codegen,
    /// Checks the rules that no compiler knows
    Tidy,
}

fn main() -> ExitCode {
    let repo = Repo::here();
    let done = match Arguments::parse().task {
        Task::Wasm(options) => wasm::task(&repo, &options),
        Task::Up(options) => up::task(&repo, &options),
        Task::Test(options) => test::task(&repo, &options),
        Task::Bench(options) => bench::task(&repo, &options),
        Task::Ci => ci::task(&repo),
        Task::Codegen => codegen::task(&repo),
        Task::Tidy => tidy::task(&repo),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
