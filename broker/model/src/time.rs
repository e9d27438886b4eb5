//! Points in time and spans of it, as values. Nothing here reads a clock.

use std::{fmt, time::Duration};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A point in time from microseconds since the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Reads RFC 3339, for example `2026-11-22T09:30:00Z`; `None` for anything else or before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(time.as_microsecond()).ok().map(Self)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// This point moved later by `span`; stays at the end of time rather than wrap.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// This point moved earlier by `span`; stays at the epoch rather than wrap.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, for example `2026-11-22T09:30:00.125Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.as_millis()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(millis) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timestamp;

    #[test]
    fn it_prints_as_rfc_3339() {
        assert_eq!(
            Timestamp::from_micros(1_125_999).to_string(),
            "1970-01-01T00:00:01.125Z"
        );
    }

    #[test]
    fn time_neither_wraps_nor_runs_backwards() {
        let end = Timestamp::from_micros(u64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        let second = Duration::from_secs(1);
        assert_eq!(
            Timestamp::from_micros(7).before(second),
            Timestamp::default()
        );
        assert_eq!(
            Timestamp::from_micros(7)
                .after(second)
                .before(second)
                .as_micros(),
            7
        );
        assert_eq!(Timestamp::from_micros(1).since(end), Duration::ZERO);
    }
}
