//! How a document finds its recipients, in wire form.

use axle_core::{
    delivery::Routing,
    event::DeadLetterCause,
    route::{Destination, Explanation, Step},
};
use axle_model::refusal::Refusal;
use axle_proto::v1 as wire;

use super::finding_of;
use crate::engine::submit::Explained;

pub(super) fn rule_of(routing: &Routing) -> String {
    routing.rule.as_deref().unwrap_or_default().to_owned()
}

pub(super) fn redirects_of(routing: &Routing) -> Vec<wire::Redirect> {
    let redirect = |redirect: &axle_core::delivery::Redirect| wire::Redirect {
        from: redirect.from.to_string(),
        to: redirect.to.to_string(),
        reason: redirect.why.to_string(),
    };
    routing.redirects.iter().map(redirect).collect()
}

/// A delivery that a document would come to.
pub(in crate::doors::grpc) fn planned_of(destination: &Destination) -> wire::PlannedDelivery {
    let parked = destination.parked.map_or("", DeadLetterCause::as_str);
    wire::PlannedDelivery {
        recipient: destination.recipient.to_string(),
        mailbox: destination.mailbox.to_string(),
        recipient_type: destination.recipient_type.as_str().to_owned(),
        basis: destination.routing.basis.as_str().to_owned(),
        rule: rule_of(&destination.routing),
        redirects: redirects_of(&destination.routing),
        parked_reason: parked.to_owned(),
    }
}

/// The way of a document, or why it has none.
pub(in crate::doors::grpc) fn explanation_of(
    explained: Result<Explained, Refusal>,
) -> wire::ExplainRouteResponse {
    let Explained {
        explanation: Explanation { steps, outcome },
        table_version,
        register_version,
    } = match explained {
        Ok(explained) => explained,
        Err(refusal) => return refused(&refusal),
    };
    let told = match outcome {
        Ok(destinations) => wire::ExplainRouteResponse {
            routable: true,
            deliveries: destinations.iter().map(planned_of).collect(),
            ..Default::default()
        },
        Err(refusal) => refused(&refusal),
    };
    wire::ExplainRouteResponse {
        steps: steps.into_iter().map(step_of).collect(),
        routing_table_version: table_version,
        register_version,
        ..told
    }
}

fn refused(refusal: &Refusal) -> wire::ExplainRouteResponse {
    wire::ExplainRouteResponse {
        routable: false,
        reason: refusal.reason.as_str().to_owned(),
        description: format!("{} - {}", refusal.what, refusal.remedy),
        findings: refusal.findings.iter().map(finding_of).collect(),
        ..Default::default()
    }
}

fn step_of(step: Step) -> wire::RouteStep {
    wire::RouteStep {
        stage: step.stage.as_str().to_owned(),
        description: step.what,
        table_line: step.line.unwrap_or_default(),
    }
}
