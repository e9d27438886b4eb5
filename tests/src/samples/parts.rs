//! The parts that our documents are made of: the people and organisations of a small invented world,
//! and FHIR's data types. Nobody in it lives: the NHS numbers are of the range set aside for tests.

use axle_model::{digest::Digest, synthetic::nhs_number};

use super::tree::Node;

/// When every document is written. The day is replaced by the present one where a broker with a clock
/// is to read it.
pub(super) const WRITTEN: &str = "2026-11-22T09:30:00+00:00";

pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const LOINC: &str = "http://loinc.org";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// The trust that sends, as the example directory knows it.
pub(super) const TRUST: &str = "RR8";
/// The practice of the patient.
pub(super) const PRACTICE: &str = "K81003";

/// Which FHIR a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    Stu3,
    R4,
}

/// Makes the parts of one document: every id in it follows from its name.
pub(super) struct Maker {
    name: String,
    pub(super) release: Release,
}

impl Maker {
    pub(super) fn new(name: &str, release: Release) -> Self {
        Self {
            name: name.to_owned(),
            release,
        }
    }

    pub(super) fn is_stu3(&self) -> bool {
        self.release == Release::Stu3
    }

    /// The UUID that `what` has in this document.
    pub(super) fn id(&self, what: &str) -> String {
        let digest = Digest::of_parts([self.name.as_bytes(), what.as_bytes()]);
        let (bytes, _) = digest.as_bytes().split_at(16);
        let bytes = bytes.try_into().expect("sixteen bytes");
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    /// The address of `what` in this document.
    pub(super) fn urn(&self, what: &str) -> String {
        format!("urn:uuid:{}", self.id(what))
    }

    pub(super) fn reference(&self, what: &str) -> Node {
        Node::new().with("reference", self.urn(what))
    }

    /// A resource at the start: its type, its id and the profile it claims.
    pub(super) fn resource(&self, kind: &str, what: &str, profile: &str) -> Node {
        let meta = Node::new().with("profile", [self.profile(profile).into()]);
        Node::new()
            .with("resourceType", kind)
            .with("id", self.id(what))
            .with("meta", meta)
    }

    fn profile(&self, name: &str) -> String {
        let place = match self.release {
            Release::Stu3 if name.starts_with("ITK-") => "fhir.nhs.uk/STU3",
            Release::Stu3 => "fhir.hl7.org.uk/STU3",
            Release::R4 if name.starts_with("UKCore-") => "fhir.hl7.org.uk",
            Release::R4 => "fhir.nhs.uk",
        };
        format!("https://{place}/StructureDefinition/{name}")
    }

    /// An entry of a Bundle.
    pub(super) fn entry(&self, what: &str, resource: Node) -> Node {
        Node::new()
            .with("fullUrl", self.urn(what))
            .with("resource", resource)
    }

    /// A Bundle at the start.
    pub(super) fn bundle(&self, usage: &str, what: &str) -> Node {
        let identifier = identifier(
            "https://tools.ietf.org/html/rfc4122",
            &self.id(&format!("{what} identifier")),
        );
        let profile = match (self.release, usage) {
            (Release::Stu3, "message") => "ITK-Message-Bundle-1",
            (Release::Stu3, _) => "ITK-Document-Bundle-1",
            (Release::R4, _) => "UKCore-Bundle",
        };
        let bundle = self
            .resource("Bundle", what, profile)
            .with("identifier", identifier)
            .with("type", usage);
        match self.release {
            Release::Stu3 => bundle,
            Release::R4 => bundle.with("timestamp", WRITTEN),
        }
    }

    pub(super) fn patient(&self) -> Node {
        let verified = Node::new().with(
            "url",
            match self.release {
                Release::Stu3 => "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSNumberVerificationStatus-1",
                Release::R4 => "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
            },
        );
        let status = match self.release {
            Release::Stu3 => {
                "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1"
            }
            Release::R4 => "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus",
        };
        let verified = verified.with(
            "valueCodeableConcept",
            concept(status, "01", "Number present and verified"),
        );
        let number = Node::new()
            .with("extension", [verified])
            .with("system", NHS_NUMBER)
            .with("value", patient_number());
        let local = identifier("https://exampleton.nhs.uk/Id/hospital-number", "X0004711");
        let name = Node::new()
            .with("use", "official")
            .with("family", "Sampleton")
            .with("given", ["Edith".into()])
            .with("prefix", ["Mrs".into()]);
        let address = Node::new()
            .with("line", ["2 Invented Lane".into()])
            .with("city", "Exampleton")
            .with("postalCode", "ZZ99 3CZ");
        self.resource(
            "Patient",
            "patient",
            self.either("CareConnect-Patient-1", "UKCore-Patient"),
        )
        .with("identifier", [number, local])
        .with("name", [name])
        .with("gender", "female")
        .with("birthDate", "1948-02-23")
        .with("address", [address])
        .with("generalPractitioner", [self.reference("practice")])
    }

    pub(super) fn organisation(&self, what: &str, code: &str, name: &str) -> Node {
        self.resource(
            "Organization",
            what,
            self.either("CareConnect-Organization-1", "UKCore-Organization"),
        )
        .with("identifier", [identifier(ODS, code)])
        .with("name", name)
    }

    pub(super) fn practitioner(&self) -> Node {
        let name = Node::new()
            .with("family", "Draftsmith")
            .with("given", ["Alex".into()])
            .with("prefix", ["Dr".into()]);
        self.resource(
            "Practitioner",
            "practitioner",
            self.either("CareConnect-Practitioner-1", "UKCore-Practitioner"),
        )
        .with(
            "identifier",
            [
                identifier("https://fhir.nhs.uk/Id/sds-user-id", "100000000001"),
                identifier("https://fhir.hl7.org.uk/Id/gmc-number", "9999999"),
            ],
        )
        .with("name", [name])
    }

    pub(super) fn role(&self) -> Node {
        self.resource(
            "PractitionerRole",
            "role",
            self.either("CareConnect-PractitionerRole-1", "UKCore-PractitionerRole"),
        )
        .with("practitioner", self.reference("practitioner"))
        .with("organization", self.reference("trust"))
    }

    /// One of two, by release.
    pub(super) fn either<T>(&self, stu3: T, r4: T) -> T {
        match self.release {
            Release::Stu3 => stu3,
            Release::R4 => r4,
        }
    }
}

/// The NHS number of the patient.
pub(super) fn patient_number() -> String {
    format!("{:010}", nhs_number(4_711).expose())
}

pub(super) fn identifier(system: &str, value: &str) -> Node {
    Node::new().with("system", system).with("value", value)
}

pub(super) fn coding(system: &str, code: &str, display: &str) -> Node {
    Node::new()
        .with("system", system)
        .with("code", code)
        .with("display", display)
}

pub(super) fn concept(system: &str, code: &str, display: &str) -> Node {
    Node::new().with("coding", [coding(system, code, display)])
}

pub(super) fn snomed(code: &str, display: &str) -> Node {
    concept(SNOMED, code, display)
}

pub(super) fn narrative(text: &str) -> Node {
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{text}</p></div>");
    Node::new().with("status", "additional").with("div", div)
}

/// A heading with its text, and what it is about.
pub(super) fn section(code: Node, title: &str, text: &str, entries: Vec<Node>) -> Node {
    let section = Node::new()
        .with("title", title)
        .with("code", code)
        .with("text", narrative(text));
    if entries.is_empty() {
        section
    } else {
        section.with("entry", entries)
    }
}

/// An extension with a value: `value` is the name of its field.
pub(super) fn extension(url: &str, value: &str, node: impl Into<Node>) -> Node {
    Node::new().with("url", url).with(value, node)
}
