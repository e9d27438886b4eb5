//! Narrative: is there anything in a piece of XHTML but marked-up text? It is shown by the readers'
//! systems as it is, so nothing in it may run, load or post anything. In XML it is met element by
//! element; in JSON it is one text, which is looked through as a browser would, for a browser may be
//! what shows it.

/// What is wrong with a narrative.
const CONTENT: &str = "the narrative contains active content";
const MARKUP: &str = "the narrative contains markup that is not XHTML";

/// The elements that mark up text: those of FHIR's narrative, and others that do nothing. In the
/// order of the alphabet.
#[rustfmt::skip]
static ELEMENTS: &[&str] = &[
    "a", "abbr", "acronym", "address", "area", "article", "aside", "b", "bdi", "bdo", "big",
    "blockquote", "body", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del",
    "dfn", "dir", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "map", "mark",
    "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span",
    "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "var", "wbr",
];

/// The longest name of an element or attribute that means anything here.
const NAME_BYTES_MAX: usize = 16;

/// A name in lower case; `None` when it is longer than any that is known.
fn lower<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let place = buffer.get_mut(..name.len())?;
    place.copy_from_slice(name.as_bytes());
    place.make_ascii_lowercase();
    std::str::from_utf8(place).ok()
}

/// What is wrong with an element of that name.
pub(super) fn element(name: &str) -> Option<&'static str> {
    let name = name.rsplit_once(':').map_or(name, |(_, local)| local);
    let mut buffer = [0; NAME_BYTES_MAX];
    let known = lower(name, &mut buffer).is_some_and(|name| ELEMENTS.binary_search(&name).is_ok());
    (!known).then_some(CONTENT)
}

/// What is wrong with an attribute, its value as written.
pub(super) fn attribute(element: &str, name: &str, value: &str) -> Option<&'static str> {
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    let mut buffer = [0; NAME_BYTES_MAX];
    let local = lower(local, &mut buffer)?;
    let is_active = match local {
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
        handler => handler.starts_with("on"),
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
    while let Some((_, after)) = rest.split_once('<') {
        rest = match after.as_bytes().first() {
            Some(b'/') => after.split_once('>').map_or("", |(_, rest)| rest),
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
    let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
    let end = after.find(is_end).ok_or(MARKUP)?;
    let (name, mut rest) = after.split_at(end);
    element(name).map_or(Ok(()), Err)?;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(rest) = rest.strip_prefix('>') {
            return Ok(rest);
        }
        let end = rest.find(|c: char| is_end(c) || c == '=').ok_or(MARKUP)?;
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
