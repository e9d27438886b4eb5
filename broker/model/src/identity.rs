//! Who is calling: the one principal a verified client certificate stands for.

use crate::{digest::Digest, ods::OdsCode};

/// The holder of a client certificate, as its subject alternative names say:
/// `urn:nhs:ods:CODE` for an organisation and `urn:axle:role:operator` for the operator's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The organisation it acts for; `None` for an operator who acts for none.
    pub organisation: Option<OdsCode>,
    /// Whether it may make an operator's calls.
    pub operator: bool,
    /// The certificate's serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Digest,
}
