//! FHIR JSON: a walk over serde_json's events, without a tree. It knows JSON and where to put what
//! it meets; what the members mean is told in `parts.rs`.

mod names;

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::names::{Seen, Word};
use super::{
    Limits, Malformed, Position, any_byte,
    place::{Part, Place},
    record::{Found, Record},
    sweep::Sweep,
};
use crate::facts::{Resource, Text};

/// Reads a document. `text` starts with `{`.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Found<'a>), Malformed> {
    let mut walk = Walk {
        record: Record::new(limits),
        seen: Seen::default(),
        stopped: None,
    };
    let mut root = Root(Resource::default());
    let mut json = serde_json::Deserializer::from_str(text);
    let member = Member {
        part: Some(&mut root),
        name: "",
        is_item: false,
        walk: &mut walk,
    };
    let read = member.deserialize(&mut json).and_then(|_| json.end());
    match read {
        Ok(()) => Ok((root.0, walk.record.into_found())),
        Err(error) => Err(walk.malformed(&error)),
    }
}

/// The whole document: one resource, as if it were a member.
struct Root<'a>(Resource<'a>);

impl<'a> Part<'a> for Root<'a> {
    fn child(&mut self, _name: &str) -> Place<'_, 'a> {
        Place::Resource(&mut self.0)
    }
}

/// The state of the walk. serde's errors are texts, so what stopped it is kept here.
struct Walk<'a, 'l> {
    record: Record<'a, 'l>,
    seen: Seen<'a>,
    stopped: Option<Malformed>,
}

impl Walk<'_, '_> {
    fn stop<E: de::Error>(&mut self, malformed: Malformed) -> E {
        self.stopped.get_or_insert(malformed);
        E::custom("stopped")
    }

    /// What a serde_json error means: what stopped the walk, or the syntax (V-004).
    fn malformed(&mut self, error: &serde_json::Error) -> Malformed {
        let position = (error.line() > 0).then(|| Position {
            line: error.line(),
            column: error.column(),
        });
        let mut malformed = self.stopped.take().unwrap_or_else(|| {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "the document is cut short",
                serde_json::error::Category::Io
                | serde_json::error::Category::Syntax
                | serde_json::error::Category::Data => "the document is not well-formed JSON",
            };
            self.record.malformed("V-004", what)
        });
        malformed.position = malformed.position.or(position);
        malformed
    }
}

/// The value of one member: asks the part where it belongs, once for each item of an array. Gives
/// back whether a fact is read from it.
struct Member<'p, 'a, 'l> {
    part: Option<&'p mut (dyn Part<'a> + 'p)>,
    name: &'p str,
    is_item: bool,
    walk: &'p mut Walk<'a, 'l>,
}

impl<'p, 'a> Member<'p, 'a, '_> {
    fn string<E: de::Error>(self, value: Cow<'a, str>) -> Result<bool, E> {
        let Self {
            part, name, walk, ..
        } = self;
        let place = part.map_or(Place::Skip, |part| part.child(name));
        let known = place.is_known();
        if value.is_empty() {
            walk.record.empty();
        }
        // Of most texts only the length counts.
        if matches!(place, Place::Skip) && !walk.record.keeps() {
            walk.record.length(value.len());
            return Ok(false);
        }
        let filled = walk
            .record
            .text(&value)
            .and_then(|()| place.fill(value, &mut walk.record));
        filled.map_err(|malformed| walk.stop(malformed))?;
        Ok(known)
    }

    /// A text that is escaped, so that it has to be copied if it is kept. Narrative mostly is.
    fn unescaped<E: de::Error>(self, value: &str) -> Result<bool, E> {
        // Unescaped text may hold what JSON's own syntax keeps out.
        if any_byte(value.as_bytes(), |b| b == 0) {
            let nul = self.walk.record.malformed("V-002", "a text holds U+0000");
            return Err(self.walk.stop(nul));
        }
        let Self {
            part, name, walk, ..
        } = self;
        let place = part.map_or(Place::Skip, |part| part.child(name));
        let known = place.is_known();
        if place.keeps_text() || walk.record.keeps() {
            let value = Cow::Owned(value.to_owned());
            let filled = walk
                .record
                .text(&value)
                .and_then(|()| place.fill(value, &mut walk.record));
            filled.map_err(|malformed| walk.stop(malformed))?;
        } else {
            walk.record.length(value.len());
            place.look(value, &mut walk.record);
        }
        Ok(known)
    }

    /// A number or null, of which at most it counts that it is there.
    fn scalar(mut self) -> bool {
        let place = self.place();
        let known = place.is_known();
        if let Place::Seen(seen) = place {
            *seen = true;
        }
        known
    }

    fn place(&mut self) -> Place<'_, 'a> {
        let name = self.name;
        self.part
            .as_deref_mut()
            .map_or(Place::Skip, |part| part.child(name))
    }
}

impl<'a> DeserializeSeed<'a> for Member<'_, 'a, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Member<'_, 'a, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'a str) -> Result<bool, E> {
        self.string(Cow::Borrowed(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<bool, E> {
        self.unescaped(value)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
        let Self {
            part, name, walk, ..
        } = self;
        let place = part.map_or(Place::Skip, |part| part.child(name));
        let known = place.is_known();
        place.fill_boolean(value, &mut walk.record);
        Ok(known)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<bool, E> {
        Ok(self.scalar())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<bool, E> {
        Ok(self.scalar())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<bool, E> {
        Ok(self.scalar())
    }

    fn visit_unit<E: de::Error>(mut self) -> Result<bool, E> {
        // In an array, null stands for a primitive that has extensions only.
        if !self.is_item || self.place().is_known() {
            self.walk.record.empty();
        }
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<bool, A::Error> {
        let Self {
            mut part,
            name,
            walk,
            ..
        } = self;
        walk.record.deeper().map_err(|deep| walk.stop(deep))?;
        let (mut known, mut index) = (false, 0);
        loop {
            walk.record.index(index);
            let member = Member {
                part: part.as_deref_mut().map(|part| part as &mut dyn Part<'a>),
                name,
                is_item: true,
                walk,
            };
            match items.next_element_seed(member)? {
                Some(item_known) => known |= item_known,
                None => break,
            }
            index += 1;
        }
        if index == 0 {
            walk.record.empty();
        }
        walk.record.shallower();
        Ok(known)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self {
            part, name, walk, ..
        } = self;
        walk.record.deeper().map_err(|deep| walk.stop(deep))?;
        let place = part.map_or(Place::Skip, |part| part.child(name));
        let known = place.is_known();
        match place {
            Place::Part(part) => {
                walk.record.keep().map_err(|full| walk.stop(full))?;
                members(part, &mut map, walk)?;
            }
            Place::Entry(part) => {
                walk.record.enter().map_err(|full| walk.stop(full))?;
                members(part, &mut map, walk)?;
                walk.record.leave();
            }
            Place::Resource(resource) => members_of_resource(resource, &mut map, walk)?,
            Place::Repeated => {
                walk.record.repeated();
                skip(&mut map, walk)?;
            }
            Place::Seen(seen) => {
                *seen = true;
                skip(&mut map, walk)?;
            }
            Place::Skip
            | Place::Text(_)
            | Place::First(_)
            | Place::Glance(_)
            | Place::Narrative
            | Place::Boolean(_)
            | Place::Data(_) => skip(&mut map, walk)?,
        }
        walk.record.shallower();
        Ok(known)
    }
}

/// The members of an object of which facts are read. No name may come twice (V-007): what a second
/// one says is not read.
fn members<'a, A: MapAccess<'a>>(
    part: &mut dyn Part<'a>,
    map: &mut A,
    walk: &mut Walk<'a, '_>,
) -> Result<(), A::Error> {
    if rest(part, map, walk)? == 0 {
        walk.record.empty();
    }
    part.end(&mut walk.record);
    Ok(())
}

/// The members that are still to come; gives how many there are.
fn rest<'a, A: MapAccess<'a>>(
    part: &mut dyn Part<'a>,
    map: &mut A,
    walk: &mut Walk<'a, '_>,
) -> Result<usize, A::Error> {
    let mark = walk.seen.mark();
    let mut count = 0;
    while let Some(name) = map.next_key_seed(Word)? {
        count += 1;
        walk.record.step(name.clone());
        let repeated = walk.seen.contains(mark, &name);
        if repeated {
            walk.record.repeated();
        }
        let known = map.next_value_seed(Member {
            part: (!repeated).then_some(&mut *part),
            name: &name,
            is_item: false,
            walk,
        })?;
        walk.record.back();
        if known {
            walk.seen.add(name);
        }
    }
    walk.seen.reset(mark);
    Ok(count)
}

/// The members of an object no fact is read from.
fn skip<'a, A: MapAccess<'a>>(map: &mut A, walk: &mut Walk<'a, '_>) -> Result<(), A::Error> {
    let mut sweep = Sweep::default();
    let mut empty = true;
    while let Some(name) = map.next_key_seed(Word)? {
        empty = false;
        walk.record.step(name.clone());
        map.next_value_seed(Member {
            part: Some(&mut sweep),
            name: &name,
            is_item: false,
            walk,
        })?;
        walk.record.back();
    }
    if empty {
        walk.record.empty();
    }
    sweep.end(&mut walk.record);
    Ok(())
}

/// The members of a resource. Its type is mostly the first of them; those before it wait, unread,
/// until it is known.
fn members_of_resource<'a, A: MapAccess<'a>>(
    resource: &mut Resource<'a>,
    map: &mut A,
    walk: &mut Walk<'a, '_>,
) -> Result<(), A::Error> {
    let mut early: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::new();
    while let Some(name) = map.next_key_seed(Word)? {
        if name == "resourceType" {
            let kind = map.next_value_seed(Word)?;
            walk.record.begin(kind.clone());
            resource.begin(Text::from(kind));
            break;
        }
        walk.record.keep().map_err(|full| walk.stop(full))?;
        early.push((name, map.next_value()?));
    }
    let count = early.len() + usize::from(resource.kind.is_some());
    for (name, raw) in early {
        walk.record.step(name.clone());
        let mut json = serde_json::Deserializer::from_str(raw.get());
        let member = Member {
            part: Some(resource),
            name: &name,
            is_item: false,
            walk,
        };
        if let Err(error) = member.deserialize(&mut json) {
            // Lines and columns within a part of the text would mislead.
            let malformed = Malformed {
                position: None,
                ..walk.malformed(&error)
            };
            return Err(walk.stop(malformed));
        }
        walk.record.back();
    }
    if rest(resource, map, walk)? + count == 0 {
        walk.record.empty();
    }
    Ok(())
}
