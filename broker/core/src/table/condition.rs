//! Condition: which documents an entry of the table is for. All keys it gives must hold; of the
//! values of a key any one. `any`, `all` and `not` hold further keys, one level deep.

use axle_model::ods::OdsCode;

use super::{
    amount,
    entry::Entry,
    refset::Refsets,
    value::{Value, plain},
};

/// What can be matched by listing values of it. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Class,
    Event,
    Type,
    Section,
    CareSetting,
    Specialty,
    Sender,
    SenderRole,
    RecipientRole,
    RecipientType,
    HasAttachment,
    AttachmentType,
    Fhir,
    Header,
    Restricted,
    Deceased,
    NhsVerified,
}

impl Key {
    pub(super) const ALL: [Self; 17] = [
        Self::Class,
        Self::Event,
        Self::Type,
        Self::Section,
        Self::CareSetting,
        Self::Specialty,
        Self::Sender,
        Self::SenderRole,
        Self::RecipientRole,
        Self::RecipientType,
        Self::HasAttachment,
        Self::AttachmentType,
        Self::Fhir,
        Self::Header,
        Self::Restricted,
        Self::Deceased,
        Self::NhsVerified,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Event => "event",
            Self::Type => "type",
            Self::Section => "section",
            Self::CareSetting => "care_setting",
            Self::Specialty => "specialty",
            Self::Sender => "sender",
            Self::SenderRole => "sender_role",
            Self::RecipientRole => "recipient_role",
            Self::RecipientType => "recipient_type",
            Self::HasAttachment => "has_attachment",
            Self::AttachmentType => "attachment_type",
            Self::Fhir => "fhir",
            Self::Header => "header",
            Self::Restricted => "restricted",
            Self::Deceased => "deceased",
            Self::NhsVerified => "nhs_verified",
        }
    }
}

/// Keys that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clause {
    /// Keys and the values of which one must be there.
    pub(super) listed: Vec<(Key, Vec<Value>)>,
    /// The document has more bytes.
    pub(super) size_over: Option<u64>,
    /// The patient has fewer years.
    pub(super) age_under: Option<u64>,
}

/// Which documents an entry is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) main: Clause,
    pub(super) any: Vec<Clause>,
    pub(super) all: Vec<Clause>,
    pub(super) not: Option<Clause>,
}

/// Whose condition is read, with the names it may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The ids of the classes, for a rule; `None` for a class itself.
    pub(super) classes: Option<&'a [String]>,
    pub(super) refsets: &'a Refsets,
}

impl Condition {
    /// Reads a `match` or `when`.
    pub(super) fn read(mut entry: Entry<'_, '_>, scope: Scope<'_>) -> Self {
        if entry.is_empty() {
            let what = "it would match every document: say which ones it is for";
            entry.wrong(what);
        }
        let main = Clause::read(&mut entry, scope);
        let mut condition = Self {
            main,
            ..Self::default()
        };
        entry.tables("any", "`any`", |within| {
            condition.any.push(Clause::read_whole(within, scope));
        });
        entry.tables("all", "`all`", |within| {
            condition.all.push(Clause::read_whole(within, scope));
        });
        if let Some(within) = entry.table("not", "`not`") {
            condition.not = Some(Clause::read_whole(within, scope));
        }
        entry.finish();
        condition
    }

    /// The events it asks for by its own keys.
    pub(super) fn events(&self) -> impl Iterator<Item = &str> {
        let listed = self.main.listed.iter();
        let events = listed.filter(|(key, _)| *key == Key::Event);
        events.flat_map(|(_, values)| values.iter().map(Value::code))
    }
}

impl Clause {
    fn read_whole(mut entry: Entry<'_, '_>, scope: Scope<'_>) -> Self {
        let clause = Self::read(&mut entry, scope);
        entry.finish();
        clause
    }

    fn read(entry: &mut Entry<'_, '_>, scope: Scope<'_>) -> Self {
        let mut clause = Self::default();
        for key in Key::ALL {
            let values = match key {
                Key::Class => class_ids(entry, scope),
                Key::RecipientRole if scope.classes.is_none() => None,
                Key::Type | Key::Section | Key::CareSetting | Key::Specialty => {
                    codes(entry, key.name(), scope)
                }
                Key::Event | Key::AttachmentType => listed(entry, key, plain),
                Key::Sender => listed(entry, key, |text| {
                    let code = text.strip_prefix("ods:").unwrap_or(text);
                    OdsCode::parse(code).map(|code| Value::plain(code.as_str()))
                }),
                Key::SenderRole | Key::RecipientRole => listed(entry, key, Value::role),
                Key::RecipientType => listed(entry, key, |text| {
                    Value::one_of(text, &["FA", "FI"], "\"FA\" or \"FI\"")
                }),
                Key::Fhir => listed(entry, key, |text| {
                    Value::one_of(text, &["stu3", "r4"], "\"stu3\" or \"r4\"")
                }),
                Key::HasAttachment
                | Key::Header
                | Key::Restricted
                | Key::Deceased
                | Key::NhsVerified => {
                    let flag = entry.flag(key.name());
                    flag.map(|flag| vec![Value::flag(flag)])
                }
            };
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                clause.listed.push((key, values));
            }
        }
        let bytes = entry.read("size_over", amount::bytes);
        clause.size_over = bytes.map(toml::Spanned::into_inner);
        clause.age_under = entry.number("age_under").map(u64::from);
        clause
    }
}

fn listed<E: std::fmt::Display>(
    entry: &mut Entry<'_, '_>,
    key: Key,
    read: impl Fn(&str) -> Result<Value, E>,
) -> Option<Vec<Value>> {
    let values = entry.list(key.name(), read)?.into_iter();
    Some(values.map(toml::Spanned::into_inner).collect())
}

/// Codes, each by itself or by the name of a refset that lists them.
fn codes(entry: &mut Entry<'_, '_>, key: &'static str, scope: Scope<'_>) -> Option<Vec<Value>> {
    let read = |text: &str| match text.strip_prefix("refset:") {
        Some(name) => scope.refsets.get(name).map(<[Value]>::to_vec),
        None => Value::coded(text).map(|value| vec![value]),
    };
    let lists = entry.list(key, read)?;
    Some(
        lists
            .into_iter()
            .flat_map(toml::Spanned::into_inner)
            .collect(),
    )
}

/// The classes that a rule names, `*` at the end of a name standing for the rest of it.
fn class_ids(entry: &mut Entry<'_, '_>, scope: Scope<'_>) -> Option<Vec<Value>> {
    let classes = scope.classes?;
    let read = |text: &str| {
        let fits = |id: &&String| match text.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => *id == text,
        };
        let found: Vec<Value> = classes
            .iter()
            .filter(fits)
            .map(|id| Value::plain(id))
            .collect();
        if found.is_empty() {
            return Err("there is no such class");
        }
        Ok(found)
    };
    let lists = entry.list("class", read)?;
    Some(
        lists
            .into_iter()
            .flat_map(toml::Spanned::into_inner)
            .collect(),
    )
}
