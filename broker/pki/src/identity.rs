//! From a verified client certificate to the one principal it stands for. Only subject alternative
//! names of the URI kind count: a subject, a DNS name or a mail address never names anybody here. It
//! does not verify: the handshake has done that.

use axle_model::{
    digest::Digest,
    identity::Identity,
    ods::{NotAnOdsCode, OdsCode},
};
use rustls_pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

/// What precedes an organisation's ODS code.
pub const ORGANISATION_PREFIX: &str = "urn:nhs:ods:";
/// The name of the operator's role.
pub const OPERATOR_ROLE: &str = "urn:axle:role:operator";

/// The name spaces that are ours to understand: whatever begins like this, in any case, is read
/// strictly or refused; every other URI is somebody else's and ignored.
const OWN_SPACES: [&str; 2] = ["urn:nhs:ods", "urn:axle"];

/// Why a certificate, though trusted, stands for nobody. It repeats nothing of the certificate but
/// well-formed ODS codes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAnIdentity {
    /// The DER is not one certificate, or its names cannot be read.
    #[error("the certificate or its subject alternative names cannot be read")]
    Unreadable,
    /// A URI holds something else than printable ASCII.
    #[error("a subject alternative name of the certificate holds characters no URI may hold")]
    ForeignCharacters,
    /// A name that begins like an organisation's, without being one.
    #[error(
        "the certificate's organisation must be written urn:nhs:ods:CODE, in this case and without \
         white space"
    )]
    OrganisationMalformed,
    /// An organisation's name whose code is none.
    #[error("the code after urn:nhs:ods: in the certificate is not an ODS code: {0}")]
    CodeMalformed(NotAnOdsCode),
    /// A role this broker does not know.
    #[error("the only role a certificate may carry is {OPERATOR_ROLE}")]
    RoleUnknown,
    /// Two principals in one certificate.
    #[error("the certificate names two organisations, {0} and {1}: it must name one")]
    TwoOrganisations(OdsCode, OdsCode),
    /// Nobody.
    #[error(
        "the certificate names no organisation and no role: it needs a subject alternative name of \
         the URI kind, urn:nhs:ods:CODE"
    )]
    Nobody,
}

/// The principal `certificate` stands for.
///
/// The certificate must already have been verified. Everything else than exactly one organisation,
/// the operator's role, or both is an error.
pub fn identify(certificate: &CertificateDer<'_>) -> Result<Identity, NotAnIdentity> {
    let parsed = parse(certificate).ok_or(NotAnIdentity::Unreadable)?;
    let (mut organisation, mut operator) = (None, false);
    let names = parsed
        .subject_alternative_name()
        .map_err(|_| NotAnIdentity::Unreadable)?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        // Not a match: the kinds that name nobody are the standard's, and their list may grow.
        if let GeneralName::Invalid(..) = name {
            return Err(NotAnIdentity::Unreadable);
        }
        let GeneralName::URI(uri) = name else {
            continue;
        };
        match read_uri(uri)? {
            Named::Organisation(code) => match organisation.replace(code) {
                Some(other) if other != code => {
                    return Err(NotAnIdentity::TwoOrganisations(other, code));
                }
                Some(_) | None => {}
            },
            Named::Operator => operator = true,
            Named::NobodyHere => {}
        }
    }
    if organisation.is_none() && !operator {
        return Err(NotAnIdentity::Nobody);
    }
    Ok(Identity {
        organisation,
        operator,
        serial: serial_hex(parsed.raw_serial()),
        fingerprint: Digest::of(certificate),
    })
}

enum Named {
    Organisation(OdsCode),
    Operator,
    NobodyHere,
}

fn read_uri(uri: &str) -> Result<Named, NotAnIdentity> {
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(NotAnIdentity::ForeignCharacters);
    }
    if let Some(code) = uri.strip_prefix(ORGANISATION_PREFIX) {
        return OdsCode::parse(code)
            .map(Named::Organisation)
            .map_err(NotAnIdentity::CodeMalformed);
    }
    if uri == OPERATOR_ROLE {
        return Ok(Named::Operator);
    }
    let [organisations, roles] = OWN_SPACES.map(|space| begins_like(uri, space));
    match (organisations, roles) {
        (true, _) => Err(NotAnIdentity::OrganisationMalformed),
        (false, true) => Err(NotAnIdentity::RoleUnknown),
        (false, false) => Ok(Named::NobodyHere),
    }
}

fn begins_like(uri: &str, space: &str) -> bool {
    uri.get(..space.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(space))
}

/// One certificate and nothing after it.
pub(crate) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], parsed)) => Some(parsed),
        Ok(_) | Err(_) => None,
    }
}

/// The serial number of `certificate` as [`Identity::serial`] writes it; `None` when it cannot be
/// read. Meant for logs about certificates that were refused.
pub fn serial_of(certificate: &CertificateDer<'_>) -> Option<String> {
    parse(certificate).map(|parsed| serial_hex(parsed.raw_serial()))
}

/// A serial number's bytes as lower-case hexadecimal without leading zeros.
pub(crate) fn serial_hex(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match hex.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests;
