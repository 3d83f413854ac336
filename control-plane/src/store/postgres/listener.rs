//! Hears what other control planes on the database tell.

use std::convert::Infallible;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::store::Newsroom;

/// Listens until dropped. A lost connection is made again, and the newsroom told that something
/// was missed.
pub(super) struct Listener {
    task: AbortHandle,
}

impl Listener {
    /// Begins to listen: nothing that is committed after this returns goes unheard.
    pub(super) async fn start(
        options: PgConnectOptions,
        newsroom: Newsroom,
    ) -> Result<Self, sqlx::Error> {
        let first = connect(&options).await?;
        let task = tokio::spawn(listen(first, options, newsroom));
        Ok(Self { task: task.abort_handle() })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(first: PgListener, options: PgConnectOptions, newsroom: Newsroom) {
    let mut connection = first;
    loop {
        let Err(error) = pass_on(&mut connection, &newsroom).await;
        let error = crate::telemetry::chain(&error);
        tracing::warn!(error, "news of other control planes do not arrive");
        connection = reconnect(&options).await;
        newsroom.missed();
        tracing::info!("news of other control planes arrive again");
    }
}

/// Passes notes on until the connection is lost.
async fn pass_on(
    connection: &mut PgListener,
    newsroom: &Newsroom,
) -> Result<Infallible, sqlx::Error> {
    loop {
        match timeout(QUIET, connection.try_recv()).await {
            Ok(Ok(Some(note))) => newsroom.read(note.payload()),
            Ok(Ok(None)) => return Err(lost()),
            Ok(Err(error)) => return Err(error),
            // A network that swallows packets looks like silence.
            Err(_quiet) => match timeout(ANSWER_WITHIN, connection.execute("SELECT 1")).await {
                Ok(answer) => answer.map(drop)?,
                Err(_silent) => return Err(lost()),
            },
        }
    }
}

async fn reconnect(options: &PgConnectOptions) -> PgListener {
    loop {
        tokio::time::sleep(RETRY).await;
        match connect(options).await {
            Ok(connection) => return connection,
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                tracing::debug!(error, "the database cannot be listened to");
            }
        }
    }
}

/// Connects outside of the pool, where a connection could be closed for its age.
async fn connect(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(ANSWER_WITHIN)
        .connect_with(options.clone())
        .await?;
    let mut connection = PgListener::connect_with(&pool).await?;
    // It must not connect again behind our back: notes between the two would be lost.
    connection.eager_reconnect(false);
    connection.listen(CHANNEL).await?;
    Ok(connection)
}

fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into())
}

/// What control planes on one database talk over.
pub(super) const CHANNEL: &str = "tollgate";
const RETRY: Duration = Duration::from_millis(200);
const QUIET: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
