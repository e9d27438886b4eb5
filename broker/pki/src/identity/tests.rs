//! Forgeries, each of them a real certificate whose names are written byte by byte.
#![allow(
    clippy::unwrap_used,
    reason = "a certificate that cannot be made is a broken test"
)]

use axle_model::{
    digest::Digest,
    ods::{NotAnOdsCode, OdsCode},
};
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SerialNumber};
use rustls_pki_types::CertificateDer;

use super::{NotAnIdentity, identify};

const URI: u8 = 0x86;
const DNS: u8 = 0x82;
const MAIL: u8 = 0x81;

/// Tagged names, and why a certificate with them is refused.
struct Forgery(&'static [(u8, &'static [u8])], NotAnIdentity);

/// A certificate whose subject alternative names are exactly these tagged bytes.
fn certificate(names: &[(u8, &[u8])]) -> CertificateDer<'static> {
    let content: Vec<u8> = names
        .iter()
        .flat_map(|(tag, text)| [&[*tag, u8::try_from(text.len()).unwrap()], *text].concat())
        .collect();
    let length = u8::try_from(content.len()).unwrap();
    let header = if length < 0x80 {
        vec![0x30, length]
    } else {
        vec![0x30, 0x81, length]
    };
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "RR8");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "urn:nhs:ods:RR8");
    params.serial_number = Some(SerialNumber::from_slice(&[0x00, 0x0A, 0xBC]));
    let mut extension =
        CustomExtension::from_oid_content(&[2, 5, 29, 17], [header, content].concat());
    extension.set_criticality(false);
    params.custom_extensions.push(extension);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn an_organisation_an_operator_or_both_are_read() {
    let code = OdsCode::parse("K81003").unwrap();
    let practice: &[u8] = b"urn:nhs:ods:K81003";
    let operator: &[u8] = b"urn:axle:role:operator";
    for (uris, organisation, is_operator) in [
        (vec![practice], Some(code), false),
        (vec![operator], None, true),
        (vec![operator, practice], Some(code), true),
        (vec![practice, practice], Some(code), false),
        (
            vec![b"spiffe://trust/other".as_slice(), practice],
            Some(code),
            false,
        ),
    ] {
        let names: Vec<_> = uris.into_iter().map(|uri| (URI, uri)).collect();
        let certificate = certificate(&names);
        let identity = identify(&certificate).unwrap();
        assert_eq!(identity.organisation, organisation, "{names:?}");
        assert_eq!(identity.operator, is_operator, "{names:?}");
        assert_eq!(identity.serial, "abc");
        assert_eq!(identity.fingerprint, Digest::of(&certificate));
    }
}

#[test]
fn forgeries_stand_for_nobody() {
    use NotAnIdentity::{
        CodeMalformed, ForeignCharacters, Nobody, OrganisationMalformed, RoleUnknown,
        TwoOrganisations, Unreadable,
    };
    let code = |text: &str| OdsCode::parse(text).unwrap();
    let malformed = CodeMalformed(NotAnOdsCode);
    let table = [
        // nobody, however much the subject or another kind of name says
        Forgery(&[], Nobody),
        Forgery(&[(DNS, b"urn:nhs:ods:RR8")], Nobody),
        Forgery(&[(DNS, b"RR8.ods.nhs.uk")], Nobody),
        Forgery(&[(MAIL, b"RR8@urn:nhs:ods:RR8")], Nobody),
        Forgery(&[(URI, b"https://ods.nhs.uk/RR8")], Nobody),
        Forgery(&[(URI, b"https://evil/urn:nhs:ods:RR8")], Nobody),
        Forgery(&[(URI, b"urn:uuid:urn:nhs:ods:RR8")], Nobody),
        Forgery(&[(URI, b"urn%3Anhs%3Aods%3ARR8")], Nobody),
        Forgery(&[(URI, b"nhs:ods:RR8")], Nobody),
        Forgery(&[(URI, b"")], Nobody),
        // another spelling
        Forgery(&[(URI, b"URN:NHS:ODS:RR8")], OrganisationMalformed),
        Forgery(&[(URI, b"urn:nhs:ODS:RR8")], OrganisationMalformed),
        Forgery(&[(URI, b"urn:nhs:ods")], OrganisationMalformed),
        Forgery(&[(URI, b"urn:nhs:ods/RR8")], OrganisationMalformed),
        Forgery(&[(URI, b"urn:nhs:odss:RR8")], OrganisationMalformed),
        // not a code
        Forgery(&[(URI, b"urn:nhs:ods:")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:rr8")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:RR")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:RR8,K81003")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:RR8#K81003")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:RR8?+op")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:*")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:K8100300100")], malformed.clone()),
        Forgery(&[(URI, b"urn:nhs:ods:urn:nhs:ods:RR8")], malformed),
        // white space, control characters, look-alikes (in UTF-8: Cyrillic, full width, zero width)
        Forgery(&[(URI, b" urn:nhs:ods:RR8")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:RR8 ")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods: RR8")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:RR8\n")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:RR8\0K81003")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:R\xd0\xa08")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:RR\xef\xbc\x98")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:\xd0\xbeds:RR8")], ForeignCharacters),
        Forgery(&[(URI, b"urn:nhs:ods:RR8\xe2\x80\x8b")], ForeignCharacters),
        // roles
        Forgery(&[(URI, b"urn:axle:role:admin")], RoleUnknown),
        Forgery(&[(URI, b"urn:axle:role:operators")], RoleUnknown),
        Forgery(&[(URI, b"urn:axle:role:Operator")], RoleUnknown),
        Forgery(&[(URI, b"URN:AXLE:role:operator")], RoleUnknown),
        // a good name does not excuse a bad one, nor a second one
        Forgery(
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"urn:nhs:ods:K81003")],
            TwoOrganisations(code("RR8"), code("K81003")),
        ),
        Forgery(
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"urn:axle:role:root")],
            RoleUnknown,
        ),
        Forgery(
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"\turn:nhs:ods:K81003")],
            ForeignCharacters,
        ),
        Forgery(&[(URI, b"urn:nhs:ods:RR8"), (URI, b"\xff\xfe")], Unreadable),
    ];
    for Forgery(names, expected) in table {
        assert_eq!(identify(&certificate(names)), Err(expected), "{names:?}");
    }
}

#[test]
fn what_is_not_one_certificate_is_unreadable() {
    let good = certificate(&[(URI, b"urn:nhs:ods:RR8")]);
    let followed = CertificateDer::from([good.as_ref(), b"\0"].concat());
    let cut = CertificateDer::from(good[..good.len() - 1].to_vec());
    for der in [followed, cut, CertificateDer::from(Vec::new())] {
        assert_eq!(identify(&der), Err(NotAnIdentity::Unreadable));
    }
}
