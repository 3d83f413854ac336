//! Moments as some dialects write them.

/// Returns Unix seconds as RFC 3339 in UTC: `2025-02-19T00:00:00Z`.
pub(super) fn rfc3339(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the date of a day counted from 1970-01-01. Years are counted from March, so that the
/// leap day is their last (<https://howardhinnant.github.io/date_algorithms.html>).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Reads RFC 3339 of any zone and precision as Unix seconds.
pub(super) fn unix_seconds(text: &str) -> Option<i64> {
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let months = (month + 9) % 12;
    let years = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * months + 2) / 5 + day - 1;
    let leaps = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = years * 365 + leaps + of_year - 719_468;
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?)
}

/// Reads `Z` or `+02:00` as seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "Z" | "z" => return Some(0),
        "+" => 60,
        "-" => -60,
        _ => return None,
    };
    let hours: i64 = zone.get(1..3)?.parse().ok()?;
    let minutes: i64 = zone.get(4..6)?.parse().ok()?;
    Some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_739_923_200, "2025-02-19T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), expected);
            assert_eq!(unix_seconds(expected), Some(seconds));
        }
    }

    #[test]
    fn reads_zones_and_fractions() {
        let check = |text: &str, expected| assert_eq!(unix_seconds(text), expected, "{text}");
        check("2000-02-29T12:34:56.123456789Z", Some(951_827_696));
        check("2000-02-29T14:34:56.1+02:00", Some(951_827_696));
        check("2000-02-29T07:04:56-05:30", Some(951_827_696));
        check("2000-02-29", None);
        check("2000-02-29T12:34:56", None);
        check("soon, äöü and other things", None);
    }
}
