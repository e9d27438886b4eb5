//! Leases: the right to one delivery for a while, and the token that proves it. A token is a fencing
//! value: each lease of a delivery has a higher epoch and its own 128 random bits, and only the
//! newest counts.

use std::fmt;

use axle_model::{
    id::{DeliveryId, MessageId},
    ods::OdsCode,
};

/// What tells one lease of a delivery from every other: the epoch orders them, the nonce cannot be
/// guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeaseKey {
    /// Counts the leases of the delivery, from 1.
    pub epoch: u32,
    /// 128 random bits.
    pub nonce: [u8; 16],
}

impl fmt::Debug for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The nonce is a secret of the lease's holder: a log must not hand it on.
        write!(f, "LeaseKey(epoch {})", self.epoch)
    }
}

/// A lease as its holder names it. On the wire it is lower-case hexadecimal of message (16 bytes),
/// epoch (4, big-endian), nonce (16) and the recipient's ODS code in ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseToken {
    /// The delivery leased.
    pub delivery: DeliveryId,
    /// Which of its leases.
    pub key: LeaseKey,
}

impl LeaseToken {
    /// Reads a token; `None` for anything this broker cannot have issued.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 36 + OdsCode::LENGTH_MAX];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes = bytes.get_mut(..pairs.len()).filter(|_| rest.is_empty())?;
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = hex(*high)? << 4 | hex(*low)?;
        }
        let (message, rest) = bytes.split_first_chunk::<16>()?;
        let (epoch, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, recipient) = rest.split_first_chunk::<16>()?;
        let recipient = OdsCode::parse(str::from_utf8(recipient).ok()?).ok()?;
        Some(Self {
            delivery: DeliveryId {
                message: MessageId::from_bytes(*message),
                recipient,
            },
            key: LeaseKey {
                epoch: u32::from_be_bytes(*epoch),
                nonce: *nonce,
            },
        })
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.delivery.message.as_bytes().iter();
        let epoch = self.key.epoch.to_be_bytes();
        let recipient = self.delivery.recipient.as_str().as_bytes().iter();
        let bytes = message
            .chain(&epoch)
            .chain(&self.key.nonce)
            .chain(recipient);
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
        let text: String = bytes
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect();
        f.write_str(&text)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_and_written_back_and_nothing_else_is_one() {
        let token = LeaseToken {
            delivery: DeliveryId {
                message: MessageId::from_bytes([7; 16]),
                recipient: OdsCode::parse("K81003").expect("a code"),
            },
            key: LeaseKey {
                epoch: 3,
                nonce: [9; 16],
            },
        };
        let text = token.to_string();
        assert_eq!(LeaseToken::parse(&text), Some(token));
        for other in [
            "",
            "00",
            &text[1..],
            &text[2..],
            &format!("{text}g0"),
            &text.to_uppercase(),
        ] {
            assert_ne!(LeaseToken::parse(other), Some(token), "{other}");
        }
        assert!(!format!("{token:?}").contains("0909"));
    }
}
