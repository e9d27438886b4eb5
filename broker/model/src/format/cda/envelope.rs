//! The envelope: what ITK2's distribution envelope says of the documents in it.

use super::{
    super::{
        Malformed,
        assembly::{identified, whoever},
        record::Record,
        xml::Tag,
    },
    types,
};
use crate::{
    facts::{Coding, Destination, Identifier, MessageHeader, Text, words::ODS_ORGANISATION},
    ods::OdsCode,
};

/// The key of the specification that says what the documents are sent for.
const INTERACTION: &str = "urn:nhs-itk:ns:201005:interaction";
/// The system of the tracking ids of envelopes.
const TRACKING: &str = "urn:nhs-itk:ns:201005:trackingid";
/// What the addresses and identities of organisations begin with.
const ORGANISATIONS: [&str; 2] = ["urn:nhs-uk:addressing:ods:", "urn:nhs-uk:identity:ods:"];

/// What an envelope says.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    identifier: Option<Identifier<'a>>,
    header: Option<MessageHeader<'a>>,
    /// Who answers for it, where no address says who sent it.
    identity: Option<Identifier<'a>>,
}

impl<'a> Envelope<'a> {
    /// An element of the envelope begins, at the end of this way from its root.
    pub(super) fn element(
        &mut self,
        way: &[&str],
        tag: &Tag<'a>,
        record: &mut Record<'a, '_>,
    ) -> Result<(), Malformed> {
        let header = self.header.get_or_insert_default();
        match way {
            ["header"] => {
                let id = types::attribute(tag, "trackingid")?;
                let identifier = id.map(|id| identified(Text::from(TRACKING), id));
                self.identifier = self.identifier.take().or(identifier);
            }
            ["header", "senderAddress"] => {
                let sender = organisation(tag)?.map(whoever);
                header.sender = header.sender.take().or(sender);
            }
            ["header", "auditIdentity", "id"] => {
                self.identity = self.identity.take().or(organisation(tag)?);
            }
            ["header", "addresslist", "address"] => {
                record.keep()?;
                header
                    .destinations
                    .extend(organisation(tag)?.map(|to| Destination {
                        receiver: Some(whoever(to)),
                        ..Destination::default()
                    }));
            }
            ["header", "handlingSpecification", "spec"]
                if types::attribute(tag, "key")?.as_deref() == Some(INTERACTION) =>
            {
                let code = types::attribute(tag, "value")?;
                let event = code.map(|code| Coding {
                    system: Some(Text::from(INTERACTION)),
                    code: Some(code),
                });
                header.event = header.event.take().or(event);
            }
            _ => {}
        }
        Ok(())
    }

    /// The header of the message that the envelope makes of its documents; `None` without one.
    pub(super) fn into_header(self) -> Option<(Option<Identifier<'a>>, MessageHeader<'a>)> {
        let mut header = self.header?;
        header.sender = header.sender.or_else(|| self.identity.map(whoever));
        Some((self.identifier, header))
    }
}

/// The ODS code in an address or identity: what is before the next colon, if anything follows.
fn organisation<'a>(tag: &Tag<'a>) -> Result<Option<Identifier<'a>>, Malformed> {
    let uri = tag.get("uri")?.unwrap_or_default();
    let code = ORGANISATIONS
        .iter()
        .find_map(|prefix| uri.strip_prefix(prefix));
    let code = code.and_then(|code| code.split(':').next());
    let code = code.and_then(|code| OdsCode::parse(code).ok());
    Ok(code.map(|code| {
        let code = super::super::assembly::composed(code.to_string());
        identified(Text::from(ODS_ORGANISATION), code)
    }))
}
