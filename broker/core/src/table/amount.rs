//! Amounts as people write them: spans of time (`4h`) and numbers of bytes (`20MiB`).

use std::time::Duration;

/// The longest span, ten years: longer is a mistake.
const DAYS_MAX: u64 = 3_660;
/// The largest number of bytes, 1 TiB.
const BYTES_MAX: u64 = 1 << 40;

/// A number and the unit after it.
fn parts(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// A span of time: a whole number of `s`, `m`, `h` or `d`.
pub(super) fn span(text: &str) -> Result<Duration, &'static str> {
    let seconds = parts(text).and_then(|(number, unit)| {
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        number.checked_mul(seconds)
    });
    let fits = seconds.filter(|seconds| (1..=DAYS_MAX * 24 * 60 * 60).contains(seconds));
    let expected = "write a whole number of s, m, h or d, for example \"4h\"; at most ten years";
    fits.map(Duration::from_secs).ok_or(expected)
}

/// A number of bytes: a whole number of `B`, `KiB`, `MiB` or `GiB`.
pub(super) fn bytes(text: &str) -> Result<u64, &'static str> {
    let bytes = parts(text).and_then(|(number, unit)| {
        let bytes = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(bytes)
    });
    let fits = bytes.filter(|bytes| (1..=BYTES_MAX).contains(bytes));
    fits.ok_or("write a whole number of B, KiB, MiB or GiB, for example \"20MiB\"; at most 1 TiB")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, span};

    #[test]
    fn spans_and_sizes_have_a_unit() {
        for (text, seconds) in [
            ("30s", 30),
            ("90 m", 5_400),
            ("4h", 14_400),
            ("7d", 604_800),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "4",
            "h",
            "4H",
            "0h",
            "-4h",
            "4.5h",
            "9999d",
            "99999999999999999999d",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
        assert_eq!(bytes("20MiB"), Ok(20 << 20));
        assert_eq!(bytes("1 KiB"), Ok(1_024));
        for text in ["", "20", "20MB", "0B", "2048GiB", "18446744073709551615GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
