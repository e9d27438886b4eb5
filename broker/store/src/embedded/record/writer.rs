//! Writer: the fields of a record, written from where they are. A message is written twice, to the journal and to
//! the index; to make its record first, with a copy of every text, cost as much again as the writing. What
//! is absent or zero is left out where the record says so, as Protocol Buffers has it.

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint},
};

use super::VERSION;

/// The end of the bytes of a record.
#[derive(Debug)]
pub(in crate::embedded) struct Writer<'b> {
    bytes: &'b mut Vec<u8>,
}

/// Writes a record, behind its version, at the end of `bytes`.
pub(in crate::embedded) fn append_with(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Writer<'_>)) {
    bytes.push(VERSION);
    write(&mut Writer { bytes });
}

impl Writer<'_> {
    /// A number that is left out when it is zero.
    pub(in crate::embedded) fn number(&mut self, tag: u32, number: u64) {
        if number != 0 {
            self.some_number(tag, number);
        }
    }

    /// A number that is written whatever it is.
    pub(in crate::embedded) fn some_number(&mut self, tag: u32, number: u64) {
        encode_key(tag, WireType::Varint, self.bytes);
        encode_varint(number, self.bytes);
    }

    /// Four bytes that are left out when they are zero.
    pub(in crate::embedded) fn fixed(&mut self, tag: u32, number: u32) {
        if number != 0 {
            encode_key(tag, WireType::ThirtyTwoBit, self.bytes);
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Bytes, or a text, that are left out when there are none.
    pub(in crate::embedded) fn bytes(&mut self, tag: u32, bytes: impl AsRef<[u8]>) {
        if !bytes.as_ref().is_empty() {
            self.some_bytes(tag, bytes);
        }
    }

    /// Bytes, or a text, that are written also when there are none.
    pub(in crate::embedded) fn some_bytes(&mut self, tag: u32, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        encode_key(tag, WireType::LengthDelimited, self.bytes);
        encode_varint(bytes.len() as u64, self.bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// A record within this one.
    pub(in crate::embedded) fn within(&mut self, tag: u32, write: impl FnOnce(&mut Writer<'_>)) {
        encode_key(tag, WireType::LengthDelimited, self.bytes);
        let begin = self.bytes.len();
        write(&mut Writer { bytes: self.bytes });
        // Its length comes before it, and is known now.
        let end = self.bytes.len();
        let length = (end - begin) as u64;
        encode_varint(length, self.bytes);
        if let Some(written) = self.bytes.get_mut(begin..) {
            written.rotate_right(encoded_len_varint(length));
        }
    }

    /// A record within this one that has been made.
    pub(in crate::embedded) fn made(&mut self, tag: u32, record: &impl Message) {
        encode_key(tag, WireType::LengthDelimited, self.bytes);
        encode_varint(record.encoded_len() as u64, self.bytes);
        // A Vec grows as it must, so this cannot fail.
        record.encode_raw(self.bytes);
    }
}
