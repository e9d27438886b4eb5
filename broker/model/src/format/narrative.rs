//! Narrative: is there anything in a piece of XHTML but marked-up text? It is shown by the readers'
//! systems as it is, so nothing in it may run, load or post anything. In XML it is met element by
//! element; in JSON it is one text, which is looked through as a browser would, for a browser may be
//! what shows it.

use memchr::memchr;

/// What is wrong with a narrative.
const CONTENT: &str = "the narrative contains active content";
const MARKUP: &str = "the narrative contains markup that is not XHTML";

/// The elements that mark up text: those of FHIR's narrative, and others that do nothing. In the
/// order of the alphabet.
#[rustfmt::skip]
const ELEMENTS: [&str; 78] = [
    "a", "abbr", "acronym", "address", "area", "article", "aside", "b", "bdi", "bdo", "big",
    "blockquote", "body", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del",
    "dfn", "dir", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "map", "mark",
    "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span",
    "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "var", "wbr",
];

/// The same as numbers, in the same order.
static PACKED: [u128; ELEMENTS.len()] = {
    let mut all = [0; ELEMENTS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = packed(ELEMENTS[at].as_bytes());
        at += 1;
    }
    all
};

/// The longest name that is packed: the last byte is the name's length.
const PACKED_BYTES_MAX: usize = 15;
/// The longest name of an attribute that means anything here.
const NAME_BYTES_MAX: usize = 16;

/// A name in lower case as one number, so that it is compared at once and not letter by letter; numbers
/// are in the order of the names. 0 for one that is longer than any element's.
const fn packed(name: &[u8]) -> u128 {
    if name.len() > PACKED_BYTES_MAX {
        return 0;
    }
    let (mut number, mut rest) = (0, name);
    while let [first, following @ ..] = rest {
        number = number << 8 | first.to_ascii_lowercase() as u128;
        rest = following;
    }
    number << (8 * (PACKED_BYTES_MAX - name.len())) << 8 | name.len() as u128
}

/// A name in lower case; `None` when it is longer than any that is known.
fn lower<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let place = buffer.get_mut(..name.len())?;
    place.copy_from_slice(name.as_bytes());
    place.make_ascii_lowercase();
    std::str::from_utf8(place).ok()
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    let colon = name.bytes().rposition(|b| b == b':');
    colon.map_or(name, |colon| &name[colon + 1..])
}

/// What is wrong with an element of that name.
pub(super) fn element(name: &str) -> Option<&'static str> {
    let name = packed(local(name).as_bytes());
    PACKED.binary_search(&name).is_err().then_some(CONTENT)
}

/// What is wrong with an attribute, its value as written.
pub(super) fn attribute(element: &str, name: &str, value: &str) -> Option<&'static str> {
    let mut buffer = [0; NAME_BYTES_MAX];
    let name = local(name);
    let is_active = match lower(name, &mut buffer).unwrap_or(name) {
        "src" => {
            let value = plain(value);
            let of_image = element.eq_ignore_ascii_case("img");
            !(of_image && (value.starts_with('#') || value.starts_with("data:image/")))
        }
        "href" => {
            let value = plain(value);
            let schemes = ["javascript:", "vbscript:", "livescript:", "data:", "file:"];
            schemes.iter().any(|scheme| value.starts_with(scheme))
        }
        "style" => {
            let value = plain(value);
            let calls = [
                "url(",
                "expression(",
                "@import",
                "javascript:",
                "-moz-binding",
                "\\",
            ];
            calls.iter().any(|call| value.contains(call))
        }
        "action" | "formaction" | "background" | "srcset" | "srcdoc" | "data" | "poster"
        | "dynsrc" | "lowsrc" | "codebase" | "classid" | "ping" | "manifest" => true,
        // Also one of a name longer than those above.
        handler => matches!(handler.as_bytes(), [b'o' | b'O', b'n' | b'N', ..]),
    };
    is_active.then_some(CONTENT)
}

/// A value as it is understood: references resolved, in lower case, without what is passed over.
fn plain(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let (reference, following) = after.split_once(';').unwrap_or((after, ""));
        let numbered = |digits: &str, radix| {
            let number = u32::from_str_radix(digits, radix).ok();
            number.and_then(char::from_u32)
        };
        let character = match reference.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(digits) => numbered(digits, 16),
                None => numbered(number, 10),
            },
            None => match reference {
                "colon" => Some(':'),
                "lpar" => Some('('),
                "sol" => Some('/'),
                "num" => Some('#'),
                "bsol" => Some('\\'),
                "Tab" | "NewLine" => Some('\n'),
                _ => None,
            },
        };
        match character {
            Some(character) => {
                text.push(character);
                rest = following;
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text.retain(|c| !c.is_whitespace() && !c.is_control());
    text.make_ascii_lowercase();
    text
}

/// What is wrong with a narrative that is one text.
pub(super) fn text(narrative: &str) -> Option<&'static str> {
    let mut rest = narrative;
    while let Some(after) = after_sign(rest) {
        rest = match after.as_bytes().first() {
            Some(b'/') => {
                // Mostly a few letters away, where a search that takes many bytes at once does not pay.
                let end = after.bytes().position(|b| b == b'>');
                end.map_or("", |end| &after[end + 1..])
            }
            Some(b'!' | b'?') => match after_comment(after) {
                Ok(rest) => rest,
                Err(wrong) => return Some(wrong),
            },
            Some(b) if b.is_ascii_alphabetic() => match tag(after) {
                Ok(rest) => rest,
                Err(wrong) => return Some(wrong),
            },
            // A lone sign, as in "BP < 140".
            Some(_) | None => after,
        };
    }
    None
}

/// What follows the next sign of a tag. Often one tag follows another.
fn after_sign(text: &str) -> Option<&str> {
    text.strip_prefix('<').or_else(|| {
        let at = memchr(b'<', text.as_bytes())?;
        text.get(at + 1..)
    })
}

/// What follows a comment; everything else that begins like one is refused.
fn after_comment(after: &str) -> Result<&str, &'static str> {
    let inside = after.strip_prefix("!--").ok_or(MARKUP)?;
    let (inside, rest) = inside.split_once("-->").ok_or(MARKUP)?;
    comment(inside).map_or(Ok(rest), Err)
}

/// What is wrong with a comment: that a browser ends it elsewhere than XML does.
pub(super) fn comment(inside: &str) -> Option<&'static str> {
    let elsewhere = inside.starts_with('>') || inside.starts_with("->") || inside.contains("--");
    elsewhere.then_some(MARKUP)
}

/// What is wrong with a text that XML takes as it is and a browser does not (CDATA).
pub(super) fn unparsed(text: &str) -> Option<&'static str> {
    text.contains('<').then_some(MARKUP)
}

/// What follows a start tag.
fn tag(after: &str) -> Result<&str, &'static str> {
    let is_end = |b: u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>');
    let end = after.bytes().position(is_end).ok_or(MARKUP)?;
    let (name, mut rest) = after.split_at(end);
    element(name).map_or(Ok(()), Err)?;
    // Most have no attributes.
    if let Some(rest) = rest.strip_prefix('>') {
        return Ok(rest);
    }
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(rest) = rest.strip_prefix('>') {
            return Ok(rest);
        }
        let mut bytes = rest.bytes();
        let end = bytes.position(|b| is_end(b) || b == b'=').ok_or(MARKUP)?;
        // A browser takes an equals sign in front as a part of the name.
        let end = if end == 0 { 1 } else { end };
        let (key, following) = rest.split_at(end);
        let following = following.trim_ascii_start();
        let Some(value) = following.strip_prefix('=') else {
            attribute(name, key, "").map_or(Ok(()), Err)?;
            rest = following;
            continue;
        };
        let value = value.trim_ascii_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, following) = match quote {
            Some(quote) => value[1..].split_once(quote).ok_or(MARKUP)?,
            None => {
                let is_end = |c: char| c.is_ascii_whitespace() || c == '>';
                value.split_at(value.find(is_end).ok_or(MARKUP)?)
            }
        };
        attribute(name, key, value).map_or(Ok(()), Err)?;
        rest = following;
    }
}

#[cfg(test)]
mod tests;
