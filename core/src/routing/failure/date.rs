//! Dates as HTTP writes them (<https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats>).

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS_OF_400_YEARS: i64 = 146_097;
/// From the first of March of the year 0 to the Unix epoch.
const DAYS_FROM_YEAR_0: i64 = 719_468;

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is still written, as microseconds
/// since the Unix epoch.
pub(super) fn http(value: &[u8]) -> Option<i64> {
    let mut words = std::str::from_utf8(value).ok()?.split_ascii_whitespace().skip(1);
    let day: i64 = number(words.next()?, 31)?;
    let name = words.next()?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let year = number(words.next()?, 9_999)?;
    let mut time = words.next()?.split(':');
    let (hour, minute) = (number(time.next()?, 23)?, number(time.next()?, 59)?);
    // 60: a leap second.
    let second = number(time.next()?, 60)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    (words.next() == Some("GMT")).then_some(seconds * 1_000_000)
}

fn number(text: &str, most: i64) -> Option<i64> {
    text.parse().ok().filter(|number| (0..=most).contains(number))
}

/// Returns the day since the Unix epoch. Years are counted from March here, so that a leap day is
/// the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let of_era = year * 365 + year / 4 - year / 100 + of_year;
    era * DAYS_OF_400_YEARS + of_era - DAYS_FROM_YEAR_0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Sat, 21 Nov 2026 08:09:25 GMT", 1_795_248_565),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(http(text.as_bytes()), Some(seconds * 1_000_000), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "20",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(http(text.as_bytes()), None, "{text}");
        }
    }
}
