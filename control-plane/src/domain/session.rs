//! People who signed in, and for how long that holds.

use std::time::Duration;

use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Limits, Timestamp};

/// Somebody who signed in, known by the hash of a token that their browser keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token.
    pub token: KeyHash,
    /// Who signed in. `None`: the administrator, with a password.
    pub user: Option<String>,
    /// What it was begun with. Nothing begins two sessions.
    pub login: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, give or take a while.
    pub seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
    /// When it was ended before that.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Tells whether it holds at `now`, where one that nobody used for `idle` does not.
    pub fn holds(&self, now: Timestamp, idle: Duration) -> bool {
        self.ended_at.is_none() && now < self.ends_at && now < self.idle_end(idle)
    }

    /// Returns when it ends if nobody uses it any more.
    pub fn end(&self, idle: Duration) -> Timestamp {
        self.ends_at.min(self.idle_end(idle))
    }

    /// Tells whether it is worth writing down that it is used: writing so each time would make
    /// every look at something a change.
    pub fn is_worth_noting(&self, now: Timestamp, idle: Duration) -> bool {
        now >= self.seen_at.plus_micros(micros(idle / NOTES_IN_IDLE))
    }

    /// Returns the key that somebody who signed in asks with: one of theirs that is in no list.
    pub fn key(&self) -> ApiKey {
        ApiKey {
            hash: self.token,
            name: NAME.to_owned(),
            alias: None,
            user_id: self.user.clone(),
            team_id: None,
            models: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            metadata: serde_json::Map::new(),
            tags: Vec::new(),
            expires_at: Some(self.ends_at),
            allowed_routes: Vec::new(),
            organization_id: None,
            budget_id: None,
            limits: Limits::default(),
            spend: tollgate_core::money::NanoDollars::ZERO,
            budget: None,
            blocked: None,
            created_at: self.created_at,
            created_by: NAME.to_owned(),
            updated_at: self.created_at,
            updated_by: NAME.to_owned(),
            last_active: None,
            first_hash: None,
            renewals: 0,
            renewed_at: None,
        }
    }

    fn idle_end(&self, idle: Duration) -> Timestamp {
        self.seen_at.plus_micros(micros(idle))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

const NAME: &str = "session";
/// So often a session that is used all the time is written down as used, in the time in which it
/// would end.
const NOTES_IN_IDLE: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            token: KeyHash::of(b"t"),
            user: Some("u".into()),
            login: "l".into(),
            created_at: at(0),
            seen_at: at(10),
            ends_at: at(100),
            ended_at: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    // proves: config.sign_in.{session_idle_minutes,session_max_hours}
    #[test]
    fn holds_until_it_is_idle_over_or_ended() {
        let idle = Duration::from_secs(30);
        let holds = |session: &Session, now| session.holds(at(now), idle);

        assert!(holds(&session(), 39) && !holds(&session(), 40));
        let used = Session { seen_at: at(99), ..session() };
        assert!(holds(&used, 99) && !holds(&used, 100));
        assert_eq!((session().end(idle), used.end(idle)), (at(40), at(100)));
        assert!(!holds(&Session { ended_at: Some(at(20)), ..session() }, 21));
        assert!(holds(&session(), 5), "another control plane's clock may be ahead");
    }

    #[test]
    fn is_noted_as_used_a_few_times() {
        let idle = Duration::from_secs(30);

        assert!(!session().is_worth_noting(at(12), idle));
        assert!(session().is_worth_noting(at(13), idle));
    }
}
