//! Intervention: an operator's orders about deliveries, read from the wire and carried out one by one.

use axle_core::authorise::require_operator;
use axle_model::{
    id::DeliveryId, identity::Identity, mailbox::MailboxId, ods::OdsCode, refusal::Refusal,
};
use axle_proto::v1::{
    CommandResult, RerouteDeliveryRequest, reroute_delivery_request::Destination,
};
use axle_store::Store;

use super::{
    super::{reply::result_of, terms::reason_of},
    AdminDoor,
};
use crate::{
    clock::Clock,
    engine::intervene::{Elsewhere, Intervention, Moved, Order},
};

/// The most deliveries of one call.
const DELIVERIES_MAX: usize = 1_000;

impl<S: Store, C: Clock> AdminDoor<S, C> {
    /// Does the same with each of some deliveries; what became of each, in their order.
    pub(super) async fn intervene_in_each(
        &self,
        caller: &Identity,
        deliveries: &[String],
        what: Intervention<'_>,
        order: Order<'_>,
    ) -> Result<Vec<CommandResult>, Refusal> {
        require_operator(caller)?;
        reason_of(order.reason)?;
        if deliveries.is_empty() || deliveries.len() > DELIVERIES_MAX {
            let what = format!(
                "{} deliveries; a call takes 1 to {DELIVERIES_MAX}",
                deliveries.len()
            );
            return Err(Refusal::field("deliveries", what, "send them in parts"));
        }
        let mut results = Vec::with_capacity(deliveries.len());
        for (index, name) in deliveries.iter().enumerate() {
            let outcome = match delivery_id_of(&format!("deliveries[{index}]"), name) {
                Ok(id) => self.engine.intervene(caller, id, what, order).await,
                Err(refusal) => Err(refusal),
            };
            results.push(result_of(index as u64, outcome.map(drop)));
        }
        Ok(results)
    }

    /// Sends one delivery to another mailbox.
    pub(super) async fn reroute(
        &self,
        caller: &Identity,
        request: RerouteDeliveryRequest,
    ) -> Result<Moved, Refusal> {
        require_operator(caller)?;
        reason_of(&request.reason)?;
        let id = delivery_id_of("delivery", &request.delivery)?;
        let to = elsewhere_of(request.destination)?;
        let order = Order {
            reason: &request.reason,
            validate_only: request.validate_only,
        };
        self.engine
            .intervene(caller, id, Intervention::Reroute(&to), order)
            .await
    }
}

fn delivery_id_of(path: &str, name: &str) -> Result<DeliveryId, Refusal> {
    DeliveryId::parse(name).map_err(|why| Refusal::field(path, why.to_string(), "correct it"))
}

fn elsewhere_of(destination: Option<Destination>) -> Result<Elsewhere, Refusal> {
    let invalid = |path: &str, why: String| Refusal::field(path, why, "correct it");
    match destination {
        Some(Destination::Organisation(code)) => OdsCode::parse(&code)
            .map(Elsewhere::Organisation)
            .map_err(|why| invalid("organisation", why.to_string())),
        Some(Destination::Mailbox(name)) => MailboxId::parse(&name)
            .map(Elsewhere::Mailbox)
            .map_err(|why| invalid("mailbox", why.to_string())),
        None => Err(Refusal::field(
            "organisation",
            "it is missing",
            "say where the delivery is to go",
        )),
    }
}
