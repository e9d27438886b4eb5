//! Base64: looks at the data of an attachment without decoding it anywhere. It tells whether it is
//! base64 (RFC 4648, with padding; white space between), how long it would be, and by its first bytes
//! what it is; of archives and old office documents also whether they hold macros.

use crate::facts::{Data, Signature};

/// As many characters as are decoded to see what the data is: 48 bytes.
const HEAD_CHARACTERS: usize = 64;
/// The part of an office document (zip) that holds macros.
const ZIP_MACROS: &[u8] = b"vbaproject.bin";
/// The part of an older one (OLE), in UTF-16.
const OLE_MACROS: &[u8] = b"_\0v\0b\0a\0_\0p\0r\0o\0j\0e\0c\0t";
/// How much is decoded at a time while a part is looked for.
const WINDOW: usize = 3 * 1024;

/// Looks at the data of an attachment.
pub(super) fn look(text: &str) -> Data {
    let mut count = Count::default();
    let (blocks, rest) = text.as_bytes().as_chunks::<64>();
    for block in blocks {
        // Most blocks hold nothing but the alphabet. Without a branch within, so that the compiler
        // turns the loop into vector code: an attachment may be many megabytes.
        let others = block
            .iter()
            .fold(0, |others, b| others | u8::from(!is_alphabet(*b)));
        if others == 0 && count.padding == 0 {
            count.digits += block.len();
        } else {
            count.each(block);
        }
    }
    count.each(rest);
    let mut head = [0; HEAD_CHARACTERS / 4 * 3];
    let length = decode(&mut significant(text).take(HEAD_CHARACTERS), &mut head);
    let signature = Signature::of(head.get(..length).unwrap_or_default());
    Data {
        is_base64: count.is_base64(),
        bytes: ((count.digits + count.padding) / 4 * 3).saturating_sub(count.padding),
        signature,
        has_macros: match signature {
            Signature::Zip => holds(text, ZIP_MACROS),
            Signature::Ole => holds(text, OLE_MACROS),
            Signature::Pdf
            | Signature::Png
            | Signature::Jpeg
            | Signature::Tiff
            | Signature::Rtf
            | Signature::Markup
            | Signature::Program
            | Signature::Other => false,
        },
    }
}

/// What characters there are.
#[derive(Default)]
struct Count {
    digits: usize,
    padding: usize,
    strays: usize,
}

impl Count {
    fn each(&mut self, characters: &[u8]) {
        for b in characters {
            match b {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'=' => self.padding += 1,
                b if is_alphabet(*b) && self.padding == 0 => self.digits += 1,
                _ => self.strays += 1,
            }
        }
    }

    const fn is_base64(&self) -> bool {
        self.strays == 0 && self.padding <= 2 && (self.digits + self.padding).is_multiple_of(4)
    }
}

const fn is_alphabet(b: u8) -> bool {
    let letter = (b | 0x20).wrapping_sub(b'a') < 26;
    let digit = b.wrapping_sub(b'0') < 10;
    letter | digit | (b == b'+') | (b == b'/')
}

/// The characters of the alphabet, as the six bits that each stands for.
fn significant(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter_map(|b| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    })
}

/// Decodes as much as there is and has room; gives how many bytes that is.
fn decode(digits: &mut impl Iterator<Item = u8>, into: &mut [u8]) -> usize {
    let mut length = 0;
    for group in into.chunks_exact_mut(3) {
        let (mut bits, mut found) = (0_u32, 0);
        for digit in digits.by_ref().take(4) {
            bits = bits << 6 | u32::from(digit);
            found += 1;
        }
        let [_, bytes @ ..] = (bits << (6 * (4 - found))).to_be_bytes();
        group.copy_from_slice(&bytes);
        // Two characters are one byte, three are two, four are three.
        length += usize::try_from(found).map_or(0, |found: usize| found.saturating_sub(1));
        if found < 4 {
            break;
        }
    }
    length
}

/// Whether the decoded data holds `wanted`, which is in lower case; decoded a window at a time.
fn holds(text: &str, wanted: &[u8]) -> bool {
    let mut digits = significant(text);
    let mut window = [0; WINDOW];
    // A multiple of three, and no less than what may be cut in two.
    let kept = wanted.len().next_multiple_of(3);
    let mut start = 0;
    loop {
        let room = window.get_mut(start..).unwrap_or_default();
        let wished = room.len();
        let read = decode(&mut digits, room);
        let filled = window.get_mut(..start + read).unwrap_or_default();
        filled.make_ascii_lowercase();
        if filled.windows(wanted.len()).any(|part| part == wanted) {
            return true;
        }
        if read < wished {
            return false;
        }
        window.copy_within(WINDOW - kept.., 0);
        start = kept;
    }
}

#[cfg(test)]
mod tests;
