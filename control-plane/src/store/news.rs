//! News: what others must hear of once a change is committed.
//!
//! The store tells it with the transaction that makes it true: on PostgreSQL by `NOTIFY`, so that
//! every control plane on the database hears of it when, and only when, the change is committed;
//! in its own process without that detour. Whoever caches what a store knows follows a [`Feed`]
//! and drops what it cached when it [`Heard::Missed`] something.

mod wire;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tollgate_core::key::KeyHash;

use crate::domain::HealthMark;

/// Something that others must hear of.
///
/// A new kind needs a variant here and one in [`Wire`]. Control planes of an older version ignore
/// kinds they do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A key was made, changed, spent or deleted: what is known about it is out of date.
    KeyChanged {
        /// The key.
        hash: KeyHash,
        /// Revision of the change.
        revision: u64,
    },
    /// More keys were changed than can be named.
    KeysChanged {
        /// Revision of the change.
        revision: u64,
    },
    /// A customer was made, changed or deleted.
    CustomerChanged {
        /// Its id.
        customer: String,
        /// Revision of the change.
        revision: u64,
    },
    /// Limits that every filter is told of changed.
    SharedChanged {
        /// Revision of the change.
        revision: u64,
    },
    /// What the management API adds to the configuration changed.
    ItemsChanged {
        /// Revision of the change.
        revision: u64,
    },
    /// Accounts went out of rotation or came back.
    HealthChanged {
        /// What is said of them now.
        marks: Vec<HealthMark>,
    },
    /// Units of meters are wanted back, or came back.
    MetersMoved {
        /// Meters of which others need units: holders are to report, and to keep nothing idle.
        recalled: Vec<u64>,
        /// Meters of which units came back: who waits may ask again.
        returned: Vec<u64>,
    },
}

/// Says of keys that one change made them out of date.
pub(super) fn changes_of(keys: &[KeyHash], revision: u64) -> Vec<News> {
    keys.iter().map(|hash| News::KeyChanged { hash: *hash, revision }).collect()
}

/// Says how units of meters moved, in notes that are not too long for PostgreSQL.
pub(super) fn moves_of(recalled: &[u64], returned: &[u64]) -> Vec<News> {
    let recalled = recalled
        .chunks(METERS_IN_A_NOTE)
        .map(|meters| News::MetersMoved { recalled: meters.to_vec(), returned: Vec::new() });
    let returned = returned
        .chunks(METERS_IN_A_NOTE)
        .map(|meters| News::MetersMoved { recalled: Vec::new(), returned: meters.to_vec() });
    recalled.chain(returned).collect()
}

/// Says of accounts that they went out of rotation or came back.
pub(super) fn health_of(marks: &[HealthMark]) -> Vec<News> {
    let notes = marks.chunks(MARKS_IN_A_NOTE);
    notes.map(|marks| News::HealthChanged { marks: marks.to_vec() }).collect()
}

/// What comes out of a [`Feed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// News, in the order they were committed for any one subject.
    News(News),
    /// Some news may have been lost: whatever was cached is to be read again.
    Missed,
}

/// Passes news on within a process.
#[derive(Debug, Clone)]
pub struct Newsroom {
    heard: broadcast::Sender<Heard>,
    /// Tells our own notes from those of other control planes.
    name: Arc<str>,
}

impl Default for Newsroom {
    fn default() -> Self {
        let name = format!("{:016x}", rand::random::<u64>()).into();
        Self { heard: broadcast::Sender::new(NEWS_KEPT), name }
    }
}

impl Newsroom {
    /// Follows the news from now on.
    pub fn feed(&self) -> Feed {
        Feed(self.heard.subscribe())
    }

    /// Passes on what is committed, in this process alone.
    pub fn tell(&self, news: &[News]) {
        for news in news {
            // An error says that nobody listens.
            let _ = self.heard.send(Heard::News(news.clone()));
        }
    }

    /// Says that news from elsewhere may have been lost.
    pub fn missed(&self) {
        let _ = self.heard.send(Heard::Missed);
    }

    /// Writes a note for other control planes.
    pub(super) fn write(&self, news: &News) -> String {
        let note = Note { from: (&*self.name).into(), news: news.into() };
        serde_json::json!(note).to_string()
    }

    /// Passes on a note of another control plane. Our own have been told already.
    pub(super) fn read(&self, note: &str) {
        let news = match serde_json::from_str::<Note<'_>>(note) {
            Ok(note) if note.from == *self.name => return,
            Ok(note) => note.news.parse(),
            Err(error) => {
                tracing::debug!(%error, "a note of a newer control plane was not understood");
                return;
            }
        };
        if let Some(news) = news {
            self.tell(&[news]);
        }
    }
}

/// One listener's view of the news.
#[derive(Debug)]
pub struct Feed(broadcast::Receiver<Heard>);

impl Feed {
    /// Waits for the next news. Dropping the future loses none.
    pub async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(heard) => heard,
            Err(RecvError::Lagged(_)) => Heard::Missed,
            // Nobody is left who could tell anything.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A note as it goes over the database's channel.
#[derive(Serialize, Deserialize)]
struct Note<'a> {
    from: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    news: Wire,
}

/// [`News`] in a note.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    KeyChanged { hash: String, revision: u64 },
    KeysChanged { revision: u64 },
    CustomerChanged { customer: String, revision: u64 },
    SharedChanged { revision: u64 },
    ItemsChanged { revision: u64 },
    HealthChanged { marks: Vec<wire::Mark> },
    MetersMoved { recalled: Vec<u64>, returned: Vec<u64> },
}

impl From<&News> for Wire {
    fn from(news: &News) -> Self {
        match news {
            News::KeyChanged { hash, revision } => {
                Self::KeyChanged { hash: hash.to_hex(), revision: *revision }
            }
            News::KeysChanged { revision } => Self::KeysChanged { revision: *revision },
            News::CustomerChanged { customer, revision } => {
                Self::CustomerChanged { customer: customer.clone(), revision: *revision }
            }
            News::SharedChanged { revision } => Self::SharedChanged { revision: *revision },
            News::ItemsChanged { revision } => Self::ItemsChanged { revision: *revision },
            News::HealthChanged { marks } => {
                Self::HealthChanged { marks: marks.iter().map(wire::Mark::from).collect() }
            }
            News::MetersMoved { recalled, returned } => {
                Self::MetersMoved { recalled: recalled.clone(), returned: returned.clone() }
            }
        }
    }
}

impl Wire {
    fn parse(self) -> Option<News> {
        match self {
            Self::KeyChanged { hash, revision } => {
                Some(News::KeyChanged { hash: KeyHash::from_hex(&hash)?, revision })
            }
            Self::KeysChanged { revision } => Some(News::KeysChanged { revision }),
            Self::CustomerChanged { customer, revision } => {
                Some(News::CustomerChanged { customer, revision })
            }
            Self::SharedChanged { revision } => Some(News::SharedChanged { revision }),
            Self::ItemsChanged { revision } => Some(News::ItemsChanged { revision }),
            Self::HealthChanged { marks } => {
                let marks = marks.into_iter().map(wire::Mark::parse).collect();
                Some(News::HealthChanged { marks })
            }
            Self::MetersMoved { recalled, returned } => {
                Some(News::MetersMoved { recalled, returned })
            }
        }
    }
}

/// A listener that is further behind than this has missed something.
const NEWS_KEPT: usize = 4096;
/// A note of `PostgreSQL` has less than 8000 bytes, and an id up to 20 digits.
const METERS_IN_A_NOTE: usize = 300;
/// Names are of at most 256 bytes each, which may double when they are written.
const MARKS_IN_A_NOTE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{HealthState, Marked, Timestamp};

    #[tokio::test]
    async fn notes_of_others_are_passed_on_and_our_own_are_not() {
        let (ours, other) = (Newsroom::default(), Newsroom::default());
        let mut feed = ours.feed();

        ours.read(&ours.write(&news()));
        ours.read(r#"{"from":"x","something_newer":{"id":1}}"#);
        ours.read("no note");
        ours.read(&other.write(&news()));
        ours.missed();

        assert_eq!((feed.next().await, feed.next().await), (Heard::News(news()), Heard::Missed));
    }

    #[tokio::test]
    async fn every_kind_of_news_is_the_same_after_a_note() {
        let (ours, other) = (Newsroom::default(), Newsroom::default());
        let of = Marked { provider: "p".into(), account: "a\"".into(), model: "m/ü".into() };
        let mark = HealthMark {
            state: HealthState::Refused,
            level: 3,
            reason: "credential_refused".into(),
            ..HealthMark::fit(of, Timestamp::from_micros(7))
        };
        let all = [
            news(),
            News::KeysChanged { revision: 1 },
            News::CustomerChanged { customer: "c".into(), revision: 2 },
            News::SharedChanged { revision: 3 },
            News::ItemsChanged { revision: 4 },
            News::HealthChanged { marks: vec![mark] },
            News::MetersMoved { recalled: vec![1], returned: vec![2, 3] },
        ];
        let mut feed = ours.feed();

        for news in &all {
            ours.read(&other.write(news));
        }

        for news in all {
            assert_eq!(feed.next().await, Heard::News(news));
        }
    }

    #[test]
    fn the_longest_note_about_health_fits() {
        let long = || "\"".repeat(256);
        let of = || Marked { provider: long(), account: long(), model: long() };
        let reason = "x".repeat(64);
        let mark = || HealthMark {
            reason: reason.clone(),
            level: u32::MAX,
            ..HealthMark::fit(of(), Timestamp::from_micros(i64::MAX))
        };
        let marks: Vec<HealthMark> = (0..MARKS_IN_A_NOTE).map(|_| mark()).collect();

        let note = Newsroom::default().write(&News::HealthChanged { marks });

        assert!(note.len() < 8_000, "{}", note.len());
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_has_missed_something() {
        let newsroom = Newsroom::default();
        let mut feed = newsroom.feed();

        newsroom.tell(&vec![news(); NEWS_KEPT + 1]);

        assert_eq!(feed.next().await, Heard::Missed);
        assert_eq!(feed.next().await, Heard::News(news()));
    }

    fn news() -> News {
        News::KeyChanged { hash: KeyHash::of(b"sk-1"), revision: 3 }
    }
}
