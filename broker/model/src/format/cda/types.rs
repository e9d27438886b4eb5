//! Types: which attribute of HL7 v3's data types is which fact, and what text an element holds.

use std::borrow::Cow;

use quick_xml::escape::unescape;
use uuid::Uuid;

use super::super::{
    Malformed, any_byte,
    assembly::{LOINC, NHS_NUMBER_OID, SNOMED, UUIDS, composed, identified, ods_system, verified},
    xml::Tag,
};
use crate::facts::{Coding, Identifier, Text, words::NHS_NUMBER};

/// NHS numbers that nobody has looked up.
const UNVERIFIED_NHS_NUMBER_OID: &str = "2.16.840.1.113883.2.1.3.2.4.18.23";
/// SNOMED CT, and the United Kingdom's edition of it.
const SNOMED_OIDS: [&str; 2] = ["2.16.840.1.113883.6.96", "2.16.840.1.113883.2.1.3.2.4.15"];
const LOINC_OID: &str = "2.16.840.1.113883.6.1";

/// An attribute, if it is there and not empty.
pub(super) fn attribute<'a>(tag: &Tag<'a>, name: &str) -> Result<Option<Text<'a>>, Malformed> {
    let value = tag.get(name)?;
    Ok(value.filter(|value| !value.is_empty()).map(Text::from))
}

/// II: an identifier, of a UUID alone or of an extension within a root.
pub(super) fn instance<'a>(tag: &Tag<'a>) -> Result<Option<Identifier<'a>>, Malformed> {
    let (root, extension) = (attribute(tag, "root")?, attribute(tag, "extension")?);
    let Some(root) = root else {
        return Ok(None);
    };
    Ok(match extension {
        Some(value) => {
            let known = ods_system(&root).map(Text::from);
            let system = known.unwrap_or_else(|| composed(format!("urn:oid:{}", &*root)));
            Some(identified(system, value))
        }
        None if Uuid::try_parse(&root).is_ok() => Some(identified(Text::from(UUIDS), root)),
        None => Some(identified(Text::from("urn:ietf:rfc:3986"), root)),
    })
}

/// II of a patient: NHS numbers are known by their roots.
pub(super) fn patient_identifier<'a>(tag: &Tag<'a>) -> Result<Option<Identifier<'a>>, Malformed> {
    let root = attribute(tag, "root")?;
    let is_verified = match root.as_deref() {
        Some(NHS_NUMBER_OID) => true,
        Some(UNVERIFIED_NHS_NUMBER_OID) => false,
        Some(_) | None => return instance(tag),
    };
    let value = attribute(tag, "extension")?;
    Ok(value.map(|value| {
        let mut number = identified(Text::from(NHS_NUMBER), value);
        if !is_verified {
            number.extensions.push(verified(Text::from("02")));
        }
        number
    }))
}

/// CE: a code within a system.
pub(super) fn coding<'a>(tag: &Tag<'a>) -> Result<Option<Coding<'a>>, Malformed> {
    let Some(code) = attribute(tag, "code")? else {
        return Ok(None);
    };
    let system = attribute(tag, "codeSystem")?.map(|oid| match &*oid {
        known if SNOMED_OIDS.contains(&known) => Text::from(SNOMED),
        LOINC_OID => Text::from(LOINC),
        other => composed(format!("urn:oid:{other}")),
    });
    Ok(Some(Coding {
        system,
        code: Some(code),
    }))
}

/// The text of an element that holds no other, as it is written; of CDATA, what is in it.
pub(super) fn raw(contents: &str) -> Option<&str> {
    let contents = contents.trim_ascii();
    let data = contents.strip_prefix("<![CDATA[");
    let text = match data.and_then(|data| data.strip_suffix("]]>")) {
        Some(text) => return (!text.contains("]]>")).then_some(text),
        None => contents,
    };
    let is_text = !text.is_empty() && !any_byte(text.as_bytes(), |b| b == b'<');
    is_text.then_some(text)
}

/// The same, as XML means it.
pub(super) fn text<'a>(contents: &'a str) -> Result<Option<Text<'a>>, Malformed> {
    let Some(text) = raw(contents) else {
        return Ok(None);
    };
    let is_plain = contents.trim_ascii().starts_with('<') || !text.contains('&');
    if is_plain {
        return Ok(Some(Text::from(text)));
    }
    let read: Cow<'a, str> = unescape(text)
        .map_err(|_| Malformed::new("V-004", "the document is not well-formed XML"))?;
    Ok(Some(Text::from(read)))
}
