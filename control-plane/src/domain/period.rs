//! How often a budget begins anew: `1d`, `7d`, `30d`, `1mo`, `6h`.

use std::fmt;

use time::{Duration, Month, OffsetDateTime};

use crate::domain::Timestamp;

/// A span of time after which a budget begins anew, aligned to the calendar (UTC) as LiteLLM
/// aligns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Period {
    /// Reads a number and a unit. `None` when it is neither, none at all, or longer than ten
    /// years; of months there is only `1mo`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let unit = match unit {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            "d" => Unit::Day,
            "w" => Unit::Week,
            "mo" => Unit::Month,
            _ => return None,
        };
        let period = Self { count: number.parse().ok()?, unit };
        let sound = match unit {
            Unit::Month => period.count == 1,
            Unit::Second | Unit::Minute | Unit::Hour | Unit::Day | Unit::Week => {
                (1..=LONGEST).contains(&period.seconds())
            }
        };
        sound.then_some(period)
    }

    /// Returns how long it is at most, in seconds.
    pub fn seconds(self) -> u64 {
        let unit = match self.unit {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => DAY,
            Unit::Week => 7 * DAY,
            Unit::Month => 31 * DAY,
        };
        u64::from(self.count) * unit
    }

    /// Returns when the window that holds `now` ends: the next multiple of so many seconds,
    /// minutes or hours; midnight for `1d`; Monday for `7d`; the first of a month for `30d` and
    /// `1mo`; today's midnight and so many days for other numbers of days.
    pub fn ends_after(self, now: Timestamp) -> Timestamp {
        let seconds = now.as_micros().div_euclid(1_000_000);
        let end = self.end_from(seconds).unwrap_or_else(|| seconds.saturating_add(MONTH));
        Timestamp::from_micros(end.saturating_mul(1_000_000))
    }

    fn end_from(self, now: i64) -> Option<i64> {
        let length = i64::try_from(self.seconds()).ok()?;
        let days = match self.unit {
            Unit::Second | Unit::Minute | Unit::Hour => {
                return now.div_euclid(length).checked_add(1)?.checked_mul(length);
            }
            Unit::Month => return first_of_next_month(now),
            Unit::Day => self.count,
            Unit::Week => self.count.checked_mul(7)?,
        };
        if days == 30 {
            return first_of_next_month(now);
        }
        let today = OffsetDateTime::from_unix_timestamp(now).ok()?.date();
        let days = match days {
            7 => 7 - u32::from(today.weekday().number_days_from_monday()),
            days => days,
        };
        let day = today.checked_add(Duration::days(days.into()))?;
        Some(day.midnight().assume_utc().unix_timestamp())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
        };
        write!(f, "{}{unit}", self.count)
    }
}

fn first_of_next_month(now: i64) -> Option<i64> {
    let date = OffsetDateTime::from_unix_timestamp(now).ok()?.date();
    let next = date.month().next();
    let year = if next == Month::January { date.year().checked_add(1)? } else { date.year() };
    let first = time::Date::from_calendar_date(year, next, 1).ok()?;
    Some(first.midnight().assume_utc().unix_timestamp())
}

const DAY: u64 = 86_400;
/// Ten years.
const LONGEST: u64 = 3_653 * DAY;
const MONTH: i64 = 31 * 86_400;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn at(moment: OffsetDateTime) -> Timestamp {
        Timestamp::from_micros(moment.unix_timestamp() * 1_000_000)
    }

    #[test]
    fn windows_end_where_litellm_ends_them() {
        // A Saturday.
        let now = at(datetime!(2026-11-21 08:08:24 UTC));
        for (text, end) in [
            ("30s", datetime!(2026-11-21 08:08:30 UTC)),
            ("15m", datetime!(2026-11-21 08:15 UTC)),
            ("2h", datetime!(2026-11-21 10:00 UTC)),
            ("24h", datetime!(2026-11-22 00:00 UTC)),
            ("1d", datetime!(2026-11-22 00:00 UTC)),
            ("7d", datetime!(2026-11-23 00:00 UTC)),
            ("1w", datetime!(2026-11-23 00:00 UTC)),
            ("10d", datetime!(2026-12-01 00:00 UTC)),
            ("30d", datetime!(2026-12-01 00:00 UTC)),
            ("1mo", datetime!(2026-12-01 00:00 UTC)),
        ] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period.ends_after(now), at(end), "{text}");
            assert_eq!(period.to_string(), text);
        }
    }

    #[test]
    fn a_window_that_begins_on_its_border_is_whole() {
        let monday = at(datetime!(2026-11-23 00:00 UTC));
        let december = at(datetime!(2026-12-01 00:00 UTC));
        let end = |text, now| Period::parse(text).unwrap().ends_after(now);

        assert_eq!(end("7d", monday), at(datetime!(2026-11-30 00:00 UTC)));
        assert_eq!(end("1h", monday), at(datetime!(2026-11-23 01:00 UTC)));
        assert_eq!(end("1mo", december), at(datetime!(2027-01-01 00:00 UTC)));
    }

    #[test]
    fn refuses_what_is_no_period() {
        for text in ["", "0d", "d", "1y", "-1d", "2mo", "1.5h", "999999999w", " 1d", "4000d"] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_lies_after_any_moment() {
        for text in ["1s", "59m", "5h", "1d", "3d", "7d", "30d", "1mo", "2w"] {
            let period = Period::parse(text).unwrap();
            for micros in [i64::MIN, -1, 0, 1, 1_795_248_504_551_373, i64::MAX / 2] {
                let now = Timestamp::from_micros(micros);
                assert!(period.ends_after(now) > now, "{text} {micros}");
            }
        }
    }
}
