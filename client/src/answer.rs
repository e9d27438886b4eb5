//! Answering: what a collected document asks to be answered, and the response of ITK3 that answers it.
//! The response is built of what the document says of itself and of a code; it carries nothing of the
//! patient. Sending it is submitting a document like any other.

use std::fmt::Write as _;

use axle_model::{
    answer::{EVENT, ResponseCode, SYSTEM, Stage},
    digest::Digest,
    envelope::MediaType,
    facts::Asked,
    format::{self, Limits},
    time::Timestamp,
};
use axle_proto::v1::{DocumentHeader, SubmitDocumentResponse};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{collect::Received, connection::Client, error::ClientError};

/// What the workflow of an answer ends in.
const ACKNOWLEDGEMENT: &str = "_ACK";
const MESSAGE_PROFILE: &str = "https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Message-Bundle-1";
const HEADER_PROFILE: &str = "https://fhir.nhs.uk/STU3/StructureDefinition/ITK-MessageHeader-2";
const HANDLING: &str =
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2";
const OUTCOME_PROFILE: &str =
    "https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Response-OperationOutcome-1";
const DEFINITION: &str =
    "https://fhir.nhs.uk/STU3/MessageDefinition/ITK-Response-MessageDefinition-1";
const EVENTS: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2";
const RECIPIENT_TYPES: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1";
const ORGANISATION_CODES: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
const UUIDS: &str = "https://tools.ietf.org/html/rfc4122";

/// What a collected document asks, with what its answers need to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// messages/UUID/deliveries/ODS.
    pub delivery: String,
    /// The organisation that sent the document.
    pub sender: String,
    /// The organisation that was given it, and answers.
    pub recipient: String,
    /// The workflow that the answers travel under.
    pub workflow: String,
    /// What the answers call the document: the id of its message's header.
    pub identifier: String,
    /// The sender's own reference, handed back as it is.
    pub sender_reference: String,
    /// Whether it asks if it was taken in.
    pub infrastructure: bool,
    /// Whether it asks if the patient is known.
    pub business: bool,
}

/// An answer that is ready to be sent, as often as it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The delivery that it answers.
    pub delivery: String,
    /// Its submission id: one for each answer of each delivery.
    pub submission_id: String,
    /// To whom it goes.
    pub recipient: String,
    /// The workflow that it travels under.
    pub workflow: String,
    /// Its response code.
    pub code: u32,
    /// The message, FHIR XML.
    pub content: String,
}

impl Question {
    /// What a document asks; `None` when it asks nothing, or cannot be read.
    pub fn of(received: &Received) -> Option<Self> {
        let media_type = MediaType::parse(&received.message.media_type)?;
        let facts = format::read(&media_type, &received.content, &Limits::default()).ok()?;
        let Asked {
            infrastructure,
            business,
        } = facts.asked();
        if !infrastructure && !business {
            return None;
        }
        let mailbox = received.mailbox.strip_prefix("mailboxes/")?;
        Some(Self {
            delivery: received.name.clone(),
            sender: received.message.sender.clone(),
            recipient: mailbox.split('/').next()?.to_owned(),
            workflow: format!("{}{ACKNOWLEDGEMENT}", received.message.workflow),
            identifier: facts.header_id()?.to_owned(),
            sender_reference: facts.sender_reference().unwrap_or("None").to_owned(),
            infrastructure,
            business,
        })
    }

    /// Whether the answer of that stage is asked for.
    pub const fn asks(&self, stage: Stage) -> bool {
        match stage {
            Stage::Infrastructure => self.infrastructure,
            Stage::Business => self.business,
        }
    }

    /// The answer with this code, written at `now`.
    pub fn answer(&self, code: ResponseCode, positive: bool, now: Timestamp) -> Response {
        Response {
            delivery: self.delivery.clone(),
            submission_id: format!("answer/{}/{}", self.delivery, code.stage().as_str()),
            recipient: self.sender.clone(),
            workflow: self.workflow.clone(),
            code: code.number(),
            content: self.write(code, positive, now),
        }
    }

    /// The message. Its ids follow from the delivery and the stage, so that two attempts at one answer
    /// are known for that.
    fn write(&self, code: ResponseCode, positive: bool, now: Timestamp) -> String {
        let stage = code.stage().as_str();
        let id = |what: &str| {
            let parts = ["answer", &self.delivery, stage, what].map(str::as_bytes);
            let digest = Digest::of_parts(parts);
            let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .to_string()
        };
        let (header, organisation, outcome) = (id("header"), id("organisation"), id("outcome"));
        let (fared, severity, kind) = match positive {
            true => ("ok", "information", "informational"),
            false => ("fatal-error", "fatal", "processing"),
        };
        let display = code.display().unwrap_or("See the code");
        let mut text = String::with_capacity(4_096);
        let mut xml = Xml(&mut text);
        xml.0.push_str(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Bundle xmlns=\"http://hl7.org/fhir\">",
        );
        xml.value("id", &id("bundle"));
        xml.within("meta", |xml| xml.value("profile", MESSAGE_PROFILE));
        xml.within("identifier", |xml| {
            xml.value("system", UUIDS);
            xml.value("value", &id("identifier"));
        });
        xml.value("type", "message");
        xml.entry(&header, "MessageHeader", |xml| {
            xml.within("meta", |xml| xml.value("profile", HEADER_PROFILE));
            self.handling(xml);
            xml.within("event", |xml| xml.coding(EVENTS, EVENT, "ITK Response"));
            xml.reference("sender", &organisation);
            xml.value("timestamp", &now.to_string());
            xml.within("source", |xml| xml.value("endpoint", &self.recipient));
            xml.within("response", |xml| {
                xml.value("identifier", &self.identifier);
                xml.value("code", fared);
                xml.reference("details", &outcome);
            });
        });
        xml.entry(&organisation, "Organization", |xml| {
            xml.within("identifier", |xml| {
                xml.value("system", ORGANISATION_CODES);
                xml.value("value", &self.recipient);
            });
        });
        xml.entry(&outcome, "OperationOutcome", |xml| {
            xml.within("meta", |xml| xml.value("profile", OUTCOME_PROFILE));
            xml.within("issue", |xml| {
                xml.value("severity", severity);
                xml.value("code", kind);
                xml.within("details", |xml| {
                    xml.within("coding", |xml| {
                        xml.coding(SYSTEM, &code.to_string(), display)
                    });
                });
                xml.value("diagnostics", display);
            });
        });
        text.push_str("\n</Bundle>\n");
        text
    }

    fn handling(&self, xml: &mut Xml<'_>) {
        let instruction = |xml: &mut Xml<'_>, name: &str, value: &dyn Fn(&mut Xml<'_>)| {
            xml.extension(name, value);
        };
        xml.extension(HANDLING, &|xml| {
            // An answer asks for none: two systems would answer each other for ever.
            for name in ["BusAckRequested", "InfAckRequested"] {
                instruction(xml, name, &|xml| xml.value("valueBoolean", "false"));
            }
            instruction(xml, "RecipientType", &|xml| {
                xml.within("valueCoding", |xml| {
                    xml.coding(RECIPIENT_TYPES, "FI", "For Information");
                });
            });
            instruction(xml, "MessageDefinition", &|xml| {
                xml.within("valueReference", |xml| xml.value("reference", DEFINITION));
            });
            instruction(xml, "SenderReference", &|xml| {
                xml.value("valueString", &self.sender_reference);
            });
        });
    }
}

impl Client {
    /// Sends an answer. It may be sent again: under its submission id there is one.
    pub async fn answer(&self, response: &Response) -> Result<SubmitDocumentResponse, ClientError> {
        let header = DocumentHeader {
            submission_id: response.submission_id.clone(),
            recipients: vec![response.recipient.clone()],
            workflow: response.workflow.clone(),
            media_type: MediaType::FhirXml.as_str().to_owned(),
            correlation_id: response.delivery.clone(),
            ..DocumentHeader::default()
        };
        self.submit(header, Bytes::from(response.content.clone()))
            .await
    }
}

/// FHIR XML being written.
struct Xml<'t>(&'t mut String);

impl Xml<'_> {
    fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.push(format_args!("<{name}>"));
        content(self);
        self.push(format_args!("</{name}>"));
    }

    fn value(&mut self, name: &str, value: &str) {
        self.push(format_args!("<{name} value=\"{}\"/>", Escaped(value)));
    }

    fn coding(&mut self, system: &str, code: &str, display: &str) {
        self.value("system", system);
        self.value("code", code);
        self.value("display", display);
    }

    fn reference(&mut self, name: &str, id: &str) {
        self.within(name, |xml| {
            xml.value("reference", &format!("urn:uuid:{id}"))
        });
    }

    fn extension(&mut self, url: &str, content: &dyn Fn(&mut Self)) {
        self.push(format_args!("<extension url=\"{url}\">"));
        content(self);
        self.push(format_args!("</extension>"));
    }

    fn entry(&mut self, id: &str, kind: &str, content: impl FnOnce(&mut Self)) {
        self.0.push('\n');
        self.within("entry", |xml| {
            xml.value("fullUrl", &format!("urn:uuid:{id}"));
            xml.within("resource", |xml| {
                xml.within(kind, |xml| {
                    xml.value("id", id);
                    content(xml);
                });
            });
        });
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // A String takes all.
        let _ = self.0.write_fmt(text);
    }
}

/// A text inside the quotes of an attribute.
struct Escaped<'t>(&'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '"' => f.write_str("&quot;")?,
                // White space of an attribute would be read as spaces.
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(character))?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
