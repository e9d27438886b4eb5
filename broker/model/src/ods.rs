//! ODS codes: how the Organisation Data Service names a trust, a practice or a site.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// An ODS code of a routable organisation or site: 3 to 9 characters of `A-Z0-9`, for example `RR8`
/// (a trust), `K81003` (a practice), `K81003001` (its branch). Copied, never allocated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OdsCode {
    length: u8,
    text: [u8; Self::LENGTH_MAX],
}

/// Why a text is not an ODS code. The text itself is not repeated: it may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an ODS code is 3 to 9 upper-case letters and digits, for example K81003")]
pub struct NotAnOdsCode;

impl OdsCode {
    /// The longest code the Organisation Data Service issues.
    pub const LENGTH_MAX: usize = 9;
    /// Nothing shorter names an organisation that can receive a document.
    pub const LENGTH_MIN: usize = 3;

    /// The broker itself, as the sender of reports. No organisation's code: a caller that claims it
    /// is refused.
    pub const BROKER: Self = Self {
        length: 4,
        text: *b"AXLE\0\0\0\0\0",
    };

    /// Reads a code. Case and white space are not forgiven: two spellings of one organisation must
    /// not exist.
    pub fn parse(text: &str) -> Result<Self, NotAnOdsCode> {
        let bytes = text.as_bytes();
        let fits = (Self::LENGTH_MIN..=Self::LENGTH_MAX).contains(&bytes.len());
        if !fits
            || !bytes
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        {
            return Err(NotAnOdsCode);
        }
        let mut code = [0; Self::LENGTH_MAX];
        code[..bytes.len()].copy_from_slice(bytes);
        Ok(Self {
            length: bytes.len() as u8,
            text: code,
        })
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // The constructor admits ASCII only, so this cannot fail; an empty text would route nowhere.
        str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl FromStr for OdsCode {
    type Err = NotAnOdsCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for OdsCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for OdsCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAnOdsCode, OdsCode};

    #[test]
    fn real_shapes_are_read_and_written_back() {
        for text in ["RR8", "RH802", "K81003", "K81003001", "FVR79", "VLAXL"] {
            assert_eq!(
                OdsCode::parse(text).map(|code| code.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for text in [
            "",
            "R8",
            "rr8",
            "RR8 ",
            " RR8",
            "RR\u{418}",
            "A(*)",
            "K810030011",
            "RR-8",
            "RR8\0",
        ] {
            assert_eq!(OdsCode::parse(text), Err(NotAnOdsCode), "{text:?}");
        }
    }
}
