//! The register: one edition of what the Organisation Data Service says of every organisation, packed
//! so that a whole country fits in a few megabytes and one is found in a fraction of a microsecond.
//! It is made by [`Draft`](super::draft::Draft) only, and never changes.

use std::ops::Range;

use axle_model::{day::Day, ods::OdsCode, time::Timestamp};

use super::{
    HopBy,
    draft::Faults,
    organisation::{Organisation, Period, Succession},
    trace::{Obstacle, Step},
};

/// One edition of the register.
#[derive(Debug)]
pub struct Register {
    pub(super) version: Box<str>,
    pub(super) taken: Timestamp,
    pub(super) has_manifest: bool,
    pub(super) faults: Faults,
    /// In order; what is packed of each stands at the same place of `entries`.
    pub(super) codes: Box<[OdsCode]>,
    /// The same as numbers, so that finding one compares no texts.
    pub(super) keys: Box<[u64]>,
    pub(super) entries: Box<[Packed]>,
    pub(super) names: Box<str>,
    /// Ids of roles and relationships, each once, in order.
    pub(super) words: Box<[Box<str>]>,
    pub(super) roles: Box<[PackedRole]>,
    pub(super) relations: Box<[PackedRelation]>,
    pub(super) successions: Box<[Succession]>,
    /// Who took over from whom, as either of the two says: by organisation, then by its heir.
    pub(super) heirs: Box<[Heir]>,
}

/// An organisation as it is packed: ranges of the register's slices.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub(super) name: Range<u32>,
    pub(super) roles: Range<u32>,
    pub(super) relations: Range<u32>,
    pub(super) successions: Range<u32>,
    pub(super) active: bool,
    pub(super) legal: Period,
    pub(super) operational: Period,
    pub(super) changed: Option<Day>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PackedRole {
    pub(super) word: u16,
    pub(super) primary: bool,
    pub(super) active: bool,
    pub(super) period: Period,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PackedRelation {
    pub(super) word: u16,
    pub(super) target: OdsCode,
    pub(super) active: bool,
    pub(super) period: Period,
}

/// Who took over from an organisation, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heir {
    pub(super) of: OdsCode,
    pub(super) heir: OdsCode,
    pub(super) start: Day,
}

impl Register {
    /// Which edition this is: the day it was taken and the beginning of its digest.
    pub const fn version(&self) -> &str {
        &self.version
    }

    /// When it was taken from the service; its age counts from here.
    pub const fn taken(&self) -> Timestamp {
        self.taken
    }

    /// Whether a manifest says when; otherwise its files' own dates do, which copying changes.
    pub const fn has_manifest(&self) -> bool {
        self.has_manifest
    }

    /// The records of it that could not be read, and were left out.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How many organisations it holds.
    pub const fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether it holds none; no draft ends as such a register.
    pub const fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Bytes it takes in memory, without what the allocator adds.
    pub fn size_bytes(&self) -> usize {
        let words = self
            .words
            .iter()
            .map(|word| word.len() + size_of::<Box<str>>());
        size_of_val(&*self.codes)
            + size_of_val(&*self.keys)
            + size_of_val(&*self.entries)
            + self.names.len()
            + words.sum::<usize>()
            + size_of_val(&*self.roles)
            + size_of_val(&*self.relations)
            + size_of_val(&*self.successions)
            + size_of_val(&*self.heirs)
    }

    /// An organisation by its code.
    pub fn get(&self, code: OdsCode) -> Option<Organisation<'_>> {
        let place = self.keys.binary_search(&key(code)).ok()?;
        let packed = self.entries.get(place)?;
        Some(Organisation::new(self, code, packed))
    }

    /// Every organisation, in the order of their codes.
    pub fn organisations(&self) -> impl ExactSizeIterator<Item = Organisation<'_>> {
        let all = self.codes.iter().zip(&self.entries);
        all.map(|(&code, packed)| Organisation::new(self, code, packed))
    }

    /// Whoever stands for an organisation on this day, as far as one step goes.
    pub(super) fn step(&self, code: OdsCode, today: Day) -> Step {
        let Some(organisation) = self.get(code) else {
            return Step::Stuck(Obstacle::Unknown);
        };
        if organisation.is_open(today) {
            return organisation.parent_step(today);
        }
        let heirs = self.heirs_of(code, today);
        match *heirs {
            [] => Step::Stuck(Obstacle::Closed),
            [heir] => Step::To(heir, HopBy::Successor),
            [..] => Step::Stuck(Obstacle::Fork(heirs.into())),
        }
    }

    /// Those who have taken over from an organisation by this day, each once.
    fn heirs_of(&self, code: OdsCode, today: Day) -> Vec<OdsCode> {
        let first = self.heirs.partition_point(|heir| heir.of < code);
        let all = self.heirs.iter().skip(first);
        let all = all.take_while(|heir| heir.of == code);
        let mut begun: Vec<OdsCode> = all
            .filter(|heir| heir.start <= today)
            .map(|heir| heir.heir)
            .collect();
        begun.dedup();
        begun
    }

    pub(super) fn slice<'r, T>(&self, all: &'r [T], range: &Range<u32>) -> &'r [T] {
        all.get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn word(&self, word: u16) -> &str {
        self.words.get(usize::from(word)).map_or("", |word| word)
    }
}

/// A code as a number, in the same order: its length, then its characters as digits of base 36.
pub(super) fn key(code: OdsCode) -> u64 {
    let text = code.as_str().as_bytes();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte - b'A' + 10,
    };
    let number = |number: u64, byte: &u8| number * 36 + u64::from(digit(*byte));
    // Nine digits take 47 bits.
    (text.len() as u64) << 48 | text.iter().fold(0, number)
}
