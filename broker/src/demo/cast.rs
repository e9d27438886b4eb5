//! The cast: the trust sends what the script says, the practices collect and acknowledge, each with
//! its own certificate and nothing but the SDK.

use std::{collections::BTreeMap, time::Duration};

use axle_client::{
    collect::{CollectOptions, Received},
    connection::Client,
    error::ClientError,
};
use axle_proto::v1::{DocumentHeader, Message};
use bytes::Bytes;

use super::{
    DemoError, Sabotage,
    script::{HEALTH_CENTRE, SURGERY, Scene, Script, TRUST},
    stage::Stage,
};

/// How long a practice waits for a document that should come.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Cast {
    trust: Client,
    practices: [(&'static str, Client); 2],
}

/// What became of everything.
pub(super) struct Played<'s> {
    /// In the script's order.
    pub(super) outcomes: Vec<Outcome<'s>>,
}

/// What became of one document.
pub(super) struct Outcome<'s> {
    pub(super) scene: &'s Scene,
    pub(super) sent: Result<String, ClientError>,
    /// Whether each recipient got exactly the bytes that were sent; none if it got nothing.
    pub(super) arrived: BTreeMap<&'static str, bool>,
    /// The message with its timelines, as its sender sees it afterwards.
    pub(super) message: Option<Message>,
}

impl Cast {
    pub(super) fn new(stage: &Stage) -> Result<Self, DemoError> {
        let client = |name| Client::connect(&stage.profile(name));
        let practices = [
            (SURGERY, client(SURGERY)?),
            (HEALTH_CENTRE, client(HEALTH_CENTRE)?),
        ];
        Ok(Self {
            trust: client(TRUST)?,
            practices,
        })
    }

    /// Sends, collects, acknowledges and looks everything up.
    pub(super) async fn play<'s>(
        &self,
        script: &'s Script,
        sabotage: Option<Sabotage>,
    ) -> Result<Played<'s>, DemoError> {
        let mut outcomes = Vec::new();
        for scene in &script.scenes {
            outcomes.push(Outcome {
                scene,
                sent: self.send(scene).await,
                arrived: BTreeMap::new(),
                message: None,
            });
        }
        for (practice, client) in &self.practices {
            if sabotage == Some(Sabotage::Uncollected) && *practice == SURGERY {
                continue;
            }
            collect(practice, client, &mut outcomes, sabotage).await?;
        }
        for outcome in &mut outcomes {
            if let Ok(name) = &outcome.sent {
                outcome.message = Some(self.trust.message(name).await?);
            }
        }
        Ok(Played { outcomes })
    }

    async fn send(&self, scene: &Scene) -> Result<String, ClientError> {
        let header = DocumentHeader {
            recipients: scene
                .recipients
                .iter()
                .map(|&recipient| recipient.to_owned())
                .collect(),
            media_type: scene.media_type.to_owned(),
            ..DocumentHeader::default()
        };
        let receipt = self.trust.submit(header, scene.content.clone()).await?;
        Ok(receipt.message)
    }
}

/// Collects what this practice should have, compares it with what was sent, and acknowledges it.
async fn collect(
    practice: &'static str,
    client: &Client,
    outcomes: &mut [Outcome<'_>],
    sabotage: Option<Sabotage>,
) -> Result<(), DemoError> {
    let due = outcomes
        .iter()
        .filter(|outcome| outcome.is_for(practice) && outcome.sent.is_ok());
    let due = due.count();
    let consumer_id = "axle-demo".to_owned();
    let mut collector = client.collector(CollectOptions {
        consumer_id,
        ..CollectOptions::default()
    });
    for _ in 0..due {
        let next = tokio::time::timeout(PATIENCE, collector.next()).await;
        let Ok(Some(received)) = next else { break };
        let Received {
            token,
            message,
            content,
            ..
        } = received?;
        let sent = |outcome: &&mut Outcome<'_>| {
            outcome
                .sent
                .as_ref()
                .is_ok_and(|name| *name == message.name)
        };
        if let Some(outcome) = outcomes.iter_mut().find(sent) {
            let equal = content == outcome.expected(sabotage);
            outcome.arrived.insert(practice, equal);
        }
        collector.settler().acknowledge(&token).await?;
    }
    collector.close().await;
    Ok(())
}

impl Outcome<'_> {
    fn is_for(&self, practice: &str) -> bool {
        self.scene.recipients.contains(&practice)
    }

    fn expected(&self, sabotage: Option<Sabotage>) -> Bytes {
        let whole = self.scene.content.clone();
        if sabotage == Some(Sabotage::Altered) {
            whole.slice(1..)
        } else {
            whole
        }
    }
}

impl Played<'_> {
    /// Everything that went otherwise than the script says, in sentences.
    pub(super) fn failures(&self) -> Vec<String> {
        self.outcomes.iter().flat_map(Outcome::failures).collect()
    }
}

impl Outcome<'_> {
    fn failures(&self) -> Vec<String> {
        let title = self.scene.title;
        match (&self.sent, self.scene.refusal) {
            (Err(error), Some(reason)) if error.reason() == reason => Vec::new(),
            (Err(error), Some(reason)) => {
                vec![format!(
                    "{title}: should be refused for {reason}, but: {}",
                    error.what()
                )]
            }
            (Ok(_), Some(reason)) => vec![format!(
                "{title}: was accepted, but should be refused for {reason}"
            )],
            (Err(error), None) => vec![format!("{title}: was refused: {}", error.what())],
            (Ok(_), None) => {
                let missing = self.scene.recipients.iter().filter_map(|recipient| {
                    match self.arrived.get(recipient) {
                        Some(true) => None,
                        Some(false) => {
                            Some(format!("{title}: arrived at {recipient}, but altered"))
                        }
                        None => Some(format!("{title}: did not arrive at {recipient}")),
                    }
                });
                missing.collect()
            }
        }
    }
}
