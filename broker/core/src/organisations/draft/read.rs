//! One record into a draft: every code, date and status of it is checked, and what is wrong is said
//! with its path. What a failed record left behind is cut off again.

use std::{borrow::Cow, fmt::Arguments, ops::Range};

use axle_model::{day::Day, ods::OdsCode, time::Timestamp};

use super::{
    super::{
        organisation::{Period, Succession, SuccessionKind},
        record::{self, Date, Listed},
        register::{Packed, PackedRelation, PackedRole},
    },
    Draft, Found, Manifest, ORGANISATIONS_MAX, Place, WORDS_MAX,
};

/// The longest name; the longest real ones have a hundred bytes.
const NAME_BYTES_MAX: usize = 400;
/// The longest id of a role or relationship, for example `RO177`.
const ID_BYTES_MAX: usize = 16;

/// How much of the draft's lists is whole.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    names: usize,
    roles: usize,
    relations: usize,
    successions: usize,
}

impl Draft {
    pub(super) const fn lengths(&self) -> Lengths {
        Lengths {
            names: self.names.len(),
            roles: self.roles.len(),
            relations: self.relations.len(),
            successions: self.successions.len(),
        }
    }

    pub(super) fn cut(&mut self, whole: Lengths) {
        self.names.truncate(whole.names);
        self.roles.truncate(whole.roles);
        self.relations.truncate(whole.relations);
        self.successions.truncate(whole.successions);
    }

    /// Adds an organisation, or says what is wrong with it.
    pub(super) fn read(
        &mut self,
        place: Place,
        digest: [u8; 32],
        organisation: &record::Organisation<'_>,
    ) -> Result<(), String> {
        if self.found.len() >= ORGANISATIONS_MAX {
            return Err(format!("it is beyond the first {ORGANISATIONS_MAX}"));
        }
        let code = code(format_args!("OrgId.extension"), &organisation.id.extension)?;
        let active = status(format_args!("Status"), &organisation.status)?;
        let changed = organisation.changed.as_deref();
        let changed = changed
            .map(|text| day(format_args!("LastChangeDate"), text))
            .transpose()?;
        let (legal, operational) = periods(format_args!("Date"), &organisation.dates)?;
        let start = self.lengths();
        self.read_name(&organisation.name)?;
        for (index, role) in listed(organisation.roles.as_ref().map(|roles| &roles.all)) {
            self.read_role(format_args!("Roles.Role[{index}]"), role)?;
        }
        for (index, relation) in listed(organisation.relations.as_ref().map(|rels| &rels.all)) {
            self.read_relation(format_args!("Rels.Rel[{index}]"), relation)?;
        }
        for (index, one) in listed(organisation.successions.as_ref().map(|all| &all.all)) {
            self.read_succession(format_args!("Succs.Succ[{index}]"), code, one)?;
        }
        let end = self.lengths();
        let packed = Packed {
            name: range(start.names, end.names)?,
            roles: range(start.roles, end.roles)?,
            relations: range(start.relations, end.relations)?,
            successions: range(start.successions, end.successions)?,
            active,
            legal,
            operational,
            changed,
        };
        self.found.push(Found {
            code,
            place,
            digest,
            packed,
        });
        Ok(())
    }

    /// Reads the manifest. One that cannot be read, or a second one, is the end of the set: what it
    /// says of the age of everything must not be passed over.
    pub(super) fn read_manifest(&mut self, text: &str) {
        let read = || {
            let manifest: record::Manifest<'_> = serde_json::from_str(text)
                .map_err(|error| format!("its manifest: {}", worded(&error)))?;
            let taken = Timestamp::parse(&manifest.taken).ok_or_else(|| {
                "its manifest: Taken is not a time such as 2026-11-20T03:00:00Z".to_owned()
            })?;
            let organisations = manifest.organisations;
            Ok(Manifest {
                taken,
                organisations,
            })
        };
        self.manifest = Some(match self.manifest {
            None => read(),
            Some(_) => Err("it has two manifests".to_owned()),
        });
    }

    fn read_name(&mut self, name: &str) -> Result<(), String> {
        if name.len() > NAME_BYTES_MAX {
            return Err(format!("Name is longer than {NAME_BYTES_MAX} bytes"));
        }
        // It is shown on terminals and in logs, where a control character could do anything.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        self.names.extend(name.chars().map(shown));
        Ok(())
    }

    fn read_role(&mut self, path: Arguments<'_>, role: &record::Role<'_>) -> Result<(), String> {
        let word = self.word(path, &role.id)?;
        let role = PackedRole {
            word,
            primary: role.primary,
            active: optional_status(path, role.status.as_ref())?,
            period: period(path, &role.dates)?,
        };
        self.roles.push(role);
        Ok(())
    }

    fn read_relation(
        &mut self,
        path: Arguments<'_>,
        relation: &record::Relation<'_>,
    ) -> Result<(), String> {
        let target = code(
            format_args!("{path}.Target.OrgId.extension"),
            &relation.target.id.extension,
        )?;
        let word = self.word(path, &relation.id)?;
        let relation = PackedRelation {
            word,
            target,
            active: optional_status(path, relation.status.as_ref())?,
            period: period(path, &relation.dates)?,
        };
        self.relations.push(relation);
        Ok(())
    }

    fn read_succession(
        &mut self,
        path: Arguments<'_>,
        own: OdsCode,
        succession: &record::Succession<'_>,
    ) -> Result<(), String> {
        let target = &succession.target.id.extension;
        let target = code(format_args!("{path}.Target.OrgId.extension"), target)?;
        let kind = match &*succession.kind {
            "Successor" => SuccessionKind::Successor,
            "Predecessor" => SuccessionKind::Predecessor,
            _ => return Err(format!("{path}.Type is neither Successor nor Predecessor")),
        };
        if target == own {
            return Err(format!("{path} names the organisation itself"));
        }
        let start = period(path, &succession.dates)?.start;
        let start = start.ok_or_else(|| format!("{path}.Date has no Start"))?;
        self.successions.push(Succession {
            kind,
            target,
            start,
        });
        Ok(())
    }

    /// The number of an id, which is kept as it is whether or not anybody knows it.
    fn word(&mut self, path: Arguments<'_>, id: &str) -> Result<u16, String> {
        if let Some(&word) = self.words.get(id) {
            return Ok(word);
        }
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain || id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(format!("{path}.id is not an id, for example RO177"));
        }
        let word = u16::try_from(self.words.len())
            .ok()
            .filter(|word| usize::from(*word) < WORDS_MAX)
            .ok_or_else(|| format!("{path}.id is one of more than {WORDS_MAX} different ones"))?;
        self.words.insert(id.into(), word);
        Ok(word)
    }
}

/// What serde_json says is wrong, with the line only where a record has several.
pub(super) fn worded(error: &serde_json::Error) -> String {
    let (text, column) = (error.to_string(), error.column());
    let what = text.split(" at line ").next().unwrap_or_default();
    match error.line() {
        0 | 1 => format!("{what}, at column {column}"),
        line => format!("{what}, at line {line}, column {column}"),
    }
}

fn listed<T>(list: Option<&Listed<T>>) -> impl Iterator<Item = (usize, &T)> {
    list.into_iter().flat_map(|list| list.0.iter()).enumerate()
}

fn range(start: usize, end: usize) -> Result<Range<u32>, String> {
    let bound = |at| u32::try_from(at).map_err(|_| "it is beyond the first 4 GiB".to_owned());
    Ok(bound(start)?..bound(end)?)
}

fn code(path: Arguments<'_>, text: &str) -> Result<OdsCode, String> {
    let read = OdsCode::parse(text).ok();
    let code = read.filter(|code| *code != OdsCode::BROKER);
    code.ok_or_else(|| format!("{path} is not an ODS code of 3 to 9 capital letters and digits"))
}

fn status(path: Arguments<'_>, text: &str) -> Result<bool, String> {
    match text {
        "Active" => Ok(true),
        "Inactive" => Ok(false),
        _ => Err(format!("{path} is neither Active nor Inactive")),
    }
}

/// What has no status is not confirmed.
fn optional_status(path: Arguments<'_>, text: Option<&Cow<'_, str>>) -> Result<bool, String> {
    text.map_or(Ok(false), |text| {
        status(format_args!("{path}.Status"), text)
    })
}

fn day(path: Arguments<'_>, text: &str) -> Result<Day, String> {
    Day::parse(text).map_err(|_| format!("{path} is not a date such as 2026-04-01"))
}

/// The operational period of a part; where it has none, the legal one.
fn period(path: Arguments<'_>, dates: &Listed<Date<'_>>) -> Result<Period, String> {
    let (legal, operational) = periods(format_args!("{path}.Date"), dates)?;
    Ok(if operational == Period::default() {
        legal
    } else {
        operational
    })
}

/// The legal and the operational period. Of several of a kind the one that began last counts.
fn periods(path: Arguments<'_>, dates: &Listed<Date<'_>>) -> Result<(Period, Period), String> {
    let (mut legal, mut operational) = (Period::default(), Period::default());
    for (index, date) in dates.0.iter().enumerate() {
        let part = |name, text: &Option<Cow<'_, str>>| {
            let text = text.as_deref();
            text.map(|text| day(format_args!("{path}[{index}].{name}"), text))
                .transpose()
        };
        let read = Period {
            start: part("Start", &date.start)?,
            end: part("End", &date.end)?,
        };
        let kind = match &*date.kind {
            "Legal" => &mut legal,
            "Operational" => &mut operational,
            _ => {
                return Err(format!(
                    "{path}[{index}].Type is neither Legal nor Operational"
                ));
            }
        };
        if read.start >= kind.start {
            *kind = read;
        }
    }
    Ok((legal, operational))
}
