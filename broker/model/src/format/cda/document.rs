//! A clinical document: which element, by the way to it from `ClinicalDocument`, is which fact.

use super::{
    super::{
        Malformed,
        assembly::{Told, copy_to, whoever},
        base64, moment,
        xml::Tag,
    },
    Begun, Reading,
    types::{self, instance},
};
use crate::facts::{Attachment, Concept, Name, Relation, Section, Text, words::CDA_TYPE};

/// The type that every CDA document says it is (typeId).
const TYPE: (&str, &str) = ("2.16.840.1.113883.1.3", "POCD_HD000040");

impl<'a> Reading<'a, '_> {
    /// An element within a document begins.
    pub(super) fn document(&mut self, way: &[&str], tag: &Tag<'a>) -> Result<Begun, Malformed> {
        let Some(told) = self.documents.last_mut() else {
            return Ok(Begun::Read);
        };
        match way {
            ["typeId"] => {
                let (root, extension) = (tag.get("root")?, tag.get("extension")?);
                let right = (root.as_deref(), extension.as_deref()) == (Some(TYPE.0), Some(TYPE.1));
                told.profile = right.then(|| Text::from(CDA_TYPE));
            }
            ["id"] => return once(&mut told.identifier, instance(tag)?),
            ["setId"] => return once(&mut told.composition.identifier, instance(tag)?),
            ["code"] => {
                let concept = types::coding(tag)?.map(|coding| Concept {
                    codings: vec![coding],
                });
                return once(&mut told.composition.kind, concept);
            }
            ["code", "translation"] => {
                self.walk.record.keep()?;
                if let Some(kind) = &mut told.composition.kind {
                    kind.codings.extend(types::coding(tag)?);
                }
            }
            ["effectiveTime"] => {
                let time = types::attribute(tag, "value")?.map(moment::time);
                return once(&mut told.composition.date, time);
            }
            ["confidentialityCode"] => {
                let code = types::attribute(tag, "code")?;
                return once(&mut told.composition.confidentiality, code);
            }
            ["recordTarget", rest @ ..] => {
                self.walk.record.keep()?;
                return patient(told, rest, tag);
            }
            ["component", "nonXMLBody", "text"] => self.data(tag)?,
            [
                "component",
                "structuredBody",
                ..,
                "observationMedia",
                "value",
            ] => self.data(tag)?,
            ["component", "structuredBody", .., "section"] => {
                self.walk.record.keep()?;
                told.composition.sections.push(Section::default());
            }
            ["component", "structuredBody", .., "section", "code"] => {
                let coding = types::coding(tag)?;
                if let Some(section) = told.composition.sections.last_mut() {
                    let concept = coding.map(|coding| Concept {
                        codings: vec![coding],
                    });
                    section.code = section.code.take().or(concept);
                }
            }
            [
                "author" | "custodian" | "informationRecipient" | "relatedDocument",
                ..,
            ] => {
                return self.party(way, tag);
            }
            _ => {}
        }
        Ok(Begun::Read)
    }

    /// The organisations of a document, and the documents it has to do with.
    fn party(&mut self, way: &[&str], tag: &Tag<'a>) -> Result<Begun, Malformed> {
        let Some(told) = self.documents.last_mut() else {
            return Ok(Begun::Read);
        };
        let composition = &mut told.composition;
        match way {
            ["author", "assignedAuthor", "representedOrganization", "id"] => {
                self.walk.record.keep()?;
                composition.authors.extend(instance(tag)?.map(whoever));
            }
            [
                "custodian",
                "assignedCustodian",
                "representedCustodianOrganization",
                "id",
            ] => {
                return once(&mut composition.custodian, instance(tag)?.map(whoever));
            }
            [
                "informationRecipient",
                "intendedRecipient",
                "receivedOrganization",
                "id",
            ] => {
                self.walk.record.keep()?;
                composition.extensions.extend(instance(tag)?.map(copy_to));
            }
            ["relatedDocument"] => {
                self.walk.record.keep()?;
                let code = types::attribute(tag, "typeCode")?;
                composition.relates_to.push(Relation {
                    code: code.map(|code| match &*code {
                        "RPLC" => Text::from("replaces"),
                        "APND" => Text::from("appends"),
                        "XFRM" => Text::from("transforms"),
                        _ => code,
                    }),
                    ..Relation::default()
                });
            }
            ["relatedDocument", "parentDocument", "id"] => {
                if let Some(relation) = composition.relates_to.last_mut() {
                    return once(&mut relation.target_identifier, instance(tag)?);
                }
            }
            _ => {}
        }
        Ok(Begun::Read)
    }

    /// An element whose contents are an attachment, if they say that they are base64.
    fn data(&mut self, tag: &Tag<'a>) -> Result<(), Malformed> {
        if types::attribute(tag, "representation")?.as_deref() != Some("B64") {
            return Ok(());
        }
        self.walk.record.entry()?;
        // Of any length, under the name that attachments have elsewhere.
        self.walk.record.back();
        self.walk.record.step("data".into());
        if let Some(told) = self.documents.last_mut() {
            told.attachments.push(Attachment {
                content_type: types::attribute(tag, "mediaType")?,
                ..Attachment::default()
            });
        }
        Ok(())
    }

    /// An element within a document is over; `text` is what stood in it.
    pub(super) fn contents(&mut self, way: &[&str], text: &'a str) -> Result<(), Malformed> {
        let Some(told) = self.documents.last_mut() else {
            return Ok(());
        };
        match way {
            ["recordTarget", "patientRole", "patient", "name", "family"] => {
                let family = types::text(text)?;
                let patient = told.patient.as_mut();
                if let Some(name) = patient.and_then(|patient| patient.names.last_mut()) {
                    name.family = name.family.take().or(family);
                }
            }
            ["component", "nonXMLBody", "text"]
            | [
                "component",
                "structuredBody",
                ..,
                "observationMedia",
                "value",
            ] if self.walk.record.name() == "data" => {
                if let Some(attachment) = told.attachments.last_mut() {
                    let data = types::raw(text);
                    attachment.data = data.map(base64::look);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// recordTarget: whom it is about.
fn patient<'a>(told: &mut Told<'a>, way: &[&str], tag: &Tag<'a>) -> Result<Begun, Malformed> {
    if way.is_empty() {
        let is_first = told.patient.is_none();
        told.patient.get_or_insert_default();
        return Ok(if is_first {
            Begun::Read
        } else {
            Begun::Repeated
        });
    }
    let patient = told.patient.get_or_insert_default();
    match way {
        ["patientRole", "id"] => patient.identifiers.extend(types::patient_identifier(tag)?),
        ["patientRole", "providerOrganization", "id"] => {
            patient.practices.extend(instance(tag)?.map(whoever));
        }
        ["patientRole", "patient", "name"] => {
            let usage = types::attribute(tag, "use")?;
            let is_legal = usage.is_none_or(|usage| usage.split(' ').any(|word| word == "L"));
            patient.names.push(Name {
                usage: is_legal.then(|| Text::from("official")),
                ..Name::default()
            });
        }
        ["patientRole", "patient", "birthTime"] => {
            let born = types::attribute(tag, "value")?.map(moment::day);
            return once(&mut patient.birth_date, born);
        }
        _ => {}
    }
    Ok(Begun::Read)
}

/// Fills what there may be one of.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<Begun, Malformed> {
    if slot.is_some() {
        return Ok(Begun::Repeated);
    }
    *slot = value;
    Ok(Begun::Read)
}
