//! A moment as people and programs write it, in UTC.

/// Year, month, day, hour, minute and second, in the forms that refusals need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    date: (i64, i64, i64),
    time: (i64, i64, i64),
}

impl Moment {
    /// Reads microseconds since the Unix epoch; the next whole second, since what resets within a
    /// second has not yet when it begins.
    pub(super) fn at(us: i64) -> Self {
        let seconds = us.div_euclid(1_000_000) + i64::from(us.rem_euclid(1_000_000) > 0);
        let of_day = seconds.rem_euclid(86_400);
        Self {
            date: date(seconds.div_euclid(86_400)),
            time: (of_day / 3_600, of_day / 60 % 60, of_day % 60),
        }
    }

    /// Writes it as RFC 3339 does: `2026-11-21T08:09:25Z`.
    pub(super) fn rfc3339(self) -> String {
        self.written("T", "Z")
    }

    /// Writes it as `LiteLLM` does: `2026-11-21 08:09:25 UTC`.
    pub(super) fn spoken(self) -> String {
        self.written(" ", " UTC")
    }

    fn written(self, between: &str, after: &str) -> String {
        let (year, month, day) = self.date;
        let (hour, minute, second) = self.time;
        format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{after}")
    }
}

/// Returns the date of a day since the Unix epoch. Years are counted from March here, so that a
/// leap day is the last of its year; 400 of them always have as many days.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + DAYS_FROM_YEAR_0;
    let (era, day) = (day.div_euclid(DAYS_OF_400_YEARS), day.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / (DAYS_OF_400_YEARS - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// From the first of March of the year 0.
const DAYS_FROM_YEAR_0: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_248_565, "2026-11-21T08:09:25Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment::at(seconds * 1_000_000).rfc3339(), expected);
        }
        assert_eq!(Moment::at(1_795_248_564_000_001).spoken(), "2026-11-21 08:09:25 UTC");
    }
}
