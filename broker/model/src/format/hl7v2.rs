//! HL7 v2: a walk over the segments of a message, without a tree and without a copy of its body. Read
//! first of all are those that carry documents and results (MDM, ORU); of every other message, what
//! it says of its sender and patient in the same segments. It knows which field stands for which
//! fact; what the fields look like inside is told in `hl7v2/types.rs`.

mod frame;
mod segment;
mod types;

use std::borrow::Cow;

use self::{
    frame::unframed,
    segment::{Delimiters, Fields},
};
use super::{
    Limits, Malformed, Position,
    assembly::{self, Told, composed, copy_to, identified, whoever},
    moment,
    record::{Found, Record},
};
use crate::facts::{
    Coding, Concept, Destination, Extension, Flag, Identifier, Instruction, MessageHeader, Patient,
    Relation, Resource, Section, Text, words::ACKNOWLEDGEMENTS,
};

/// The system of events, each a message type and a trigger: `MDM^T02`.
const EVENTS: &str = "urn:hl7-org:v2";
/// HL7 table 0270, document type: what TXA-2 names, each trust in its own words.
const DOCUMENT_TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0270";
/// The system of a service (OBR-4) that names none.
const SERVICES: &str = "urn:id:L";

/// The character sets that MSH-18 may name: what is UTF-8 whatever is written in it (table 0211).
const CHARACTER_SETS: [&str; 5] = ["", "ASCII", "ISO IR6", "UNICODE UTF-8", "UTF-8"];
/// Sets that begin as ASCII does begin so. Most engines name one of them whatever they send, so it may
/// stand there if nothing but ASCII is in the message: that is the same in each.
const LIKE_ASCII: &str = "8859/";

/// The most identifiers and names of a patient that are read.
const REPETITIONS_MAX: usize = 100;

/// Reads a message. `text` starts with `MSH` after white space and MLLP's start of block.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Found<'a>), Malformed> {
    let message = unframed(text)?;
    let at = |line: &str| {
        let offset = (line.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        Position::of(text.as_bytes(), offset)
    };
    let Some(delimiters) = Delimiters::of(message) else {
        let what = "MSH-1 and MSH-2 do not declare the delimiters of the message";
        return Err(Malformed::new("V-004", what).at(at(message)));
    };
    let mut walk = Walk {
        record: Record::new(limits),
        limits,
        delimiters,
        is_ascii: message.is_ascii(),
        header: MessageHeader::default(),
        identifier: None,
        assigner: String::new(),
        told: Told::default(),
        seen: Seen::default(),
    };
    let lines = message.split('\r').flat_map(|line| line.split('\n'));
    for (index, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        walk.segment(index, line)
            .map_err(|malformed| malformed.at(at(line)))?;
    }
    Ok(walk.into_resource())
}

/// The segments there may be one of.
#[derive(Default)]
struct Seen {
    patient: bool,
    document: bool,
    service: bool,
}

struct Walk<'a, 'l> {
    record: Record<'a, 'l>,
    limits: &'l Limits,
    delimiters: Delimiters,
    /// Whether there is nothing but ASCII in the message.
    is_ascii: bool,
    header: MessageHeader<'a>,
    identifier: Option<Identifier<'a>>,
    /// The system and facility that send it, under which its own names are looked for.
    assigner: String,
    told: Told<'a>,
    seen: Seen,
}

impl<'a> Walk<'a, '_> {
    /// One segment: its name, and whatever is read of it.
    fn segment(&mut self, index: usize, line: &'a str) -> Result<(), Malformed> {
        let name = line.get(..3).unwrap_or_default();
        let is_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let ends = line.get(3..).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(self.delimiters.field_separator())
        });
        if name.is_empty() || !name.bytes().all(is_name) || !ends {
            let what = format!("line {} is not a segment", index + 1);
            return Err(Malformed::new("V-004", what));
        }
        self.record.step(Cow::Borrowed(name));
        let fields = self.delimiters.fields(line);
        self.lengths(name, &fields, line);
        match name {
            "MSH" if index == 0 => self.header(&fields)?,
            "MSH" | "BHS" | "FHS" => {
                let what = "there is more than one message; each has to be sent on its own";
                return Err(Malformed::new("V-004", what));
            }
            "DSC" if !fields.get(1).is_empty() => return Err(continued()),
            "PID" if std::mem::replace(&mut self.seen.patient, true) => self.record.repeated(),
            "PID" => self.patient(&fields)?,
            "PD1" => self.more_of_the_patient(&fields),
            "ARV" => self.told.is_restricted |= fields.get(2) != "D" && fields.get(2) != "X",
            "TXA" if std::mem::replace(&mut self.seen.document, true) => self.record.repeated(),
            "TXA" => self.document(&fields)?,
            "OBR" => self.service(&fields)?,
            "OBX" => self.observation(&fields)?,
            "PRT" => self.participation(&fields)?,
            _ => {}
        }
        self.record.back();
        Ok(())
    }

    /// V-008: the length of a segment's fields, but for those that carry an attachment.
    fn lengths(&mut self, name: &str, fields: &Fields<'a>, line: &str) {
        if line.len() <= self.limits.string_bytes_max {
            return;
        }
        let (number, length) = self.delimiters.longest(line);
        let carries_data = name == "OBX" && number == 5 && matches!(fields.get(2), "ED" | "RP");
        if !carries_data {
            self.record.length(length);
        }
    }

    /// MSH: who sends what to whom.
    fn header(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        let delimiters = self.delimiters;
        let mut character_sets = delimiters.repetitions(fields.get(18)).map(str::trim);
        let is_utf8 = |name: &str| {
            CHARACTER_SETS.contains(&name) || self.is_ascii && name.starts_with(LIKE_ASCII)
        };
        if !character_sets.all(is_utf8) {
            let what =
                "MSH-18 names a character set in which this message is not what it is in UTF-8";
            return Err(self.record.malformed("V-002", what));
        }
        if !fields.get(14).is_empty() {
            return Err(continued());
        }
        self.assigner = format!("{}|{}", fields.get(3), fields.get(4));
        // A control id is one of its day at best: many systems count them, and begin anew.
        let system = composed(format!("{EVENTS}:{}:{}", fields.get(7), self.assigner));
        let id = delimiters.text(fields.get(10));
        self.identifier = id.map(|id| identified(system, id));
        self.header.event = event(delimiters, fields.get(9));
        self.header.timestamp = delimiters.text(fields.get(7)).map(moment::time);
        self.header.sender = types::facility(delimiters, fields.get(4)).map(whoever);
        let receiver = types::facility(delimiters, fields.get(6)).map(whoever);
        self.header
            .destinations
            .extend(receiver.map(|receiver| Destination {
                receiver: Some(receiver),
                ..Destination::default()
            }));
        let acknowledgement = |name: &'static str, number| {
            Some(Instruction {
                name: Some(Text::from(name)),
                string: Some(delimiters.text(fields.get(number))?),
                ..Instruction::default()
            })
        };
        let asked = [
            acknowledgement("accept", 15),
            acknowledgement("application", 16),
        ];
        self.header.extensions.push(Extension {
            url: Some(Text::from(ACKNOWLEDGEMENTS)),
            instructions: asked.into_iter().flatten().collect(),
            ..Extension::default()
        });
        Ok(())
    }

    /// PID: whom it is about.
    fn patient(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        let delimiters = self.delimiters;
        let mut patient = Patient::default();
        for raw in delimiters.repetitions(fields.get(3)).take(REPETITIONS_MAX) {
            self.record.keep()?;
            patient
                .identifiers
                .extend(types::patient_identifier(delimiters, raw));
        }
        types::verification(
            &mut patient.identifiers,
            delimiters.component(fields.get(32), 1),
        );
        for raw in delimiters.repetitions(fields.get(5)).take(REPETITIONS_MAX) {
            self.record.keep()?;
            patient.names.push(types::name(delimiters, raw));
        }
        patient.birth_date = delimiters.text(fields.get(7)).map(moment::day);
        patient.deceased_time = delimiters.text(fields.get(29)).map(moment::time);
        patient.deceased = match fields.get(30) {
            "" | "\"\"" => None,
            "Y" => Some(Flag::True),
            "N" => Some(Flag::False),
            _ => Some(Flag::Unreadable),
        };
        self.told.patient = Some(patient);
        Ok(())
    }

    /// PD1: where the patient is registered, as the sender says, and whether that is to be known.
    fn more_of_the_patient(&mut self, fields: &Fields<'a>) {
        let delimiters = self.delimiters;
        self.told.is_restricted |= fields.get(12) == "Y";
        if let Some(patient) = &mut self.told.patient {
            let practices = delimiters.repetitions(fields.get(3)).take(REPETITIONS_MAX);
            let practices = practices.filter_map(|raw| types::organisation(delimiters, raw));
            patient.practices.extend(practices.map(whoever));
        }
    }

    /// TXA: what document it is.
    fn document(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        let delimiters = self.delimiters;
        let kind = types::coded(delimiters, fields.get(2), DOCUMENT_TYPES);
        self.told.composition.kind = kind.map(concept);
        let written = delimiters
            .text(fields.get(6))
            .or_else(|| delimiters.text(fields.get(4)));
        self.told.composition.date = written.map(moment::time);
        let number = types::entity(delimiters, fields.get(12), &self.assigner);
        let parent = types::entity(delimiters, fields.get(13), &self.assigner);
        let relation = parent.filter(|parent| Some(parent) != number.as_ref());
        let relation = relation.map(|parent| Relation {
            // Only a notice of replacement (T09, T10) says that the parent is not to be read any more.
            code: Some(Text::from(if self.replaces() {
                "replaces"
            } else {
                "appends"
            })),
            target_identifier: Some(parent),
            target_reference: None,
        });
        self.told.composition.relates_to.extend(relation);
        self.told.composition.identifier = number;
        self.told.composition.status = status(delimiters.component(fields.get(17), 1));
        self.told.composition.confidentiality = match delimiters.component(fields.get(18), 1) {
            "" | "\"\"" => None,
            "U" => Some(Text::from("N")),
            other => delimiters.text(other),
        };
        self.copies(fields.get(23))
    }

    fn replaces(&self) -> bool {
        let event = self.header.event.as_ref().and_then(Coding::code);
        matches!(event, Some("MDM^T09" | "MDM^T10"))
    }

    /// OBR: what was looked at. The first is what the message is about, where no TXA says more.
    fn service(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        let delimiters = self.delimiters;
        let coding = types::coded(delimiters, fields.get(4), SERVICES);
        if !std::mem::replace(&mut self.seen.service, true) && !self.seen.document {
            self.told.composition.kind = coding.clone().map(concept);
            let reported = delimiters
                .text(fields.get(22))
                .or_else(|| delimiters.text(fields.get(7)));
            self.told.composition.date = reported.map(moment::time);
        }
        if let Some(coding) = coding {
            self.record.entry()?;
            self.told.composition.sections.push(Section {
                code: Some(concept(coding)),
                ..Section::default()
            });
        }
        self.copies(fields.get(28))
    }

    /// OBX: an attachment, where it is one.
    fn observation(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        if fields.get(2) != "ED" {
            return Ok(());
        }
        for raw in self.delimiters.repetitions(fields.get(5)) {
            self.record.entry()?;
            let attachment = types::attachment(self.delimiters, raw);
            self.told.attachments.push(attachment);
        }
        Ok(())
    }

    /// PRT: an organisation that is to get a copy of the results.
    fn participation(&mut self, fields: &Fields<'a>) -> Result<(), Malformed> {
        if self.delimiters.component(fields.get(4), 1) != "RCT" {
            return Ok(());
        }
        let organisations = self.delimiters.repetitions(fields.get(8));
        for raw in organisations.take(REPETITIONS_MAX) {
            if let Some(organisation) = types::organisation(self.delimiters, raw) {
                self.record.keep()?;
                self.told.composition.extensions.push(copy_to(organisation));
            }
        }
        Ok(())
    }

    /// Persons who are to get a copy, at the facilities where they are known.
    fn copies(&mut self, raw: &'a str) -> Result<(), Malformed> {
        for person in self.delimiters.repetitions(raw).take(REPETITIONS_MAX) {
            if let Some(facility) = types::person_s_facility(self.delimiters, person) {
                self.record.keep()?;
                self.told.composition.extensions.push(copy_to(facility));
            }
        }
        Ok(())
    }

    fn into_resource(mut self) -> (Resource<'a>, Found<'a>) {
        let sent = self.header.timestamp.clone();
        let date = &mut self.told.composition.date;
        *date = date.take().or(sent);
        let root = assembly::message(self.identifier, self.header, vec![self.told]);
        (root, self.record.into_found())
    }
}

/// MSH-9: what kind of message it is and what for.
fn event<'a>(delimiters: Delimiters, raw: &str) -> Option<Coding<'a>> {
    let [kind, trigger] = delimiters.components(raw);
    let is_code = |text: &str| {
        text.len() == 3
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let code = match (is_code(kind), is_code(trigger)) {
        (true, true) => format!("{kind}^{trigger}"),
        (true, false) => kind.to_owned(),
        (false, _) => return None,
    };
    Some(Coding {
        system: Some(Text::from(EVENTS)),
        code: Some(composed(code)),
    })
}

/// TXA-17: only what was authenticated is final (HL7 table 0271).
fn status(code: &str) -> Option<Text<'static>> {
    match code {
        "" | "\"\"" => None,
        "AU" | "LA" => Some(Text::from("final")),
        _ => Some(Text::from("preliminary")),
    }
}

fn concept(coding: Coding<'_>) -> Concept<'_> {
    Concept {
        codings: vec![coding],
    }
}

fn continued() -> Malformed {
    let what = "the message is cut short: it says that it is continued in another";
    Malformed::new("V-004", what)
}

#[cfg(test)]
mod tests;
