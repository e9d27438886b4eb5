//! A register of patients as an immutable value: what a snapshot of a demographics service says, and
//! what events have changed since. Sixteen bytes for each patient and the family names once each, so
//! that a whole country fits in memory; found by halving, so that nothing but the table is needed.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use axle_model::{
    nhs_number::NhsNumber,
    ods::OdsCode,
    patient::{BirthDate, PatientHint},
    refusal::Reason,
    time::Timestamp,
};
use thiserror::Error;

use super::{DemographicEvent, FamilyName, Happened, Known, Registration};

/// How often one number may be replaced by another; the real service replaces once.
const REPLACEMENTS_MAX: usize = 4;
/// No practice.
const NOWHERE: u16 = u16::MAX;

/// A register. Prints nothing of its patients.
#[derive(Clone, Default)]
pub struct Register {
    table: Arc<Table>,
    /// Shared until an event changes something, so that a copy costs nothing.
    changes: Arc<BTreeMap<u32, Changes>>,
}

/// What a snapshot says.
#[derive(Default)]
struct Table {
    /// When the snapshot was taken.
    time: Timestamp,
    /// By number.
    patients: Box<[Patient]>,
    /// Numbers that are no longer used, and the numbers in their place; by the former.
    replaced: Box<[(u32, u32)]>,
    practices: Box<[OdsCode]>,
    /// All family names one after the other, and where each ends.
    families: Box<str>,
    family_ends: Box<[u32]>,
}

/// One patient, in sixteen bytes.
#[derive(Clone, Copy)]
struct Patient {
    /// The NHS number without its check digit.
    number: u32,
    family: u32,
    birth_date: BirthDate,
    practice: u16,
    deceased: bool,
    restricted: bool,
}

/// What events have said of a patient since the snapshot: of each kind the latest.
#[derive(Clone, Copy, Default)]
struct Changes {
    moved: Option<(Timestamp, Option<OdsCode>)>,
    died: Option<(Timestamp, bool)>,
}

/// A patient as a snapshot describes them.
#[derive(Clone, Copy)]
pub struct Entry<'e> {
    /// The NHS number.
    pub nhs_number: NhsNumber,
    /// The date of birth.
    pub birth_date: BirthDate,
    /// The family name in use.
    pub family: &'e str,
    /// The practice; for somebody who has died the last one.
    pub practice: Option<OdsCode>,
    /// Whether the patient has died.
    pub deceased: bool,
    /// Whether the record is restricted.
    pub restricted: bool,
}

/// A register that is being put together.
#[derive(Default)]
pub struct RegisterBuilder {
    patients: Vec<Patient>,
    replaced: Vec<(u32, u32)>,
    practices: Vec<OdsCode>,
    practice_index: HashMap<OdsCode, u16>,
    families: String,
    family_ends: Vec<u32>,
    family_index: HashMap<FamilyName, u32>,
}

/// Why there is no register. Holds nothing of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotARegister {
    /// A family name without a letter.
    #[error("a family name has no letters")]
    Family,
    /// More than can be numbered.
    #[error("there are more than 65,534 practices, or 4 GiB of family names")]
    TooLarge,
    /// Which of the two is right, nobody can tell.
    #[error("an NHS number is there twice")]
    Twice,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It holds now.
    Changed,
    /// The snapshot or a later event says so already, or something newer.
    Known,
    /// The register has no such patient; the next snapshot will.
    Stranger,
    /// The number belongs to somebody with another date of birth or family name: the event is not to
    /// be believed.
    Mismatch,
}

const fn key(number: NhsNumber) -> u32 {
    // Nine digits, which fit: the tenth follows from them.
    (number.expose() / 10) as u32
}

impl RegisterBuilder {
    /// Adds a patient.
    pub fn add(&mut self, entry: &Entry<'_>) -> Result<(), NotARegister> {
        let name = FamilyName::of(entry.family).ok_or(NotARegister::Family)?;
        let family = match self.family_index.get(&name) {
            Some(&known) => known,
            None => self.name(name)?,
        };
        let practice = match entry.practice {
            None => NOWHERE,
            Some(practice) => self.place(practice)?,
        };
        self.patients.push(Patient {
            number: key(entry.nhs_number),
            family,
            birth_date: entry.birth_date,
            practice,
            deceased: entry.deceased,
            restricted: entry.restricted,
        });
        Ok(())
    }

    /// Adds that a number is no longer used, and another is in its place.
    pub fn replace(&mut self, former: NhsNumber, current: NhsNumber) {
        self.replaced.push((key(former), key(current)));
    }

    /// How many patients and replaced numbers there are so far.
    pub const fn len(&self) -> usize {
        self.patients.len() + self.replaced.len()
    }

    /// Whether there are none so far.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The register, as of `time`.
    pub fn finish(mut self, time: Timestamp) -> Result<Register, NotARegister> {
        self.patients.sort_unstable_by_key(|patient| patient.number);
        self.replaced.sort_unstable();
        let twice = self.patients.windows(2).any(|two| match two {
            [one, other] => one.number == other.number,
            _ => false,
        });
        let replaced_twice = self.replaced.windows(2).any(|two| match two {
            [(one, _), (other, _)] => one == other,
            _ => false,
        });
        let find = |number: &u32| self.patients.binary_search_by_key(number, |p| p.number);
        let both = self.replaced.iter().any(|(former, _)| find(former).is_ok());
        if twice || replaced_twice || both {
            return Err(NotARegister::Twice);
        }
        Ok(Register {
            table: Arc::new(Table {
                time,
                patients: self.patients.into(),
                replaced: self.replaced.into(),
                practices: self.practices.into(),
                families: self.families.into(),
                family_ends: self.family_ends.into(),
            }),
            changes: Arc::default(),
        })
    }

    fn name(&mut self, name: FamilyName) -> Result<u32, NotARegister> {
        let too_large = |_| NotARegister::TooLarge;
        let index = u32::try_from(self.family_ends.len()).map_err(too_large)?;
        self.families.push_str(name.expose());
        let end = u32::try_from(self.families.len()).map_err(too_large)?;
        self.family_ends.push(end);
        self.family_index.insert(name, index);
        Ok(index)
    }

    fn place(&mut self, practice: OdsCode) -> Result<u16, NotARegister> {
        if let Some(&known) = self.practice_index.get(&practice) {
            return Ok(known);
        }
        let index = u16::try_from(self.practices.len()).ok();
        let index = index.filter(|&index| index != NOWHERE);
        let index = index.ok_or(NotARegister::TooLarge)?;
        self.practices.push(practice);
        self.practice_index.insert(practice, index);
        Ok(index)
    }
}

impl Register {
    /// When the snapshot was taken.
    pub fn time(&self) -> Timestamp {
        self.table.time
    }

    /// How many patients there are.
    pub fn len(&self) -> usize {
        self.table.patients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.patients.is_empty()
    }

    /// How many patients events have said something of since the snapshot.
    pub fn changed(&self) -> usize {
        self.changes.len()
    }

    /// What the sender of a document about this patient is told.
    pub fn registration(&self, patient: &PatientHint) -> Registration {
        self.find(patient.nhs_number)
            .map_or(Registration::None(Reason::PatientNotFound), |known| {
                known.registration(patient)
            })
    }

    /// What is known of the patient with this number, or with the one in its place.
    pub fn find(&self, number: NhsNumber) -> Option<Known> {
        let patient = self.table.find(key(number))?;
        let changes = self.changes.get(&patient.number).copied();
        let Changes { moved, died } = changes.unwrap_or_default();
        let practice = self.table.practices.get(usize::from(patient.practice));
        Some(Known {
            birth_date: Some(patient.birth_date),
            families: vec![self.table.family(patient.family)],
            practice: moved.map_or(practice.copied(), |(_, practice)| practice),
            deceased: died.map_or(patient.deceased, |(_, died)| died),
            restricted: patient.restricted,
        })
    }

    /// The same register after an event, and what became of it. The order of events and their
    /// repetition make no difference: the latest of each kind counts, and two that contradict each
    /// other about one moment leave the practice unknown.
    pub fn apply(&mut self, event: &DemographicEvent) -> Applied {
        let Some(patient) = self.table.find(key(event.nhs_number)) else {
            return Applied::Stranger;
        };
        let other_birth = event
            .birth_date
            .is_some_and(|born| born != patient.birth_date);
        let family = event.family.as_ref();
        let other_name = family.is_some_and(|name| *name != self.table.family(patient.family));
        // A name may have changed with the same event; without a date of birth it alone confirms.
        if other_birth || other_name && event.birth_date.is_none() {
            return Applied::Mismatch;
        }
        if event.time <= self.table.time {
            return Applied::Known;
        }
        let changes = Arc::make_mut(&mut self.changes)
            .entry(patient.number)
            .or_default();
        match event.what {
            Happened::Moved(to) => latest(&mut changes.moved, event.time, to, None),
            // Of two contradicting words about one death, the flag that stops most is believed.
            Happened::Died(died) => latest(&mut changes.died, event.time, died, true),
        }
    }
}

/// Puts in force what was said at `time`, unless something later or the same was; `unsure` when
/// something else was said of the same moment.
fn latest<T: PartialEq>(
    standing: &mut Option<(Timestamp, T)>,
    time: Timestamp,
    said: T,
    unsure: T,
) -> Applied {
    match standing {
        Some((at, _)) if *at > time => return Applied::Known,
        Some((at, holds)) if *at == time && *holds == said => return Applied::Known,
        Some((at, holds)) if *at == time => {
            if *holds == unsure {
                return Applied::Known;
            }
            *holds = unsure;
        }
        Some(_) | None => *standing = Some((time, said)),
    }
    Applied::Changed
}

impl Table {
    fn find(&self, mut number: u32) -> Option<Patient> {
        for _ in 0..=REPLACEMENTS_MAX {
            let found = self.patients.binary_search_by_key(&number, |p| p.number);
            if let Ok(index) = found {
                return self.patients.get(index).copied();
            }
            let replaced = self
                .replaced
                .binary_search_by_key(&number, |(former, _)| *former);
            (_, number) = *self.replaced.get(replaced.ok()?)?;
        }
        None
    }

    fn family(&self, index: u32) -> FamilyName {
        let index = index as usize;
        let end = |index: usize| self.family_ends.get(index).map_or(0, |&end| end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        FamilyName::from_exposed(self.families.get(start..end(index)).unwrap_or_default())
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("time", &self.time())
            .field("patients", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterBuilder")
            .field("patients", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(masked)")
    }
}
