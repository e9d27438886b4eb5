//! Writes the first inputs of each target: our own synthetic documents, small, one of each kind.

use std::{fs, io, path::Path};

use axle_model::{envelope::MediaType, ods::OdsCode, synthetic::Document};

fn main() -> io::Result<()> {
    let code = |text| OdsCode::parse(text).map_err(io::Error::other);
    let document = Document::new(1, code("RR8")?, code("K81003")?);
    let documents = document.all().into_iter().chain(document.carried());
    for (index, (media_type, text)) in documents.enumerate() {
        let target = match media_type {
            MediaType::FhirJson => "fhir_json",
            MediaType::FhirXml => "fhir_xml",
            MediaType::Hl7v2 => "hl7v2",
            MediaType::Cda => "cda",
            MediaType::Opaque(_) => continue,
        };
        write(target, &format!("seed-{index}"), &shorter(&text))?;
    }
    let words = [
        "RR8",
        "K81003001",
        "9990000018",
        "application/fhir+json; charset=utf-8",
        "2026-11-22T09:30:00.000Z",
        "GPPROVIDER_9990000018_19610417_Testpatient",
        "19610417",
        "messages/0197a9b0-7c1e-7000-8000-000000000001",
        "messages/0197a9b0-7c1e-7000-8000-000000000001/deliveries/K81003",
        "mailboxes/K81003/TOC_FHIR_IP_DISCH",
        "TOC_FHIR_IP_DISCH",
        "20013",
    ];
    for (index, word) in words.iter().enumerate() {
        write("words", &format!("seed-{index}"), word)?;
    }
    write("register", "seed-0", REGISTER)
}

fn write(target: &str, name: &str, text: &str) -> io::Result<()> {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), text)
}

/// A document without its narrative, which is most of it and all alike.
fn shorter(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<p>") {
        out.push_str(before);
        rest = after.split_once("</p>").map_or("", |(_, after)| after);
    }
    out + rest
}

/// A trust, a practice that closed, and the one that took it over; about nobody there is.
const REGISTER: &str = concat!(
    r#"{"Manifest":{"Taken":"2026-11-22","Organisations":2}}"#,
    "\n",
    r#"{"Organisation":{"Name":"EXAMPLETON HOSPITALS TRUST","Date":[{"Type":"Operational","Start":"2001-04-01"}],"OrgId":{"root":"2.16.840.1.113883.2.1.3.2.4.18.48","extension":"RR8"},"Status":"Active","Roles":{"Role":[{"id":"RO197","uniqueRoleId":1,"primaryRole":true,"Status":"Active","Date":[{"Type":"Operational","Start":"2001-04-01"}]}]}}}"#,
    "\n",
    r#"{"Organisation":{"Name":"EXAMPLE PRACTICE","Date":[{"Type":"Operational","Start":"1974-04-01","End":"2026-01-01"}],"OrgId":{"root":"2.16.840.1.113883.2.1.3.2.4.18.48","extension":"K81003"},"Status":"Inactive","Roles":{"Role":[{"id":"RO177","uniqueRoleId":2,"primaryRole":true,"Status":"Active"},{"id":"RO76","uniqueRoleId":3,"Status":"Active"}]},"Rels":{"Rel":[{"id":"RE4","Status":"Active","Target":{"OrgId":{"extension":"RR8"},"PrimaryRoleId":{"id":"RO197"}}}]},"Succs":{"Succ":[{"uniqueSuccId":4,"Type":"Successor","Target":{"OrgId":{"extension":"K82001"},"PrimaryRoleId":{"id":"RO177"}},"Date":[{"Type":"Legal","Start":"2026-01-01"}]}]}}}"#,
    "\n",
);
