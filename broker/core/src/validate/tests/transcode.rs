//! A transcoder between the two syntaxes of FHIR, for tests: the same content written the other way.
//! It keeps meaning, not bytes: a list of one is written like what can only be one, which readers of
//! facts must not tell apart.

use std::fmt::Write as _;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// JSON in the order in which it is written.
enum Json {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Ordered)
    }
}

struct Ordered;

impl<'de> Visitor<'de> for Ordered {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

/// A document of FHIR JSON as FHIR XML.
pub(super) fn to_xml(json: &str) -> String {
    let mut out = String::new();
    match serde_json::from_str(json).unwrap() {
        Json::Object(members) => resource(&members, true, &mut out),
        Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
            unreachable!("a document is an object")
        }
    }
    out
}

fn kind(members: &[(String, Json)]) -> Option<&str> {
    members.iter().find_map(|(name, value)| match value {
        Json::Text(kind) if name == "resourceType" => Some(kind.as_str()),
        Json::Text(_)
        | Json::Null
        | Json::Boolean(_)
        | Json::Number(_)
        | Json::List(_)
        | Json::Object(_) => None,
    })
}

fn resource(members: &[(String, Json)], outermost: bool, out: &mut String) {
    let kind = kind(members).unwrap();
    let namespace = if outermost {
        " xmlns=\"http://hl7.org/fhir\""
    } else {
        ""
    };
    write!(out, "<{kind}{namespace}>").unwrap();
    children(members, &["resourceType"], out);
    write!(out, "</{kind}>").unwrap();
}

fn children(members: &[(String, Json)], attributes: &[&str], out: &mut String) {
    for (name, value) in members {
        // What is said of a primitive is written with it.
        let is_apart =
            name.starts_with('_') && members.iter().any(|(other, _)| *other == name[1..]);
        if attributes.contains(&name.as_str()) || is_apart {
            continue;
        }
        let beside = members
            .iter()
            .find(|(other, _)| other.strip_prefix('_') == Some(name));
        let beside = beside.map(|(_, value)| value);
        match value {
            Json::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let beside = match beside {
                        Some(Json::List(all)) => all.get(index),
                        Some(_) | None => None,
                    };
                    element(name, item, beside, out);
                }
            }
            value => element(name, value, beside, out),
        }
    }
}

fn element(name: &str, value: &Json, beside: Option<&Json>, out: &mut String) {
    let primitive = |value: &str, out: &mut String| {
        let name = name.strip_prefix('_').unwrap_or(name);
        write!(out, "<{name} value=\"{}\"", escaped(value)).unwrap();
        match beside {
            Some(Json::Object(members)) => {
                out.push('>');
                children(members, &["id"], out);
                write!(out, "</{name}>").unwrap();
            }
            Some(_) | None => out.push_str("/>"),
        }
    };
    match value {
        Json::Text(narrative) if name == "div" => {
            out.push_str(&narrative.replace("&nbsp;", "&#160;"));
        }
        Json::Text(text) => primitive(text, out),
        Json::Number(number) => primitive(number, out),
        Json::Boolean(value) => primitive(&value.to_string(), out),
        Json::Null => {}
        Json::List(_) => unreachable!("FHIR has no lists of lists"),
        Json::Object(members) if kind(members).is_some() => {
            write!(out, "<{name}>").unwrap();
            resource(members, false, out);
            write!(out, "</{name}>").unwrap();
        }
        Json::Object(members) => {
            let name = name.strip_prefix('_').unwrap_or(name);
            let is_extension = matches!(name, "extension" | "modifierExtension");
            let attributes: &[&str] = if is_extension {
                &["url", "id"]
            } else {
                &["id"]
            };
            write!(out, "<{name}").unwrap();
            for (attribute, value) in members {
                if let Json::Text(value) = value
                    && attributes.contains(&attribute.as_str())
                {
                    write!(out, " {attribute}=\"{}\"", escaped(value)).unwrap();
                }
            }
            out.push('>');
            children(members, attributes, out);
            write!(out, "</{name}>").unwrap();
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => write!(out, "&#{};", u32::from(c)).unwrap(),
            c => out.push(c),
        }
        out
    })
}

/// A document of FHIR XML as FHIR JSON.
pub(super) fn to_json(xml: &str) -> String {
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => return whole(&mut reader, &start),
            Event::Eof => unreachable!("a document has an element"),
            _ => {}
        }
    }
}

/// A resource: an object that names its type.
fn whole(reader: &mut Reader<&[u8]>, start: &BytesStart<'_>) -> String {
    let mut members = vec![("resourceType".to_owned(), quoted(&local(start)))];
    members.extend(within(reader, &local(start)));
    object(members)
}

fn object(members: Vec<(String, String)>) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in members {
        match groups.last_mut() {
            Some((last, values)) if *last == name => values.push(value),
            Some(_) | None => groups.push((name, vec![value])),
        }
    }
    let members = groups
        .into_iter()
        .map(|(name, values)| match values.as_slice() {
            [one] => format!("{}:{one}", quoted(&name)),
            several => format!("{}:[{}]", quoted(&name), several.join(",")),
        });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The members that the children of an open element are.
fn within(reader: &mut Reader<&[u8]>, around: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => members.extend(member(reader, &start, true, around)),
            Event::Empty(start) => members.extend(member(reader, &start, false, around)),
            Event::End(_) => return members,
            Event::Eof => unreachable!("every element ends"),
            _ => {}
        }
    }
}

fn member(
    reader: &mut Reader<&[u8]>,
    start: &BytesStart<'_>,
    open: bool,
    around: &str,
) -> Vec<(String, String)> {
    let name = local(start);
    if name == "div" {
        let raw = start.to_string();
        let inside = open.then(|| reader.read_text(start.name()).unwrap().to_string());
        let tag = raw.split_whitespace().next().unwrap_or_default();
        let text = format!("<{raw}>{}</{tag}>", inside.unwrap_or_default());
        return vec![(name, quoted(&text))];
    }
    let is_resource = name == "contained" || name == "resource" && around == "entry";
    if is_resource && open {
        let mut found = None;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(inner) => found = Some(whole(reader, &inner)),
                Event::End(_) => break,
                _ => {}
            }
        }
        return found
            .into_iter()
            .map(|resource| (name.clone(), resource))
            .collect();
    }
    let mut value = None;
    let mut members = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.unwrap();
        let text = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
        match attribute.key.as_ref() {
            "value" => value = Some(text.into_owned()),
            key @ ("url" | "id") => members.push((key.to_owned(), quoted(&text))),
            _ => {}
        }
    }
    if open {
        members.extend(within(reader, &name));
    }
    let value = value.map(|value| match value.as_str() {
        "true" | "false" => value,
        text => quoted(text),
    });
    match (value, members.is_empty()) {
        (Some(value), true) => vec![(name, value)],
        (Some(value), false) => vec![(name.clone(), value), (format!("_{name}"), object(members))],
        (None, true) => Vec::new(),
        (None, false) => vec![(name, object(members))],
    }
}

fn local(start: &BytesStart<'_>) -> String {
    let name = start.name().into_inner().to_owned();
    name.rsplit_once(':')
        .map_or(name.clone(), |(_, local)| local.to_owned())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
