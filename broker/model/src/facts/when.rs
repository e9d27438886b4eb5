//! FHIR dates and times: a year, a month, a day, or a moment with its time zone.

use thiserror::Error;

use crate::time::Timestamp;

/// A FHIR `dateTime` or `instant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A moment, with a time zone.
    Moment(Timestamp),
    /// A whole day, month or year: it starts here, at midnight UTC.
    Span(Timestamp),
}

/// Why a text is not a FHIR dateTime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotATime {
    /// It has a time of day but no time zone.
    #[error("it has a time but no time zone")]
    NoZone,
    /// It is not a date or a time at all.
    #[error("it is not a date or a time")]
    Shape,
}

impl When {
    /// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ss[.fff](Z|±hh:mm)`. What is
    /// before 1970 counts as 1970.
    pub fn parse(text: &str) -> Result<Self, NotATime> {
        let Some((_, time)) = text.split_once('T') else {
            let day = match text.len() {
                4 => format!("{text}-01-01"),
                7 => format!("{text}-01"),
                10 => text.to_owned(),
                _ => return Err(NotATime::Shape),
            };
            let date: jiff::civil::Date = day.parse().map_err(|_| NotATime::Shape)?;
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC);
            return midnight
                .map(|zoned| Self::Span(timestamp(zoned.timestamp())))
                .map_err(|_| NotATime::Shape);
        };
        if !time.contains(['Z', '+', '-']) {
            return Err(NotATime::NoZone);
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotATime::Shape)?;
        Ok(Self::Moment(timestamp(moment)))
    }

    /// The moment, or the start of the span.
    pub const fn start(self) -> Timestamp {
        match self {
            Self::Moment(at) | Self::Span(at) => at,
        }
    }
}

fn timestamp(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(u64::try_from(moment.as_microsecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{NotATime, When};

    #[test]
    fn dates_and_moments_are_read() {
        let moment = When::parse("2018-07-12T10:30:16+01:00").map(When::start);
        let day = When::parse("2018-07-12").map(When::start);
        assert_eq!(
            moment.map(|at| at.to_string()),
            Ok("2018-07-12T09:30:16.000Z".to_owned())
        );
        assert_eq!(day, When::parse("2018-07-12T00:00:00Z").map(When::start));
        assert!(When::parse("2018").is_ok() && When::parse("2018-07").is_ok());
    }

    #[test]
    fn what_is_no_time_is_told_apart_from_one_without_a_zone() {
        assert_eq!(When::parse("2018-07-12T10:30:16"), Err(NotATime::NoZone));
        for text in ["", "today", "12/07/2018", "2018-13-01", "2018-07-12TZ"] {
            assert_eq!(When::parse(text), Err(NotATime::Shape), "{text}");
        }
    }
}
