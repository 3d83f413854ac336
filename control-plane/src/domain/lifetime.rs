//! How long a key lives: `30s`, `5m`, `2h`, `7d`, `2w`, `1mo`.

use time::{Duration, Month, OffsetDateTime};

use crate::domain::Timestamp;

/// A span of time as people write it. A month is a calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// So many seconds.
    Seconds(u32),
    /// So many calendar months.
    Months(u32),
}

impl Lifetime {
    /// Reads a number and a unit. `None` when it is neither, or longer than a thousand years.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u32 = number.parse().ok()?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            "mo" => return (number <= 12_000).then_some(Self::Months(number)),
            _ => return None,
        };
        number.checked_mul(seconds).map(Self::Seconds)
    }

    /// Returns the moment that lies this long after `now`. `None` when there is none.
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => now
                .as_micros()
                .checked_add(i64::from(seconds) * 1_000_000)
                .map(Timestamp::from_micros),
            Self::Months(months) => months_after(now, months),
        }
    }
}

/// The same day and time so many months later; the last day of a month that is too short.
fn months_after(now: Timestamp, months: u32) -> Option<Timestamp> {
    let micros = now.as_micros();
    let start = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok()?;
    let month = i64::from(u8::from(start.month())) - 1 + i64::from(months);
    let year = start.year().checked_add(i32::try_from(month / 12).ok()?)?;
    let month = Month::try_from(u8::try_from(month % 12 + 1).ok()?).ok()?;
    let day = start.day().min(month.length(year));
    let date = time::Date::from_calendar_date(year, month, day).ok()?;
    let end = start.replace_date(date) + Duration::microseconds(micros.rem_euclid(1_000_000));
    i64::try_from(end.unix_timestamp_nanos() / 1000).ok().map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, lifetime) in [
            ("30s", Lifetime::Seconds(30)),
            ("5m", Lifetime::Seconds(300)),
            ("2h", Lifetime::Seconds(7_200)),
            ("7d", Lifetime::Seconds(604_800)),
            ("2w", Lifetime::Seconds(1_209_600)),
            ("1mo", Lifetime::Months(1)),
        ] {
            assert_eq!(Lifetime::parse(text), Some(lifetime), "{text}");
        }
        for text in ["", "d", "7", "7 d", "-1d", "1.5h", "1y", "99999999999s", "4294967295w"] {
            assert_eq!(Lifetime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_month_ends_on_the_last_day_of_a_short_one() {
        // 2026-01-31T00:00:00.000001Z
        let now = Timestamp::from_micros(1_769_817_600_000_001);

        let end = Lifetime::Months(1).after(now);

        // 2026-02-28T00:00:00.000001Z
        assert_eq!(end, Some(Timestamp::from_micros(1_772_236_800_000_001)));
    }

    proptest! {
        #[test]
        fn any_text_and_time_is_survived(text in "[0-9]{0,11}(s|m|h|d|w|mo|.{0,3})", now: i64) {
            let end = Lifetime::parse(&text).and_then(|it| it.after(Timestamp::from_micros(now)));
            if let Some(end) = end {
                prop_assert!(end.as_micros() >= now);
            }
        }
    }
}
