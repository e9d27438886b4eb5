//! The frame: one message and nothing else, out of what it may have travelled in. It knows the
//! characters that may stand in a message, and nothing of segments.

use super::super::{Malformed, Position, any_byte};

/// What MLLP puts before and after a message. A message that was saved as it came has them still.
const START_OF_BLOCK: char = '\u{b}';
const END_OF_BLOCK: char = '\u{1c}';

/// The message without MLLP's framing, which must be whole if there is any.
pub(super) fn unframed(text: &str) -> Result<&str, Malformed> {
    let cut = |what: &str, at: usize| {
        Err(Malformed::new("V-004", what).at(Position::of(text.as_bytes(), at)))
    };
    let start = text.trim_ascii_start();
    let end = start.trim_ascii_end();
    let message = end.strip_suffix(END_OF_BLOCK).unwrap_or(end);
    let Some(message) = message.strip_prefix(START_OF_BLOCK) else {
        return inside(text, message);
    };
    if !end.ends_with(END_OF_BLOCK) {
        return cut(
            "the message is cut short: MLLP's end of block is missing",
            text.len(),
        );
    }
    inside(text, message)
}

/// Checks the characters of a message (V-002, V-004).
fn inside<'a>(text: &str, message: &'a str) -> Result<&'a str, Malformed> {
    let control = |b: u8| (b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r');
    if !any_byte(message.as_bytes(), control) {
        return Ok(message);
    }
    let within = message.bytes().position(control).unwrap_or(0);
    let at = (message.as_ptr() as usize).saturating_sub(text.as_ptr() as usize) + within;
    let malformed = match message.as_bytes().get(within) {
        Some(0x0b | 0x1c) => Malformed::new(
            "V-004",
            "there is more than one message; each has to be sent on its own",
        ),
        Some(_) | None => {
            let what = format!("the document holds a control character at byte {at}");
            Malformed::new("V-002", what)
        }
    };
    Err(malformed.at(Position::of(text.as_bytes(), at)))
}
