//! The people and organisations of a document, as much of them as routing needs.

use std::fmt;

use super::{Attachment, Concept, Flag, Identifier, Reference, Text, present};
use crate::ods::OdsCode;

/// The system of NHS numbers.
pub(crate) const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// Patient. Prints nothing of what it holds.
#[derive(Clone, Default, PartialEq)]
pub struct Patient<'a> {
    /// The identifiers, in their order.
    pub identifiers: Vec<Identifier<'a>>,
    /// The date of birth as written.
    pub birth_date: Option<Text<'a>>,
    /// The gender as written.
    pub gender: Option<Text<'a>>,
    /// The names, in their order.
    pub names: Vec<Name<'a>>,
    /// Whether other records are linked as the same person's.
    pub has_link: bool,
    /// Whether they have died (`deceasedBoolean`).
    pub deceased: Option<Flag>,
    /// When they died (`deceasedDateTime`).
    pub deceased_time: Option<Text<'a>>,
    /// Who their practice is, as the sender says: it never routes.
    pub practices: Vec<Reference<'a>>,
}

impl Patient<'_> {
    /// The NHS number as it is written, unchecked: the first identifier of that system.
    pub fn nhs_number(&self) -> Option<&str> {
        self.nhs_numbers().next()?.1.value()
    }

    /// Its identifiers that are NHS numbers, each with its place; a right patient has one at most.
    pub fn nhs_numbers(&self) -> impl Iterator<Item = (usize, &Identifier<'_>)> {
        let is_nhs_number = |(_, identifier): &(usize, &Identifier<'_>)| {
            // Booking and referral writes `/id/` where everything else writes `/Id/`.
            let system = identifier.system();
            system.is_some_and(|system| system.eq_ignore_ascii_case(NHS_NUMBER))
        };
        self.identifiers.iter().enumerate().filter(is_nhs_number)
    }

    /// The family name: of the official name, else of the first that has one.
    pub fn family(&self) -> Option<&str> {
        let official = |name: &&Name<'_>| present(name.usage.as_ref()) == Some("official");
        let family = |name| present(Name::family(name));
        self.names
            .iter()
            .find(official)
            .and_then(family)
            .or_else(|| self.names.iter().find_map(family))
    }
}

impl fmt::Debug for Patient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(masked)")
    }
}

/// HumanName.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Name<'a> {
    /// What the name is used for (`use`).
    pub usage: Option<Text<'a>>,
    /// The family name.
    pub family: Option<Text<'a>>,
}

impl<'a> Name<'a> {
    const fn family(&self) -> Option<&Text<'a>> {
        self.family.as_ref()
    }
}

/// Organization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Organisation<'a> {
    /// The identifiers, in their order.
    pub identifiers: Vec<Identifier<'a>>,
}

impl Organisation<'_> {
    /// Its ODS code: the first identifier that is one.
    pub fn ods_code(&self) -> Option<OdsCode> {
        self.identifiers.iter().find_map(Identifier::ods_code)
    }
}

/// PractitionerRole or HealthcareService: someone or something that acts for an organisation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role<'a> {
    /// The organisation (`organization`, `providedBy`).
    pub organisation: Option<Reference<'a>>,
    /// What it is specialised in.
    pub specialties: Vec<Concept<'a>>,
}

/// Practitioner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Practitioner<'a> {
    /// The numbers they are registered by.
    pub identifiers: Vec<Identifier<'a>>,
}

/// One content of a DocumentReference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttachmentHolder<'a> {
    /// The attachment.
    pub attachment: Option<Attachment<'a>>,
}
