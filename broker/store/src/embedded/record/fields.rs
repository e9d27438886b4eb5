//! Fields: a record read field by field where it lies. A start asks a few fields of each message that waits;
//! to make a record of all the others would be half of its work.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::{Malformed, VERSION};

/// The fields of a record, in the order in which they were written.
#[derive(Clone, Copy, Debug)]
pub(in crate::embedded) struct Fields<'r> {
    rest: &'r [u8],
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::embedded) enum Value<'r> {
    Number(u64),
    /// Text, bytes, or a record of its own.
    Bytes(&'r [u8]),
}

impl<'r> Fields<'r> {
    /// Of a record behind its version.
    pub(in crate::embedded) fn of(record: &'r [u8]) -> Result<Self, Malformed> {
        match record.split_first() {
            Some((&VERSION, rest)) => Ok(Self { rest }),
            Some(_) | None => Err(Malformed("a record's version")),
        }
    }

    /// Of a record within another.
    pub(in crate::embedded) const fn within(rest: &'r [u8]) -> Self {
        Self { rest }
    }

    fn take(&mut self, bytes: u64) -> Option<&'r [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u32, Value<'r>)> {
        let (tag, kind) = decode_key(&mut self.rest).ok()?;
        let value = match kind {
            WireType::Varint => Value::Number(decode_varint(&mut self.rest).ok()?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.rest).ok()?;
                Value::Bytes(self.take(length)?)
            }
            WireType::ThirtyTwoBit => Value::Bytes(self.take(4)?),
            WireType::SixtyFourBit => Value::Bytes(self.take(8)?),
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        Some((tag, value))
    }
}

impl<'r> Iterator for Fields<'r> {
    type Item = Result<(u32, Value<'r>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Malformed("a record's encoding")))
    }
}
