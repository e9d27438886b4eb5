//! Moments: from the times of HL7 v2 and CDA (`YYYYMMDDHHMMSS.s+ZZZZ`, cut off where no more is known)
//! to FHIR's. Only the shape is changed; whether it is a time is for the rules to say.

use std::{borrow::Cow, fmt::Write as _};

use crate::facts::Text;

/// A time as FHIR writes it; what has not the shape of one stays as it is.
pub(super) fn time(raw: Text<'_>) -> Text<'_> {
    rewritten(&raw).map_or(raw, |time| Text::from(Cow::Owned(time)))
}

/// A day as FHIR writes it: what a time says of the day.
pub(super) fn day(raw: Text<'_>) -> Text<'_> {
    let day = rewritten(&raw).map(|mut time| {
        time.truncate("YYYY-MM-DD".len());
        time
    });
    day.map_or(raw, |day| Text::from(Cow::Owned(day)))
}

fn rewritten(raw: &str) -> Option<String> {
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    let (moment, rest) = raw.split_at(digits);
    if digits % 2 == 1 || !(4..=14).contains(&digits) {
        return None;
    }
    let (year, parts) = moment.split_at(4);
    let mut out = year.to_owned();
    let mut parts = parts
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap_or_default());
    for part in parts.by_ref().take(2) {
        // Writing to a String cannot fail.
        let _ = write!(out, "-{part}");
    }
    let Some(hour) = parts.next() else {
        // A zone without a time of day says nothing.
        return (rest.is_empty() || zone(rest).is_some()).then_some(out);
    };
    let (minute, second) = (parts.next().unwrap_or("00"), parts.next().unwrap_or("00"));
    let _ = write!(out, "T{hour}:{minute}:{second}");
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let fraction = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = rest.split_at(if fraction > 0 { fraction + 1 } else { 0 });
    out.push_str(fraction.get(..fraction.len().min(10))?);
    if !rest.is_empty() {
        let (sign, hours, minutes) = zone(rest)?;
        let _ = write!(out, "{sign}{hours}:{minutes}");
    }
    Some(out)
}

/// `+ZZZZ`, or `+ZZ` as some write it.
fn zone(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.strip_prefix(['+', '-'])?;
    let (sign, _) = text.split_at(1);
    let all = digits.bytes().all(|b| b.is_ascii_digit());
    match digits.len() {
        4 if all => Some((sign, &digits[..2], &digits[2..])),
        2 if all => Some((sign, digits, "00")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{day, time};

    #[test]
    fn what_is_known_of_a_time_is_kept_and_no_more() {
        for (raw, expected) in [
            ("1961", "1961"),
            ("196104", "1961-04"),
            ("19610417", "1961-04-17"),
            ("19610417+0100", "1961-04-17"),
            ("2026112209", "2026-11-22T09:00:00"),
            ("202611220930", "2026-11-22T09:30:00"),
            ("20261122093015", "2026-11-22T09:30:15"),
            ("20261122093015.1234+0100", "2026-11-22T09:30:15.1234+01:00"),
            ("20261122093015-03", "2026-11-22T09:30:15-03:00"),
            ("22/11/2026", "22/11/2026"),
            ("196", "196"),
            ("20261122093015.", "20261122093015."),
            ("20261122093015+1", "20261122093015+1"),
            ("202611220930150000", "202611220930150000"),
            ("١٩٦١", "١٩٦١"),
            ("", ""),
        ] {
            assert_eq!(&*time(raw.into()), expected, "{raw}");
        }
        assert_eq!(&*day("19610417235959+0100".into()), "1961-04-17");
        assert_eq!(&*day("soon".into()), "soon");
    }
}
