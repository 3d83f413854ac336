//! Accounts that are out of rotation.

use crate::domain::{HealthMark, HealthState, Marked};
use crate::service::{Service, ServiceError};

impl Service {
    /// Keeps what a filter learned, and tells all filters what is new of it.
    pub async fn report_health(&self, marks: Vec<HealthMark>) -> Result<(), ServiceError> {
        let now = self.now();
        let marks: Vec<HealthMark> = marks
            .into_iter()
            .filter(|mark| is_sound(&mark.of))
            .map(|mark| HealthMark {
                until: mark.until.min(now.plus_micros(LONGEST_US)),
                reason: one_word(&mark.reason),
                since: now,
                ..mark
            })
            // What is over already is not out; that it is back is said by its own state.
            .filter(|mark| mark.state == HealthState::Fit || mark.until > now)
            .take(MOST_MARKS)
            .collect();
        if !marks.is_empty() {
            self.store.mark_health(&marks, now).await?;
        }
        Ok(())
    }

    /// Returns what is out of rotation now.
    pub async fn health(&self) -> Result<Vec<HealthMark>, ServiceError> {
        Ok(self.store.health(self.now()).await?)
    }

    /// Brings accounts back into rotation, and returns those that were out.
    pub async fn reset_health(
        &self,
        chosen: impl Fn(&Marked) -> bool,
    ) -> Result<Vec<HealthMark>, ServiceError> {
        let now = self.now();
        let out = self.health().await?.into_iter().filter(|mark| chosen(&mark.of));
        let fit: Vec<HealthMark> = out.map(|mark| HealthMark::fit(mark.of, now)).collect();
        if fit.is_empty() {
            return Ok(fit);
        }
        Ok(self.store.mark_health(&fit, now).await?)
    }
}

/// Tells whether a mark can be about something that is configured: names come from filters, and
/// go to all of them.
fn is_sound(of: &Marked) -> bool {
    let short = |text: &str| text.len() <= MOST_BYTES && !text.chars().any(char::is_control);
    !of.provider.is_empty() && short(&of.provider) && short(&of.account) && short(&of.model)
}

fn one_word(reason: &str) -> String {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let sound = !reason.is_empty() && reason.len() <= 64 && reason.chars().all(plain);
    if sound { reason.to_owned() } else { "unknown".to_owned() }
}

const MOST_BYTES: usize = 256;
const MOST_MARKS: usize = 1_000;
const LONGEST_US: i64 = 86_400 * 1_000_000;
