//! People who signed in: their sessions, and what they may do with one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_core::key::KeyHash;

use crate::domain::{Role, Scope, Secret, Session, Standing, Timestamp};
use crate::service::{Service, ServiceError};

/// Somebody who signed in, as they are now.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// Their session.
    pub session: Session,
    /// Who they are to everybody else.
    pub standing: Standing,
    /// Where they can be written to.
    pub email: Option<String>,
}

impl Service {
    /// Begins a session and returns its token, which is shown this once. `login` is what it is
    /// begun with: a conflict when something was begun with it before.
    pub async fn begin_session(
        &self,
        user: Option<String>,
        login: String,
        longest: Duration,
    ) -> Result<Secret, ServiceError> {
        let token = Secret::new(self.random_text());
        let now = self.now();
        let longest = i64::try_from(longest.as_micros()).unwrap_or(i64::MAX);
        let session = Session {
            token: KeyHash::of(token.expose().as_bytes()),
            user,
            login,
            created_at: now,
            seen_at: now,
            ends_at: now.plus_micros(longest),
            ended_at: None,
        };
        self.store.add_session(&session).await?;
        Ok(token)
    }

    /// Finds out who signed in, by the hash of a session's token. `None`: nobody, or no longer;
    /// or who did is gone or blocked.
    pub async fn signed_in(
        &self,
        token: &KeyHash,
        idle: Duration,
    ) -> Result<Option<SignedIn>, ServiceError> {
        let now = self.now();
        let Some(mut session) = self.store.session(token).await? else { return Ok(None) };
        if !session.holds(now, idle) {
            return Ok(None);
        }
        let mut email = None;
        let standing = match &session.user {
            None => Standing { role: Some(Role::ProxyAdmin), ..Standing::default() },
            Some(id) => {
                let user = self.store.entity(Scope::User, id).await?;
                // Somebody else may have got the id of a user who is gone.
                let same = user.filter(|user| user.stamps.created_at <= session.created_at);
                let Some(user) = same.filter(|user| user.blocked != Some(true)) else {
                    return Ok(None);
                };
                email = user.email;
                self.standing(&session.key()).await?
            }
        };
        if session.is_worth_noting(now, idle) {
            self.store.see_session(token, now).await?;
            session.seen_at = now;
        }
        Ok(Some(SignedIn { session, standing, email }))
    }

    /// Ends a session.
    pub async fn end_session(&self, token: &KeyHash) -> Result<(), ServiceError> {
        Ok(self.store.end_session(token, self.now()).await?)
    }

    /// Forgets sessions that were over a while ago, and returns how many there were.
    pub async fn sweep_sessions(&self) -> Result<u64, ServiceError> {
        // What a session was begun with begins no other while anybody could still try.
        let before = self.now().as_micros() - AFTER_THE_END;
        Ok(self.store.sweep_sessions(Timestamp::from_micros(before)).await?)
    }

    /// Seals what a browser is to keep for us, and nobody else is to read.
    pub fn seal(&self, secret: &Secret, what_for: &str) -> Result<String, ServiceError> {
        let sealed = self.vault.seal(secret, what_for, self.entropy.as_ref());
        sealed.map_err(|error| ServiceError::invalid("key", error.to_string()))
    }

    /// Opens what a browser has kept. `None`: it was not sealed for this.
    pub fn unseal(&self, sealed: &str, what_for: &str) -> Option<Secret> {
        self.vault.unseal(sealed, what_for).ok()
    }

    /// Returns text that nobody guesses.
    pub fn random_text(&self) -> String {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// An hour.
const AFTER_THE_END: i64 = 3_600 * 1_000_000;
