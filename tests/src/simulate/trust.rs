//! A simulated trust: it submits documents, repeats what got no answer under the same submission id,
//! sends some twice, sends one document to several practices, now and then uses an id for something
//! else by mistake, and watches what becomes of it all.

use std::{collections::BTreeMap, fmt, time::Duration};

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::{MessageId, SubmissionId},
    identity::Identity,
    mailbox::WorkflowId,
    refusal::Reason,
    synthetic,
};
use bytes::Bytes;
use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{
    network::{Answer, Request},
    world::{PRACTICES, identity},
};
use crate::{
    checker::history::{Key, What},
    documents::ods,
};

/// A document on its way, as its sender has it.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) key: Key,
    pub(super) recipients: Vec<&'static str>,
    media_type: MediaType,
    body: Bytes,
    priority: Priority,
    time_to_live: Option<Duration>,
    /// What the broker must say, if it answers.
    pub(super) due: Due,
}

/// What is due to a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A receipt.
    Receipt,
    /// The receipt of this message, which the same document became under another submission id.
    ReceiptOf(MessageId),
    /// A refusal: its submission id was used before, for something else.
    Refusal,
}

/// A trust.
pub(super) struct Trust {
    pub(super) code: &'static str,
    number: usize,
    pub(super) identity: Identity,
    drafts: u64,
    /// Submits under way.
    under_way: usize,
    /// To be sent again, under the same submission id.
    unanswered: Vec<Draft>,
    accepted: Vec<(Draft, MessageId)>,
    /// Where its watch goes on.
    resume: String,
    watching: bool,
    /// Whether it sends nothing new.
    pub(super) calm: bool,
}

/// Submits under way at a time.
const SUBMITS_MAX: usize = 3;

impl Trust {
    pub(super) fn new(number: usize, code: &'static str) -> Self {
        Self {
            code,
            number,
            identity: identity(code),
            drafts: 0,
            under_way: 0,
            unanswered: Vec::new(),
            accepted: Vec::new(),
            resume: "1.0".to_owned(),
            watching: false,
            calm: false,
        }
    }

    /// What it does next, and what it writes down before.
    pub(super) fn act(&mut self, random: &mut StdRng) -> Option<(Request, Option<What>)> {
        if !self.watching && random.random_ratio(1, 3) {
            self.watching = true;
            let (trust, from) = (self.number, self.resume.clone());
            return Some((Request::Watch { trust, from }, None));
        }
        if self.under_way >= SUBMITS_MAX {
            return None;
        }
        let draft = self.next(random)?;
        self.under_way += 1;
        let invoke = What::Invoke {
            key: draft.key.clone(),
            recipients: draft.recipients.iter().map(ToString::to_string).collect(),
            sha256: Digest::of(&draft.body).to_string(),
        };
        // Of the others nothing may come, so there is nothing to write down.
        let invoke = (draft.due == Due::Receipt).then_some(invoke);
        let trust = self.number;
        Some((Request::Submit { trust, draft }, invoke))
    }

    fn next(&mut self, random: &mut StdRng) -> Option<Draft> {
        if let Some(draft) = self.unanswered.pop() {
            // One in ten is given up on, and nobody will ever know what became of it.
            return (self.calm || random.random_ratio(9, 10)).then_some(draft);
        }
        if self.calm {
            return None;
        }
        let choice = random.random_range(0..20);
        if choice < 5 && !self.accepted.is_empty() {
            let earlier = &self.accepted[random.random_range(0..self.accepted.len())];
            let (earlier, message) = earlier.clone();
            return Some(match choice {
                0 | 1 => earlier,
                2 => Draft {
                    body: Bytes::from(format!("something else than {}", earlier.key.1)),
                    media_type: pdf(),
                    due: Due::Refusal,
                    ..earlier
                },
                3 => self.copy(earlier, message),
                _ => self.with_one_more(earlier),
            });
        }
        Some(self.draft(random))
    }

    /// The same document, for the same practices, under another submission id. What the broker does
    /// not read it knows by the id alone.
    fn copy(&mut self, earlier: Draft, message: MessageId) -> Draft {
        if earlier.media_type != MediaType::FhirJson {
            return earlier;
        }
        Draft {
            key: self.key(),
            due: Due::ReceiptOf(message),
            ..earlier
        }
    }

    /// The same document for one practice more than before.
    fn with_one_more(&mut self, earlier: Draft) -> Draft {
        let mut others = PRACTICES.iter();
        let Some(another) = others.find(|one| !earlier.recipients.contains(one)) else {
            return earlier;
        };
        let mut recipients = earlier.recipients.clone();
        recipients.push(another);
        // Each time another number of practices, and so another request.
        self.accepted.retain(|(draft, _)| draft.key != earlier.key);
        Draft {
            key: self.key(),
            recipients,
            ..earlier
        }
    }

    fn key(&mut self) -> Key {
        self.drafts += 1;
        (self.code.to_owned(), self.drafts.to_string())
    }

    fn draft(&mut self, random: &mut StdRng) -> Draft {
        let key = self.key();
        let mut recipients = PRACTICES.to_vec();
        recipients.shuffle(random);
        recipients.truncate(if random.random_ratio(1, 4) { 3 } else { 1 });
        let (media_type, body) = if random.random_ratio(1, 16) {
            let (sender, practice) = (ods(self.code), ods(recipients[0]));
            let letter = synthetic::Document::new(self.drafts, sender, practice);
            (MediaType::FhirJson, letter.outpatient_letter_json())
        } else {
            let size = random.random_range(0..200);
            let text = format!("{} {} {}", self.code, self.drafts, "x".repeat(size));
            (pdf(), text)
        };
        let seconds = random.random_range(20..2_000);
        Draft {
            key,
            recipients,
            media_type,
            body: Bytes::from(body),
            priority: if random.random_ratio(1, 5) {
                Priority::Urgent
            } else {
                Priority::Routine
            },
            time_to_live: random
                .random_ratio(1, 3)
                .then_some(Duration::from_secs(seconds)),
            due: Due::Receipt,
        }
    }

    /// Hears what became of a request, or that no answer came; what it writes down.
    pub(super) fn hear(&mut self, request: Request, answer: Option<Answer>) -> Option<What> {
        let draft = match (request, &answer) {
            (Request::Submit { draft, .. }, _) => draft,
            (Request::Watch { .. }, Some(Answer::Updates(updates))) => {
                self.watching = false;
                if let Some(last) = updates.last() {
                    self.resume = last.next.to_string();
                }
                return None;
            }
            _ => {
                self.watching = false;
                return None;
            }
        };
        self.under_way -= 1;
        if draft.due != Due::Receipt {
            return None;
        }
        let key = draft.key.clone();
        match answer {
            Some(Answer::Receipt(receipt)) => {
                if self.accepted.iter().all(|(one, _)| one.key != draft.key) {
                    self.accepted.push((draft, receipt.message));
                }
                let message = receipt.message.to_string();
                Some(What::Ok { key, message })
            }
            Some(Answer::Refused(refusal)) if refusal.reason != Reason::StoreUnavailable => {
                self.unanswered.push(draft);
                let reason = refusal.reason.as_str().to_owned();
                Some(What::Fail { key, reason })
            }
            _ => {
                self.unanswered.push(draft);
                Some(What::Unknown { key })
            }
        }
    }

    /// Whether it waits for nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0 && self.unanswered.is_empty()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key.0, self.key.1)
    }
}

impl Draft {
    /// The draft as the broker's door reads it.
    pub(super) fn submission(&self) -> Submission {
        let opaque = matches!(self.media_type, MediaType::Opaque(_));
        let workflow = WorkflowId::parse("OPAQUE").expect("a workflow");
        Submission {
            id: SubmissionId::parse(&self.key.1).expect("a submission id"),
            claimed_sender: None,
            recipients: self.recipients.iter().map(|code| ods(code)).collect(),
            patient: None,
            restricted: false,
            workflow: opaque.then_some(workflow),
            media_type: self.media_type.clone(),
            digest: Digest::of(&self.body),
            body: self.body.clone(),
            order_key: None,
            correlation_id: None,
            priority: self.priority,
            time_to_live: self.time_to_live,
            labels: BTreeMap::new(),
        }
    }
}

fn pdf() -> MediaType {
    MediaType::parse("application/pdf").expect("a media type")
}
