//! The other messages of ITK3, and the header that all of them have.

use super::super::{
    clinical::{self, Document},
    draft::Draft,
    parts::{
        LOINC, Maker, PRACTICE, Release, SNOMED, TRUST, WRITTEN, coding, concept, extension,
        narrative, section, snomed,
    },
    tree::Node,
};

/// What an ITK3 message says it is.
pub(super) struct Message {
    /// Code and display of its event.
    pub(super) event: (&'static str, &'static str),
    /// The message definition it follows.
    pub(super) definition: &'static str,
}

/// A message around one payload.
pub(super) fn message(maker: &Maker, what: &Message, payload: Node) -> Node {
    let header = header(maker, what).with("focus", [maker.reference("document")]);
    enclosed(maker, header, vec![maker.entry("document", payload)])
}

/// A message of this header, its sender and these entries.
fn enclosed(maker: &Maker, header: Node, entries: Vec<Node>) -> Node {
    let sender = maker.organisation("sender", TRUST, "Example Teaching Hospitals");
    let mut all = vec![maker.entry("header", header), maker.entry("sender", sender)];
    all.extend(entries);
    maker.bundle("message", "message").with("entry", all)
}

fn header(maker: &Maker, what: &Message) -> Node {
    let (code, display) = what.event;
    let source = Node::new()
        .with("name", "Example system")
        .with("endpoint", "RR8OT001");
    maker
        .resource("MessageHeader", "header", "ITK-MessageHeader-2")
        .with("extension", [handling(what.definition, true)])
        .with(
            "event",
            coding(
                "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2",
                code,
                display,
            ),
        )
        .with("sender", maker.reference("sender"))
        .with("timestamp", WRITTEN)
        .with("source", source)
}

fn handling(definition: &str, answers: bool) -> Node {
    let for_action = coding(
        "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1",
        "FA",
        "For Action",
    );
    let definition = Node::new().with(
        "reference",
        format!("https://fhir.nhs.uk/STU3/MessageDefinition/{definition}"),
    );
    Node::new()
        .with(
            "url",
            "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2",
        )
        .with(
            "extension",
            [
                extension("BusAckRequested", "valueBoolean", answers),
                extension("InfAckRequested", "valueBoolean", answers),
                extension("RecipientType", "valueCoding", for_action),
                extension("MessageDefinition", "valueReference", definition),
                extension("SenderReference", "valueString", "None"),
            ],
        )
}

/// GP Connect Send Document: a letter as PDF, with a page around it that says so.
pub(super) fn send_document(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let binary = Node::new()
        .with("resourceType", "Binary")
        .with("id", maker.id("letter"))
        .with("contentType", "application/pdf")
        .with("content", PDF);
    let consultation = section(
        snomed("887181000000106", "Clinical summary"),
        "Clinical summary",
        "The letter is attached.",
        vec![maker.reference("letter"), maker.reference("condition")],
    );
    let document = Document {
        kind: snomed("371531000", "Report of clinical encounter"),
        title: "Consultation report",
        profile: "CareConnect-GPConnect-SendDocument-Composition-1",
        extensions: Vec::new(),
        sections: vec![consultation],
        entries: vec![maker.entry("letter", binary), clinical::condition(&maker)],
    };
    let what = Message {
        event: ("ITK007C", "ITK GP Connect Send Document"),
        definition: "ITK-GPConnectSendDocument-MessageDefinition-1",
    };
    Draft::of(message(&maker, &what, document.bundle(&maker)))
}

/// The answer of a practice: it knows the patient.
pub(super) fn response(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let known = coding(
        "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1",
        "30001",
        "Patient known here",
    );
    let issue = Node::new()
        .with("severity", "information")
        .with("code", "informational")
        .with("details", Node::new().with("coding", [known]));
    let outcome = maker
        .resource(
            "OperationOutcome",
            "outcome",
            "ITK-Response-OperationOutcome-1",
        )
        .with("issue", [issue]);
    let what = Message {
        event: ("ITK008M", "ITK Response"),
        definition: "ITK-Response-MessageDefinition-1",
    };
    let answered = Node::new()
        .with("identifier", maker.id("answered message"))
        .with("code", "ok")
        .with("details", maker.reference("outcome"));
    let mut header = header(&maker, &what)
        .with("response", answered)
        .with("focus", [maker.reference("outcome")]);
    header.set("extension", [handling(what.definition, false)]);
    Draft::of(enclosed(
        &maker,
        header,
        vec![maker.entry("outcome", outcome)],
    ))
}

pub(super) fn immunisation(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let vaccine = snomed("39065001", "Pertussis and diphtheria vaccine");
    let given = maker
        .resource("Immunization", "immunisation", "CareConnect-Immunization-1")
        .with("status", "completed")
        .with("notGiven", false)
        .with("vaccineCode", vaccine)
        .with("patient", maker.reference("patient"))
        .with("date", WRITTEN)
        .with("primarySource", true);
    let what = Message {
        event: ("ITK009D", "ITK Digital Medicine Immunization"),
        definition: "ITK-DM-Immunization-MessageDefinition-1",
    };
    report(
        &maker,
        &what,
        snomed("41000179103", "Immunization record"),
        maker.entry("immunisation", given),
        "immunisation",
    )
}

pub(super) fn emergency_supply(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK010D", "ITK Digital Medicine Emergency Supply"),
        definition: "ITK-DM-EmergencyMedication-MessageDefinition-1",
    };
    let kind = snomed("371531000", "Report of clinical encounter");
    report(&maker, &what, kind, clinical::medicine(&maker), "medicine")
}

pub(super) fn minor_illness(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK013D", "ITK Digital Medicine Minor Illness"),
        definition: "ITK-DM-MinorIllness-MessageDefinition-1",
    };
    let kind = snomed("371531000", "Report of clinical encounter");
    report(
        &maker,
        &what,
        kind,
        clinical::condition(&maker),
        "condition",
    )
}

pub(super) fn update_record(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK014M", "ITK Update Record"),
        definition: "ITK-GPConnectUpdateRecord-MessageDefinition-1",
    };
    let kind = snomed("1577041000000109", "Pharmacy First report");
    report(&maker, &what, kind, clinical::medicine(&maker), "medicine")
}

/// A short report of one thing.
fn report(maker: &Maker, what: &Message, kind: Node, entry: Node, about: &str) -> Draft {
    let told = section(
        snomed("887181000000106", "Clinical summary"),
        "Clinical summary",
        "Seen at the pharmacy.",
        vec![maker.reference(about)],
    );
    let document = Document {
        kind,
        title: "Report to the practice",
        profile: "CareConnect-ITK-Composition-1",
        extensions: Vec::new(),
        sections: vec![told],
        entries: vec![entry],
    };
    Draft::of(message(maker, what, document.bundle(maker)))
}

pub(super) fn events_management(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK011M", "ITK Events Management"),
        definition: "ITK-EventsManagement-MessageDefinition-1",
    };
    let header = header(&maker, &what).with("focus", [maker.reference("communication")]);
    Draft::of(enclosed(&maker, header, event_entries(&maker)))
}

/// A notice of the national events service: no handling, no focus on a document.
pub(super) fn change_of_gp(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let event = coding(
        "https://fhir.nhs.uk/STU3/CodeSystem/EventType-1",
        "pds-change-of-gp-1",
        "PDS Change of GP",
    );
    let source = Node::new().with("endpoint", "urn:nhs-uk:addressing:ods:RR8");
    let header = maker
        .resource("MessageHeader", "header", "Event-MessageHeader-1")
        .with("event", event)
        .with("sender", maker.reference("sender"))
        .with("timestamp", WRITTEN)
        .with("source", source)
        .with("focus", [maker.reference("communication")]);
    Draft::of(enclosed(&maker, header, event_entries(&maker)))
}

fn event_entries(maker: &Maker) -> Vec<Node> {
    let communication = maker
        .resource("Communication", "communication", "Event-Communication-1")
        .with("status", "completed")
        .with("subject", maker.reference("patient"));
    let practice = maker.organisation("practice", PRACTICE, "Example Medical Centre");
    vec![
        maker.entry("communication", communication),
        maker.entry("patient", maker.patient()),
        maker.entry("practice", practice),
    ]
}

/// A blood test.
pub(super) fn pathology(name: &str) -> Draft {
    let maker = Maker::new(name, Release::Stu3);
    let what = Message {
        event: ("ITK012M", "ITK National Pathology"),
        definition: "ITK-NationalPathology-MessageDefinition-1",
    };
    let quantity = Node::new()
        .with("value", 132)
        .with("unit", "g/L")
        .with("system", "http://unitsofmeasure.org")
        .with("code", "g/L");
    let haemoglobin = Node::new().with(
        "coding",
        [
            coding(SNOMED, "1022431000000105", "Haemoglobin estimation"),
            coding(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"),
        ],
    );
    let result = maker
        .resource("Observation", "result", "CareConnect-Observation-1")
        .with("status", "final")
        .with("code", haemoglobin)
        .with("subject", maker.reference("patient"))
        .with("effectiveDateTime", WRITTEN)
        .with("performer", [maker.reference("sender")])
        .with("valueQuantity", quantity);
    let report = maker
        .resource(
            "DiagnosticReport",
            "report",
            "CareConnect-DiagnosticReport-1",
        )
        .with("text", narrative("One result, within its range."))
        .with("status", "final")
        .with("code", snomed("721981007", "Diagnostic studies report"))
        .with("subject", maker.reference("patient"))
        .with("issued", WRITTEN)
        .with("result", [maker.reference("result")]);
    let header = header(&maker, &what).with("focus", [maker.reference("report")]);
    let practice = maker.organisation("practice", PRACTICE, "Example Medical Centre");
    let entries = vec![
        maker.entry("report", report),
        maker.entry("patient", maker.patient()),
        maker.entry("practice", practice),
        maker.entry("result", result),
    ];
    Draft::of(enclosed(&maker, header, entries))
}

/// The smallest PDF there is, near enough: one page with nothing on it.
pub(super) const PDF: &str = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZy9QYWdlcyAyIDAgUj4+ZW5kb2JqCjIgMCBvYmo8\
PC9UeXBlL1BhZ2VzL0tpZHNbMyAwIFJdL0NvdW50IDE+PmVuZG9iagozIDAgb2JqPDwvVHlwZS9QYWdlL1BhcmVudCAyIDAg\
Ui9NZWRpYUJveFswIDAgNTk1IDg0Ml0+PmVuZG9iagp0cmFpbGVyPDwvUm9vdCAxIDAgUj4+CiUlRU9GCg==";

/// A prescription is for another service.
pub(super) fn prescription(name: &str) -> Draft {
    let maker = Maker::new(name, Release::R4);
    let event = coding(
        "https://fhir.nhs.uk/CodeSystem/message-event",
        "prescription-order",
        "Prescription Order",
    );
    let request = maker
        .resource(
            "MedicationRequest",
            "prescription",
            "NHSDigital-MedicationRequest",
        )
        .with("status", "active")
        .with("intent", "order")
        .with(
            "medicationCodeableConcept",
            concept(SNOMED, "27658006", "Amoxicillin"),
        )
        .with("subject", maker.reference("patient"));
    let header = maker
        .resource("MessageHeader", "header", "NHSDigital-MessageHeader")
        .with("eventCoding", event)
        .with("sender", maker.reference("sender"))
        .with(
            "source",
            Node::new().with("endpoint", "urn:nhs-uk:addressing:ods:RR8"),
        )
        .with("focus", [maker.reference("prescription")]);
    let practice = maker.organisation("practice", PRACTICE, "Example Medical Centre");
    let entries = vec![
        maker.entry("prescription", request),
        maker.entry("patient", maker.patient()),
        maker.entry("practice", practice),
    ];
    Draft::of(enclosed(&maker, header, entries))
}
