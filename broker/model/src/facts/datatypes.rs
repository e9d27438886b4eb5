//! FHIR's small types, as much of them as the facts need.

use super::{Extension, Text, present};
use crate::ods::OdsCode;

/// The system of the ODS codes of organisations.
pub(crate) const ODS_ORGANISATION: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// The system of the ODS codes of sites.
pub(crate) const ODS_SITE: &str = "https://fhir.nhs.uk/Id/ods-site-code";

/// Identifier: a value within a system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identifier<'a> {
    /// The system, a URI.
    pub system: Option<Text<'a>>,
    /// The value within it.
    pub value: Option<Text<'a>>,
    /// Its extensions: how far an NHS number was verified.
    pub extensions: Vec<Extension<'a>>,
}

impl Identifier<'_> {
    /// The system, if there is one that is not empty.
    pub fn system(&self) -> Option<&str> {
        present(self.system.as_ref())
    }

    /// The value, if there is one that is not empty.
    pub fn value(&self) -> Option<&str> {
        present(self.value.as_ref())
    }

    /// Whether its system is that of organisations or sites of ODS.
    pub fn is_ods(&self) -> bool {
        let Some(system) = self.system() else {
            return false;
        };
        // Booking and referral writes `/id/` where everything else writes `/Id/`.
        [ODS_ORGANISATION, ODS_SITE]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(system))
    }

    /// The value as an ODS code of an organisation or a site, if it is one.
    pub fn ods_code(&self) -> Option<OdsCode> {
        OdsCode::parse(self.value().filter(|_| self.is_ods())?).ok()
    }
}

/// Coding: a code within a system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coding<'a> {
    /// The system, a URI.
    pub system: Option<Text<'a>>,
    /// The code within it.
    pub code: Option<Text<'a>>,
}

impl Coding<'_> {
    /// The system, if there is one that is not empty.
    pub fn system(&self) -> Option<&str> {
        present(self.system.as_ref())
    }

    /// The code, if there is one that is not empty.
    pub fn code(&self) -> Option<&str> {
        present(self.code.as_ref())
    }
}

/// CodeableConcept: one meaning in one or several code systems.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Concept<'a> {
    /// Its codings, in their order.
    pub codings: Vec<Coding<'a>>,
}

impl Concept<'_> {
    /// Whether one of the codings has `code`.
    pub fn has(&self, code: &str) -> bool {
        self.codings
            .iter()
            .any(|coding| coding.code() == Some(code))
    }
}

/// Reference: to a resource by address, or to whatever has an identifier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference<'a> {
    /// The address: `urn:uuid:…`, `Type/id` or a URL.
    pub reference: Option<Text<'a>>,
    /// What identifies the target, with or without an address.
    pub identifier: Option<Identifier<'a>>,
}

impl Reference<'_> {
    /// The address, if there is one that is not empty.
    pub fn address(&self) -> Option<&str> {
        present(self.reference.as_ref())
    }
}
