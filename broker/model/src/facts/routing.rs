//! What routing asks of the facts: everything a routing table can match, whichever syntax it was
//! written in. Claims of the sender, all of it: a document's own word never finds a recipient by
//! itself, but for the copies its workflow honours.

use super::{Coding, Concept, Content, Extension, Facts, Flag, Section, present};
use crate::ods::OdsCode;

/// The extensions that name a care setting end so.
const CARE_SETTING: &str = "-CareSettingType-1";
/// The extension that names who gets a copy, as older documents have it.
pub(crate) const INFORMATION_RECIPIENT: &str = "Extension-ITK-InformationRecipient-1";
/// The extensions of an NHS number that say how far it was verified.
pub(crate) const VERIFICATION: &str = "NHSNumberVerificationStatus";
/// The most sections whose codes are looked at.
const SECTIONS_MAX: usize = 1_000;

impl Facts<'_> {
    /// The codes of all sections, those within others included, each a system and a code.
    pub fn section_codes(&self) -> Vec<(&str, &str)> {
        let mut sections: Vec<&Section<'_>> =
            self.composition().map_or_else(Vec::new, |composition| {
                composition.sections.iter().collect()
            });
        let mut next = 0;
        while let Some(section) = sections.get(next).copied() {
            let room = SECTIONS_MAX.saturating_sub(sections.len());
            sections.extend(section.sections.iter().take(room));
            next += 1;
        }
        let concepts = sections
            .into_iter()
            .filter_map(|section| section.code.as_ref());
        concepts.flat_map(codes).collect()
    }

    /// The care settings that the Composition names, each a system and a code.
    pub fn care_settings(&self) -> Vec<(&str, &str)> {
        let settings = self
            .extensions()
            .filter(|extension| ends(extension, CARE_SETTING));
        let concepts = settings.filter_map(|extension| extension.concept.as_ref());
        concepts.flat_map(codes).collect()
    }

    /// The specialties of the roles that the document brings, each a system and a code.
    pub fn specialties(&self) -> Vec<(&str, &str)> {
        let document = self.document();
        let entries = document
            .iter()
            .flat_map(|document| &document.bundle.entries);
        let specialties = entries.filter_map(|entry| {
            let Content::Role(role) = &entry.resource.content else {
                return None;
            };
            Some(&role.specialties)
        });
        specialties.flatten().flat_map(codes).collect()
    }

    /// Whether the document or its patient is marked as restricted or very restricted, or not to be
    /// told to the patient: it then goes to named recipients only.
    pub fn is_restricted(&self) -> bool {
        let is_mark = |code: &str| matches!(code, "R" | "V" | "S" | "NOPAT");
        let document = self.document();
        let composition = self.composition();
        let confidentiality =
            composition.and_then(|composition| present(composition.confidentiality.as_ref()));
        let outer = std::iter::once(&self.root);
        let bundles = document.iter().map(|document| document.bundle);
        let bundles = bundles.chain(self.bundle());
        let resources =
            bundles.flat_map(|bundle| bundle.entries.iter().map(|entry| &entry.resource));
        let marked = outer.chain(resources).any(|resource| {
            let marks = resource.meta.iter().flat_map(|meta| &meta.security);
            marks.filter_map(Coding::code).any(is_mark)
        });
        marked || confidentiality.is_some_and(is_mark)
    }

    /// Whether the document says that its patient has died.
    pub fn is_deceased(&self) -> bool {
        self.patient().is_some_and(|patient| {
            patient.deceased == Some(Flag::True)
                || present(patient.deceased_time.as_ref()).is_some()
        })
    }

    /// How far the NHS number was verified, by the code the document gives: `01` is verified.
    pub fn nhs_number_status(&self) -> Option<&str> {
        let identifiers = self.patient()?.identifiers.iter();
        let extensions = identifiers.flat_map(|identifier| &identifier.extensions);
        let status = extensions.filter(|extension| {
            present(extension.url.as_ref()).is_some_and(|url| url.contains(VERIFICATION))
        });
        status
            .filter_map(|extension| extension.concept.as_ref())
            .flat_map(|concept| &concept.codings)
            .find_map(Coding::code)
    }

    /// Whether the message is for action (`FA`) or for information (`FI`), as its handling says.
    pub fn recipient_type(&self) -> Option<&str> {
        let handling = self.header()?.handling().next()?;
        handling
            .named("RecipientType")
            .next()?
            .coding
            .as_ref()?
            .code()
    }

    /// The organisations that the message's header names as receivers, without repeats.
    pub fn receivers(&self) -> Vec<OdsCode> {
        let (Some(bundle), Some(header)) = (self.bundle(), self.header()) else {
            return Vec::new();
        };
        let receivers = header.receivers().take(super::REFERENCES_MAX);
        super::distinct(receivers.filter_map(|receiver| bundle.ods_code(receiver)))
    }

    /// The organisations that are to get a copy: those of the distribution list, and those that older
    /// documents name in an extension; without repeats.
    pub fn copies(&self) -> Vec<OdsCode> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let named = self
            .extensions()
            .filter(|extension| ends(extension, INFORMATION_RECIPIENT));
        let named = named.filter_map(|extension| extension.reference.as_ref());
        let listed = self.distribution_list();
        super::distinct(
            listed
                .chain(named)
                .take(super::REFERENCES_MAX)
                .filter_map(|reference| document.bundle.ods_code(reference)),
        )
    }

    /// The practices that the document says its patient belongs to. They confirm or contradict a
    /// look-up, and never take its place.
    pub fn stated_practices(&self) -> Vec<OdsCode> {
        let (Some(document), Some(patient)) = (self.document(), self.patient()) else {
            return Vec::new();
        };
        let practices = patient.practices.iter().take(super::REFERENCES_MAX);
        super::distinct(practices.filter_map(|practice| document.bundle.ods_code(practice)))
    }

    fn extensions(&self) -> impl Iterator<Item = &Extension<'_>> {
        let composition = self.composition().into_iter();
        composition.flat_map(|composition| &composition.extensions)
    }
}

fn codes<'f>(concept: &'f Concept<'_>) -> impl Iterator<Item = (&'f str, &'f str)> {
    let codings = concept.codings.iter();
    codings.filter_map(|coding| Some((coding.system()?, coding.code()?)))
}

fn ends(extension: &Extension<'_>, with: &str) -> bool {
    present(extension.url.as_ref()).is_some_and(|url| url.ends_with(with))
}
