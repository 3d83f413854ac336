//! `tollgate key|user|team|model|provider …` and `tollgate spend`: the management API from a
//! shell.

mod client;
mod fields;
mod kind;
mod spend;
mod table;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::{complain, on_runtime};
use client::{Client, Failure};
pub(super) use kind::Kind;
pub(super) use spend::Spend;

/// What is done with objects of a kind.
#[derive(Debug, Args)]
pub(super) struct Objects {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Shows all.
    List,
    /// Shows one.
    Show {
        /// Its id; of a key its hash or its alias.
        id: String,
    },
    /// Makes one.
    New {
        /// Its fields as the API calls them, such as `max_budget=5` or `models=[gpt-4o]`. What
        /// begins with `env:` is taken out of a variable; `a.b=1` is a field of a field.
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Changes fields of one.
    Update {
        /// Its id; of a key its hash or its alias.
        id: String,
        /// What changes, as with `new`.
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<String>,
    },
    /// Deletes some.
    Delete {
        /// Their ids; of keys their hashes or aliases.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Lets it serve no request.
    Block {
        /// Its id; of a key its hash or its alias.
        id: String,
    },
    /// Lets it serve requests again.
    Unblock {
        /// Its id; of a key its hash or its alias.
        id: String,
    },
}

/// Where the management API is, and how answers are shown.
#[derive(Debug, Args)]
struct Reach {
    /// Where the management API is; also in `TOLLGATE_URL`. Without both:
    /// <http://127.0.0.1:4000>.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// The variable that holds the key; a key never stands on a command line.
    #[arg(long, value_name = "NAME", default_value = "TOLLGATE_MASTER_KEY", global = true)]
    key_env: String,
    /// Shows the API's own answer.
    #[arg(long, global = true)]
    json: bool,
}

/// Does what `objects` asks with objects of a kind.
pub(super) fn run(kind: &Kind, objects: Objects, env: &BTreeMap<String, String>) -> ExitCode {
    let Objects { verb, reach } = objects;
    finish(on_runtime(async {
        let client = Client::new(reach.url, &reach.key_env, env)?;
        let answer = perform(kind, verb, &client, env).await?;
        print(&if reach.json { answer.whole } else { answer.shown(kind) }, reach.json)
    }))
}

/// Shows what was spent.
pub(super) fn spend(spend: &Spend, env: &BTreeMap<String, String>) -> ExitCode {
    finish(on_runtime(async {
        let Reach { url, key_env, json } = &spend.reach;
        let client = Client::new(url.clone(), key_env, env)?;
        let rows = spend.ask(&client).await?;
        print(&if *json { Value::Array(rows) } else { spend.shown(&rows).into() }, *json)
    }))
}

/// An answer, and how it is shown.
struct Answer {
    whole: Value,
    view: View,
}

enum View {
    List,
    One,
    Done(String),
}

impl Answer {
    fn shown(&self, kind: &Kind) -> Value {
        let text = match &self.view {
            View::List => {
                let rows = self.whole.as_array().map(Vec::as_slice).unwrap_or_default();
                table::of_rows(kind.columns, rows)
            }
            View::One => table::of_fields(&self.whole),
            View::Done(message) => message.clone(),
        };
        text.into()
    }
}

async fn perform(
    kind: &Kind,
    verb: Verb,
    client: &Client,
    env: &BTreeMap<String, String>,
) -> Result<Answer, Failure> {
    let read = |written: &[String]| fields::read(written, env).map_err(Failure::usage);
    let answer = match verb {
        Verb::List => Answer { whole: kind.list(client).await?.into(), view: View::List },
        Verb::Show { id } => {
            let id = kind.id(client, &id).await?;
            let whole = client.ask(Method::GET, &kind.show(&id), None).await?;
            let whole = kind.found(&whole, kind.shown_at)?;
            Answer { whole, view: View::One }
        }
        Verb::New { fields } => {
            let whole = client.ask(Method::POST, kind.new, Some(read(&fields)?)).await?;
            let whole = kind.found(&whole, kind.made_at)?;
            Answer { whole, view: View::One }
        }
        Verb::Update { id, fields } => {
            let mut body = read(&fields)?;
            let id = kind.id(client, &id).await?;
            let (method, path) = kind.update(&id, &mut body);
            let whole = client.ask(method, &path, Some(body)).await?;
            Answer { whole, view: View::Done(format!("{} {id} is updated", kind.name)) }
        }
        Verb::Delete { ids } => {
            let mut gone = Vec::new();
            for id in ids {
                let id = kind.id(client, &id).await?;
                let (method, path, body) = kind.delete(&id);
                client.ask(method, &path, body).await?;
                gone.push(id);
            }
            let view = View::Done(format!("deleted: {}", gone.join(", ")));
            Answer { whole: json!({ "deleted": gone }), view }
        }
        Verb::Block { id } => blocked(kind, client, &id, true).await?,
        Verb::Unblock { id } => blocked(kind, client, &id, false).await?,
    };
    Ok(answer)
}

async fn blocked(kind: &Kind, client: &Client, id: &str, block: bool) -> Result<Answer, Failure> {
    // Before anything is asked.
    kind.block("", block).ok_or_else(|| Failure::usage(kind.unblockable()))?;
    let id = kind.id(client, id).await?;
    let (method, path, body) =
        kind.block(&id, block).ok_or_else(|| Failure::usage(kind.unblockable()))?;
    let whole = client.ask(method, &path, Some(body)).await?;
    let done = if block { "is blocked" } else { "is blocked no more" };
    Ok(Answer { whole, view: View::Done(format!("{} {id} {done}", kind.name)) })
}

fn print(value: &Value, json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = match value.as_str().filter(|_| !json) {
        Some(text) => writeln!(out, "{text}"),
        None => writeln!(out, "{value:#}"),
    };
    written.map_err(|error| Failure::usage(format!("cannot write to standard output: {error}")))
}

fn finish(done: std::io::Result<Result<(), Failure>>) -> ExitCode {
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Failure { code, message })) => {
            complain(&message);
            ExitCode::from(code)
        }
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}
