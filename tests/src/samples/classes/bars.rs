//! Booking and referral: a referral to the practice's service.

use super::super::{
    draft::Draft,
    parts::{Maker, PRACTICE, Release, TRUST, WRITTEN, coding, concept},
    tree::Node,
};

pub(super) fn referral(name: &str) -> Draft {
    let maker = Maker::new(name, Release::R4);
    let request = maker
        .resource("ServiceRequest", "request", "UKCore-ServiceRequest")
        .with("status", "active")
        .with("intent", "order")
        .with("subject", maker.reference("patient"))
        .with("occurrenceDateTime", WRITTEN)
        .with("requester", maker.reference("sender"));
    let sender = maker.organisation("sender", TRUST, "Example Teaching Hospitals");
    let practice = maker.organisation("practice", PRACTICE, "Example Medical Centre");
    let entries = vec![
        maker.entry("header", header(&maker)),
        maker.entry("sender", sender),
        maker.entry("practice", practice),
        maker.entry("request", request),
        maker.entry("patient", maker.patient()),
    ];
    Draft::of(maker.bundle("message", "message").with("entry", entries))
}

fn header(maker: &Maker) -> Node {
    let event = coding(
        "https://fhir.nhs.uk/CodeSystem/message-events-bars",
        "servicerequest-request",
        "ServiceRequest - Request",
    );
    let reason = concept(
        "https://fhir.nhs.uk/CodeSystem/message-reason-bars",
        "new",
        "New",
    );
    let destination = Node::new()
        .with(
            "endpoint",
            "https://fhir.nhs.uk/Id/dos-service-id|2000099999",
        )
        .with("receiver", maker.reference("practice"));
    let source = Node::new().with("name", "Example system").with(
        "endpoint",
        "https://fhir.nhs.uk/Id/dos-service-id|2000011111",
    );
    maker
        .resource(
            "MessageHeader",
            "header",
            "BARSMessageHeader-servicerequest-request",
        )
        .with("eventCoding", event)
        .with("destination", [destination])
        .with("sender", maker.reference("sender"))
        .with("source", source)
        .with("reason", reason)
        .with("focus", [maker.reference("request")])
        .with(
            "definition",
            "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request-referral",
        )
}
