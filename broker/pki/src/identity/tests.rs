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
    let table: &[(&[(u8, &[u8])], NotAnIdentity)] = &[
        // nobody, however much the subject or another kind of name says
        (&[], Nobody),
        (&[(DNS, b"urn:nhs:ods:RR8")], Nobody),
        (&[(DNS, b"RR8.ods.nhs.uk")], Nobody),
        (&[(MAIL, b"RR8@urn:nhs:ods:RR8")], Nobody),
        (&[(URI, b"https://ods.nhs.uk/RR8")], Nobody),
        (&[(URI, b"https://evil/urn:nhs:ods:RR8")], Nobody),
        (&[(URI, b"urn:uuid:urn:nhs:ods:RR8")], Nobody),
        (&[(URI, b"urn%3Anhs%3Aods%3ARR8")], Nobody),
        (&[(URI, b"nhs:ods:RR8")], Nobody),
        (&[(URI, b"")], Nobody),
        // another spelling
        (&[(URI, b"URN:NHS:ODS:RR8")], OrganisationMalformed),
        (&[(URI, b"urn:nhs:ODS:RR8")], OrganisationMalformed),
        (&[(URI, b"urn:nhs:ods")], OrganisationMalformed),
        (&[(URI, b"urn:nhs:ods/RR8")], OrganisationMalformed),
        (&[(URI, b"urn:nhs:odss:RR8")], OrganisationMalformed),
        // not a code
        (&[(URI, b"urn:nhs:ods:")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:rr8")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:RR")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:RR8,K81003")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:RR8#K81003")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:RR8?+op")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:*")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:K8100300100")], malformed.clone()),
        (&[(URI, b"urn:nhs:ods:urn:nhs:ods:RR8")], malformed),
        // white space, control characters, look-alikes
        (&[(URI, b" urn:nhs:ods:RR8")], ForeignCharacters),
        (&[(URI, b"urn:nhs:ods:RR8 ")], ForeignCharacters),
        (&[(URI, b"urn:nhs:ods: RR8")], ForeignCharacters),
        (&[(URI, b"urn:nhs:ods:RR8\n")], ForeignCharacters),
        (&[(URI, b"urn:nhs:ods:RR8\0K81003")], ForeignCharacters),
        (
            &[(URI, "urn:nhs:ods:R\u{420}8".as_bytes())],
            ForeignCharacters,
        ),
        (
            &[(URI, "urn:nhs:ods:RR\u{ff18}".as_bytes())],
            ForeignCharacters,
        ),
        (
            &[(URI, "urn:nhs:\u{43e}ds:RR8".as_bytes())],
            ForeignCharacters,
        ),
        (
            &[(URI, "urn:nhs:ods:RR8\u{200b}".as_bytes())],
            ForeignCharacters,
        ),
        // roles
        (&[(URI, b"urn:axle:role:admin")], RoleUnknown),
        (&[(URI, b"urn:axle:role:operators")], RoleUnknown),
        (&[(URI, b"urn:axle:role:Operator")], RoleUnknown),
        (&[(URI, b"URN:AXLE:role:operator")], RoleUnknown),
        // a good name does not excuse a bad one, nor a second one
        (
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"urn:nhs:ods:K81003")],
            TwoOrganisations(code("RR8"), code("K81003")),
        ),
        (
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"urn:axle:role:root")],
            RoleUnknown,
        ),
        (
            &[(URI, b"urn:nhs:ods:RR8"), (URI, b"\turn:nhs:ods:K81003")],
            ForeignCharacters,
        ),
        (&[(URI, b"urn:nhs:ods:RR8"), (URI, b"\xff\xfe")], Unreadable),
    ];
    for (names, expected) in table {
        assert_eq!(
            identify(&certificate(names)).as_ref(),
            Err(expected),
            "{names:?}"
        );
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
