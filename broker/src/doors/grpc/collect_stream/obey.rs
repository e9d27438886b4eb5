//! Obey: what a collector says is carried out. What it says at once is settled at once, as one change
//! of the store, and its results go out together.

use axle_core::lease::LeaseToken;
use axle_model::refusal::Refusal;
use axle_proto::v1::{
    self as wire, CollectRequest, CommandResult, collect_request::Command, collect_response::Update,
};
use axle_store::Store;
use futures::{
    FutureExt as _,
    stream::{FuturesUnordered, StreamExt as _},
};
use tokio::sync::watch;
use tonic::{Status, Streaming};

use super::{
    super::{
        foreign::in_our_words,
        reply::result_of,
        terms::{delay_of, lease_of, rejection_of},
    },
    Session, limits_of,
};
use crate::{
    clock::Clock,
    engine::settle::{Settlement, not_your_lease},
};

/// So many commands are carried out together at most.
const TOGETHER_MAX: usize = 256;
/// And so often at the same time.
const UNDER_WAY_MAX: usize = 4;

impl<S: Store, C: Clock> Session<S, C> {
    pub(super) async fn obey(
        &self,
        mut requests: Streaming<CollectRequest>,
        mut end: watch::Receiver<bool>,
    ) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                (said, then) = said(&mut requests), if under_way.len() < UNDER_WAY_MAX => {
                    under_way.push(self.carry_out(said));
                    match then {
                        Some(Ok(())) => break,
                        Some(Err(status)) => {
                            self.complain(&status).await;
                            break;
                        }
                        None => {}
                    }
                }
                Some(results) = under_way.next() => self.report(results).await,
                _ = end.changed() => break,
            }
        }
        while let Some(results) = under_way.next().await {
            self.report(results).await;
        }
    }

    /// Tells a collector whose request cannot be read; one that is gone hears nothing.
    async fn complain(&self, status: &Status) {
        if let Some(ours) = in_our_words(status) {
            let _ = self.responses.send(Err(ours)).await;
        }
    }

    async fn report(&self, results: Vec<CommandResult>) {
        if !results.is_empty() {
            let _ = self.respond(results.into_iter().map(Update::Result)).await;
        }
    }

    /// Carries out commands; credits are taken silently, everything else has a result.
    async fn carry_out(&self, said: Vec<CollectRequest>) -> Vec<CommandResult> {
        let mut results = Vec::with_capacity(said.len());
        let (mut ids, mut wanted) = (Vec::new(), Vec::new());
        for CollectRequest {
            command_id,
            command,
        } in said
        {
            match self.understand(command) {
                Ok(Some(settlement)) => {
                    ids.push(command_id);
                    wanted.push(settlement);
                }
                Ok(None) => {}
                Err(refusal) => results.push(result_of(command_id, Err(refusal))),
            }
        }
        self.give_back(&wanted);
        let outcomes = self.engine.settle_all(&self.identity, &wanted).await;
        self.extend(&wanted, &outcomes);
        let outcomes = ids.into_iter().zip(outcomes);
        results.extend(outcomes.map(|(id, outcome)| result_of(id, outcome)));
        results
    }

    /// What a command wants done with which lease; `None` for credits, which are taken here.
    fn understand(
        &self,
        command: Option<Command>,
    ) -> Result<Option<(LeaseToken, Settlement)>, Refusal> {
        let (token, what) = match command {
            Some(Command::Acknowledge(command)) => (command.lease_token, Settlement::Acknowledge),
            Some(Command::Reject(command)) => {
                let what = rejection_of(&command.reason_code, command.retryable)?;
                (command.lease_token, what)
            }
            Some(Command::Extend(command)) => {
                let span = lease_of(command.lease_duration.as_ref(), self.lease_max)?;
                (command.lease_token, Settlement::Extend(span))
            }
            Some(Command::Release(command)) => {
                let delay = delay_of(command.delay.as_ref(), self.lease_max)?;
                (command.lease_token, Settlement::Release(delay))
            }
            Some(Command::Credit(wire::CreditCommand {
                max_outstanding_deliveries,
                max_outstanding_bytes,
            })) => {
                let (deliveries, bytes) =
                    limits_of(max_outstanding_deliveries, max_outstanding_bytes);
                self.credits().set(deliveries, bytes);
                self.given_back.notify_one();
                return Ok(None);
            }
            Some(Command::Start(_)) | None => {
                let what = "a stream is started once, and every further request is a command";
                let remedy = "open another stream to start again";
                return Err(Refusal::field("command", what, remedy));
            }
        };
        let token = LeaseToken::parse(&token).ok_or_else(not_your_lease)?;
        Ok(Some((token, what)))
    }

    /// Makes room for more as soon as it is said what becomes of a lease, whether that comes to be or the
    /// lease was lost before: the collector does not work on it any more. To wait until it is durable would hold a
    /// busy mailbox to so many deliveries in the time that a commit takes.
    fn give_back(&self, wanted: &[(LeaseToken, Settlement)]) {
        let ends = |what: &Settlement| !matches!(what, Settlement::Extend(_));
        let mut ended = wanted.iter().filter(|(_, what)| ends(what)).peekable();
        if ended.peek().is_some() {
            let mut credits = self.credits();
            ended.for_each(|(token, _)| credits.give_back(token));
            drop(credits);
            self.given_back.notify_one();
        }
    }

    /// Keeps the credits in step with leases that were to be extended.
    fn extend(&self, wanted: &[(LeaseToken, Settlement)], outcomes: &[Result<(), Refusal>]) {
        for ((token, what), outcome) in wanted.iter().zip(outcomes) {
            match (what, outcome) {
                (Settlement::Extend(span), Ok(())) => {
                    let until = self.engine.now().after(*span);
                    self.credits().extend(token, until);
                }
                (Settlement::Extend(_), Err(_)) => {
                    // It was lost: it is no longer held.
                    self.credits().give_back(token);
                    self.given_back.notify_one();
                }
                _ => {}
            }
        }
    }
}

/// What a collector has said: the next command and those that are there as well, and how its stream
/// ended, if it did.
async fn said(
    requests: &mut Streaming<CollectRequest>,
) -> (Vec<CollectRequest>, Option<Result<(), Status>>) {
    let mut said = Vec::new();
    let mut next = Some(requests.next().await);
    while let Some(request) = next {
        match request {
            Some(Ok(request)) => said.push(request),
            Some(Err(status)) => return (said, Some(Err(status))),
            None => return (said, Some(Ok(()))),
        }
        if said.len() == TOGETHER_MAX {
            break;
        }
        next = requests.next().now_or_never();
    }
    (said, None)
}
