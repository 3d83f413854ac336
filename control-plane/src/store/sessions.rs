//! People who signed in, and whom an identity provider knows them as.

use async_trait::async_trait;
use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::{Session, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

/// Keeps sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Adds a session. A conflict when something was begun with its login already.
    async fn add_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Looks a session up, one that is over included. `None` when there is none.
    async fn session(&self, token: &KeyHash) -> Result<Option<Session>, StoreError>;

    /// Notes that a session was used.
    async fn see_session(&self, token: &KeyHash, at: Timestamp) -> Result<(), StoreError>;

    /// Ends a session.
    async fn end_session(&self, token: &KeyHash, at: Timestamp) -> Result<(), StoreError>;

    /// Forgets sessions that were over at a time, and returns how many there were.
    async fn sweep_sessions(&self, over_since: Timestamp) -> Result<u64, StoreError>;

    /// Returns the user whom a provider knows by a name. The user may be gone.
    async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<String>, StoreError>;

    /// Notes whom a provider knows by a name. A conflict when it knows somebody by that name, or
    /// the user by another one.
    async fn add_identity(
        &self,
        (issuer, subject): (&str, &str),
        user: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;
}

#[async_trait]
impl<D: Driver> Sessions for SqlStore<D> {
    async fn add_session(&self, session: &Session) -> Result<(), StoreError> {
        let args = vec![
            session.token.to_hex().into(),
            (&session.user).into(),
            session.login.as_str().into(),
            session.created_at.as_micros().into(),
            session.seen_at.as_micros().into(),
            session.ends_at.as_micros().into(),
        ];
        let added = self.write(sql::sessions::INSERT_SESSION, args).await?;
        if added == 0 { Err(StoreError::Conflict { what: "login" }) } else { Ok(()) }
    }

    async fn session(&self, token: &KeyHash) -> Result<Option<Session>, StoreError> {
        let args = vec![token.to_hex().into()];
        let rows = self.driver.read(sql::sessions::SESSION.into_sql_str(), args).await?;
        let Some(row) = rows.first().map(Fields::<D>) else { return Ok(None) };
        Ok(Some(Session {
            token: *token,
            user: row.maybe_text("user_id")?,
            login: row.text("login")?,
            created_at: row.time("created_at_us")?,
            seen_at: row.time("seen_at_us")?,
            ends_at: row.time("ends_at_us")?,
            ended_at: row.maybe_int("ended_at_us")?.map(Timestamp::from_micros),
        }))
    }

    async fn see_session(&self, token: &KeyHash, at: Timestamp) -> Result<(), StoreError> {
        let args = vec![token.to_hex().into(), at.as_micros().into()];
        self.write(sql::sessions::SEE_SESSION, args).await.map(drop)
    }

    async fn end_session(&self, token: &KeyHash, at: Timestamp) -> Result<(), StoreError> {
        let args = vec![token.to_hex().into(), at.as_micros().into()];
        self.write(sql::sessions::END_SESSION, args).await.map(drop)
    }

    async fn sweep_sessions(&self, over_since: Timestamp) -> Result<u64, StoreError> {
        let args = vec![over_since.as_micros().into()];
        Ok(self.write(sql::sessions::FORGET_SESSIONS, args).await? as u64)
    }

    async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<String>, StoreError> {
        let args = vec![issuer.into(), subject.into()];
        let rows = self.driver.read(sql::sessions::IDENTITY.into_sql_str(), args).await?;
        rows.first().map(|row| Fields::<D>(row).text("user_id")).transpose()
    }

    async fn add_identity(
        &self,
        (issuer, subject): (&str, &str),
        user: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let args = vec![issuer.into(), subject.into(), user.into(), at.as_micros().into()];
        let added = self.write(sql::sessions::INSERT_IDENTITY, args).await?;
        if added == 0 { Err(StoreError::Conflict { what: "identity" }) } else { Ok(()) }
    }
}

impl<D: Driver> SqlStore<D> {
    /// Runs one statement that nobody else must hear of, and returns how many rows it answers.
    async fn write(&self, sql: &'static str, args: Vec<Value>) -> Result<usize, StoreError> {
        let mut tx = self.driver.begin().await?;
        let rows = D::run(&mut tx, sql.into_sql_str(), args).await?.len();
        D::commit(tx).await?;
        Ok(rows)
    }
}
