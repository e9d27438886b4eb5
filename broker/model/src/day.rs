//! Days: calendar dates without a time of day, as registers say from when until when something holds.
//! Nothing here reads a clock.

use std::{fmt, num::NonZeroU32, sync::LazyLock};

use jiff::tz::TimeZone;
use thiserror::Error;

use crate::time::Timestamp;

/// The time of the United Kingdom since 1996: GMT, and BST from the last Sunday of March to the last
/// of October, each at 01:00 UTC. Written out as a rule, so that no file of the system is read and
/// two machines never differ.
static UNITED_KINGDOM: LazyLock<TimeZone> = LazyLock::new(|| {
    // The rule is right, as the tests show; an hour off for half of the year is less than no day.
    TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0/2").unwrap_or(TimeZone::UTC)
});

/// A calendar date from year 1 to 9999. Four bytes, and none more when it is optional.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NonZeroU32);

/// Why a text is not a day. The text itself is not repeated: it may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not a date, for example 2026-04-01")]
pub struct NotADay;

impl Day {
    /// The first of January of the year 1; no day is before it.
    pub const FIRST: Self = Self(NonZeroU32::MIN.saturating_add(10_100));

    /// The day of a year, month (1 to 12) and day of the month, if there is one.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let year = i16::try_from(year).ok().filter(|year| *year >= 1)?;
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        jiff::civil::Date::new(year, month, day).ok().map(Self::of)
    }

    /// Reads `YYYY-MM-DD` and nothing else.
    pub fn parse(text: &str) -> Result<Self, NotADay> {
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
            return Err(NotADay);
        };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u16, |number, digit| {
                let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'));
                digit.map(|digit| number * 10 + digit).ok_or(NotADay)
            })
        };
        // Two digits fit a byte.
        let two = |digits| number(digits).map(|number| number as u8);
        let (year, month, day) = (number(&[y1, y2, y3, y4])?, two(&[m1, m2])?, two(&[d1, d2])?);
        Self::new(year, month, day).ok_or(NotADay)
    }

    /// The day it is in the United Kingdom at `time`: what the dates of British registers mean.
    pub fn in_uk(time: Timestamp) -> Self {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        Self::of(UNITED_KINGDOM.to_datetime(time).date())
    }

    fn of(date: jiff::civil::Date) -> Self {
        // A date's parts are not negative from year 1 on, which is as early as one is made of.
        let part = |part: i16| u32::from(part.unsigned_abs());
        let number =
            part(date.year()) * 10_000 + part(date.month().into()) * 100 + part(date.day().into());
        Self(NonZeroU32::new(number).unwrap_or(Self::FIRST.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.get();
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Day, NotADay};
    use crate::time::Timestamp;

    #[test]
    fn a_day_is_read_written_and_ordered() {
        for text in ["0001-01-01", "1974-04-01", "2024-02-29", "9999-12-31"] {
            let day = Day::parse(text);
            assert_eq!(day.map(|day| day.to_string()), Ok(text.to_owned()));
        }
        let ordered = ["1999-12-31", "2000-01-01", "2000-01-02", "2000-02-01"];
        let ordered = ordered.map(|text| Day::parse(text).unwrap());
        assert!(ordered.is_sorted());
        assert_eq!(size_of::<Option<Day>>(), 4);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026",
            "2026-4-1",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "20260401",
            "2026-04-01T00",
            "2026/04/01",
            "0000-01-01",
            "-026-04-01",
            "2026-04-0१",
        ] {
            assert_eq!(Day::parse(text), Err(NotADay), "{text:?}");
        }
    }

    #[test]
    fn a_british_day_begins_at_midnight_of_british_time() {
        for (time, day) in [
            ("2026-01-15T23:59:59Z", "2026-01-15"),
            ("2026-01-16T00:00:00Z", "2026-01-16"),
            // Summer begins on 29 March at 01:00 UTC and ends on 25 October at 01:00 UTC.
            ("2026-03-28T23:30:00Z", "2026-03-28"),
            ("2026-03-29T22:59:59Z", "2026-03-29"),
            ("2026-03-29T23:00:00Z", "2026-03-30"),
            ("2026-06-30T23:00:00Z", "2026-07-01"),
            ("2026-10-24T23:00:00Z", "2026-10-25"),
            ("2026-10-25T23:59:59Z", "2026-10-25"),
        ] {
            let time = Timestamp::parse(time).unwrap();
            assert_eq!(Day::in_uk(time).to_string(), day, "{time}");
        }
        let end = Day::in_uk(Timestamp::from_micros(u64::MAX)).to_string();
        assert!(end.starts_with("9999-12-3"), "{end}");
        assert_eq!(Day::in_uk(Timestamp::default()).to_string(), "1970-01-01");
    }
}
