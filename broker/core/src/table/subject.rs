//! Subject: a document as the table sees it, whichever syntax it was written in. Everything is looked
//! up only when an entry of the table asks for it.

use axle_model::{
    day::Day,
    facts::{Facts, Release},
    ods::OdsCode,
    patient::BirthDate,
    time::Timestamp,
};

use super::{
    condition::Key,
    value::{ROLE, flag_word},
};
use crate::{authorise::Authorised, organisations::Organisations, snapshot::Snapshot};

/// A document as the table sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'d> {
    /// What is known of the document; `None` for one that is not read.
    pub facts: Option<&'d Facts<'d>>,
    /// The organisation that sends it.
    pub sender: OdsCode,
    /// Its length in bytes.
    pub size: u64,
    /// Whether its sender marks it as restricted; the document may do so too.
    pub restricted: bool,
    /// Whether the register says that the patient has died; the document may do so too.
    pub deceased: bool,
    /// When it is looked at: the patient's age depends on it.
    pub now: Timestamp,
    /// The register, for the roles of organisations.
    pub organisations: &'d Organisations,
    /// Its class, once it is found.
    pub class: Option<&'d str>,
    /// Whom it is for, once that is found.
    pub recipient: Option<OdsCode>,
}

impl<'d> Subject<'d> {
    /// A document whose sender is known, before its recipient is looked for.
    pub fn new(
        snapshot: &'d Snapshot,
        authorised: &Authorised,
        facts: Option<&'d Facts<'d>>,
        now: Timestamp,
    ) -> Self {
        let submission = authorised.submission();
        Self {
            facts,
            sender: authorised.sender(),
            size: submission.body.len() as u64,
            restricted: submission.restricted,
            deceased: false,
            now,
            organisations: &snapshot.organisations,
            class: None,
            recipient: None,
        }
    }
}

impl Subject<'_> {
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The complement of the patient's age in years, as [`super::matcher`] keeps ages.
    pub(super) fn age(&self) -> Option<u64> {
        let born = self.facts?.patient()?.birth_date.as_deref()?;
        let years = BirthDate::parse(born).ok()?.years_at(self.now)?;
        Some(u64::MAX - u64::from(years))
    }

    /// Whether it goes to named recipients only, as far as sender and document say.
    pub fn is_restricted(&self) -> bool {
        self.restricted || self.facts.is_some_and(Facts::is_restricted)
    }

    /// Whether its patient has died, as far as register and document say.
    pub fn is_deceased(&self) -> bool {
        self.deceased || self.facts.is_some_and(Facts::is_deceased)
    }

    /// Gives every value it has of a key, each a system (empty for plain words) and a code.
    pub(super) fn each(&self, key: Key, mut found: impl FnMut(&str, &str)) {
        match key {
            Key::Class => self.class.into_iter().for_each(|id| found("", id)),
            Key::Sender => found("", self.sender.as_str()),
            Key::SenderRole => self.roles(self.sender, found),
            Key::RecipientRole => {
                if let Some(recipient) = self.recipient {
                    self.roles(recipient, found);
                }
            }
            Key::Restricted => found("", flag_word(self.is_restricted())),
            Key::Deceased => found("", flag_word(self.is_deceased())),
            Key::Event
            | Key::Type
            | Key::Section
            | Key::CareSetting
            | Key::Specialty
            | Key::RecipientType
            | Key::HasAttachment
            | Key::AttachmentType
            | Key::Fhir
            | Key::Header
            | Key::NhsVerified => {
                if let Some(facts) = self.facts {
                    stated(facts, key, found);
                }
            }
        }
    }

    fn roles(&self, organisation: OdsCode, mut found: impl FnMut(&str, &str)) {
        let today = Day::in_uk(self.now);
        let register = self.organisations.register();
        let organisation = register.and_then(|register| register.get(organisation));
        let roles = organisation.into_iter().flat_map(|one| one.roles());
        for role in roles.filter(|role| role.holds(today)) {
            found(ROLE, role.id);
        }
    }
}

/// What the document itself states of a key.
fn stated(facts: &Facts<'_>, key: Key, mut found: impl FnMut(&str, &str)) {
    let mut all = |codes: Vec<(&str, &str)>| {
        for (system, code) in codes {
            found(system, code);
        }
    };
    match key {
        Key::Event => facts
            .event_code()
            .into_iter()
            .for_each(|code| found("", code)),
        Key::Type => facts.types().for_each(|(system, code)| found(system, code)),
        Key::Section => all(facts.section_codes()),
        Key::CareSetting => all(facts.care_settings()),
        Key::Specialty => all(facts.specialties()),
        Key::RecipientType => {
            facts
                .recipient_type()
                .into_iter()
                .for_each(|word| found("", word));
        }
        Key::HasAttachment => found("", flag_word(!facts.attachments().is_empty())),
        Key::AttachmentType => {
            let attachments = facts.attachments().into_iter();
            let types = attachments.filter_map(|one| one.content_type.as_deref());
            types.for_each(|content_type| found("", content_type));
        }
        Key::Fhir => match facts.release {
            Some(Release::Stu3) => found("", "stu3"),
            Some(Release::R4) => found("", "r4"),
            None => {}
        },
        Key::Header => found("", flag_word(facts.header().is_some())),
        Key::NhsVerified => {
            let numbered = facts
                .patient()
                .is_some_and(|one| one.nhs_number().is_some());
            let verified = facts
                .nhs_number_status()
                .is_none_or(|status| status == "01");
            found("", flag_word(numbered && verified));
        }
        Key::Class
        | Key::Sender
        | Key::SenderRole
        | Key::RecipientRole
        | Key::Restricted
        | Key::Deceased => {}
    }
}
