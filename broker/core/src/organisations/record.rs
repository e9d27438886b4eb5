//! Records: the JSON shape in which the Organisation Data Service answers for one organisation
//! (`GET /ORD/2-0-0/organisations/CODE`), and the manifest that says when a set of them was taken. It
//! reads what the service is known to send and nothing from it is guessed: parts may be missing and a
//! list of one may be written without its brackets, but a code, a date or a status that is there must
//! be one.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// One line, or one file: an organisation or the manifest.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "Organisation")]
    pub(super) organisation: Option<Organisation<'a>>,
    /// Read apart: a manifest that cannot be read is no small matter.
    #[serde(borrow, rename = "Manifest")]
    pub(super) manifest: Option<&'a RawValue>,
}

/// When a set of records was taken, and how many there are: two things that no record says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest<'a> {
    #[serde(borrow, rename = "Taken")]
    pub(super) taken: Cow<'a, str>,
    #[serde(rename = "Organisations")]
    pub(super) organisations: usize,
}

#[derive(Deserialize)]
pub(super) struct Organisation<'a> {
    #[serde(borrow, default, rename = "Name")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, rename = "OrgId")]
    pub(super) id: Id<'a>,
    #[serde(borrow, rename = "Status")]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default, rename = "LastChangeDate")]
    pub(super) changed: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Date")]
    pub(super) dates: Listed<Date<'a>>,
    #[serde(borrow, default, rename = "Roles")]
    pub(super) roles: Option<Roles<'a>>,
    #[serde(borrow, default, rename = "Rels")]
    pub(super) relations: Option<Relations<'a>>,
    #[serde(borrow, default, rename = "Succs")]
    pub(super) successions: Option<Successions<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Id<'a> {
    #[serde(borrow)]
    pub(super) extension: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Date<'a> {
    #[serde(borrow, default, rename = "Type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default, rename = "Start")]
    pub(super) start: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "End")]
    pub(super) end: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Roles<'a> {
    #[serde(borrow, default, rename = "Role")]
    pub(super) all: Listed<Role<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Role<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(default, rename = "primaryRole")]
    pub(super) primary: bool,
    #[serde(borrow, default, rename = "Status")]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Date")]
    pub(super) dates: Listed<Date<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Relations<'a> {
    #[serde(borrow, default, rename = "Rel")]
    pub(super) all: Listed<Relation<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Relation<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default, rename = "Status")]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "Target")]
    pub(super) target: Target<'a>,
    #[serde(borrow, default, rename = "Date")]
    pub(super) dates: Listed<Date<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Target<'a> {
    #[serde(borrow, rename = "OrgId")]
    pub(super) id: Id<'a>,
}

#[derive(Deserialize)]
pub(super) struct Successions<'a> {
    #[serde(borrow, default, rename = "Succ")]
    pub(super) all: Listed<Succession<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Succession<'a> {
    #[serde(borrow, rename = "Type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, rename = "Target")]
    pub(super) target: Target<'a>,
    #[serde(borrow, default, rename = "Date")]
    pub(super) dates: Listed<Date<'a>>,
}

/// A list; one thing alone may stand without its brackets, and none may be null.
pub(super) struct Listed<T>(pub(super) Vec<T>);

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Listed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list of them")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Listed::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let one = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Listed(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Listed(all))
            }
        }

        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}
