//! Keys: how a repeated submit is recognised, by the sender's own submission id and by the
//! document's own identifier (rule V-118).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axle_core::message::Message;
use axle_model::{
    digest::Digest,
    id::{MessageId, SubmissionId},
    ods::OdsCode,
};

/// Half of a SHA-256: 128 bits tell any two keys apart, at half the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Half([u8; 16]);

/// By what a message is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageKeys {
    /// Of sender and submission id.
    pub(crate) submission: Half,
    /// Of sender and document identifier, and of the request: one document may travel in several
    /// requests, to several practices.
    pub(crate) document: Option<(Half, Half)>,
    /// Of the names of the documents that it replaces.
    pub(crate) replaces: Vec<Half>,
    /// Of its own names, when it asks for an answer: one may come when all is over.
    pub(crate) asks: Vec<Half>,
}

/// An earlier message, as much as must be known to judge a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Earlier {
    pub(crate) message: MessageId,
    pub(crate) request: Half,
    pub(crate) body: Half,
}

/// What other places than these keys know of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prior {
    pub(crate) submission: Option<Earlier>,
    pub(crate) documents: Vec<Earlier>,
}

/// What a message is, seen against the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was not here before.
    New,
    /// It is this one again.
    Repeat(MessageId),
    /// It uses the submission id of this one, which is another.
    SubmissionConflict(MessageId),
    /// It uses the document identifier of this one, whose content is another.
    DocumentConflict(MessageId),
}

/// The keys of messages accepted lately.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    submissions: HashMap<Half, Earlier>,
    documents: BTreeMap<(Half, Half), Earlier>,
    /// What replaces the documents of a name, and what goes by it and asked for an answer.
    leading: BTreeSet<(Half, MessageId)>,
    fresh: Vec<(MessageKeys, Earlier)>,
}

impl Half {
    /// Before all others.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// After all others.
    pub(crate) const LAST: Self = Self([u8::MAX; 16]);

    pub(crate) fn of(digest: &Digest) -> Self {
        let first = digest.as_bytes().first_chunk();
        Self(first.copied().unwrap_or_default())
    }

    /// A key from its 16 bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl MessageKeys {
    pub(crate) fn of(message: &Message) -> Self {
        let document = message.document.as_ref();
        Self {
            submission: Self::submission(message.sender, &message.submission),
            document: document.map(|document| (Half::of(document), Half::of(&message.request))),
            replaces: message.replaces.iter().map(Half::of).collect(),
            asks: match message.asks() {
                true => message.names.iter().map(Half::of).collect(),
                false => Vec::new(),
            },
        }
    }

    /// Of the names that lead to it for good.
    pub(crate) fn leading(&self) -> impl Iterator<Item = &Half> {
        self.replaces.iter().chain(&self.asks)
    }

    /// The key of a sender's submission.
    pub(crate) fn submission(sender: OdsCode, submission: &SubmissionId) -> Half {
        let parts = [sender.as_str().as_bytes(), submission.as_str().as_bytes()];
        Half::of(&Digest::of_parts(parts))
    }
}

impl Earlier {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            message: message.id,
            request: Half::of(&message.request),
            body: Half::of(&message.digest),
        }
    }

    /// What `message` is, given the one that used its submission id and those that used its document
    /// identifier. The sender's own name for it counts first.
    pub(crate) fn judge(
        message: &Message,
        submission: Option<Self>,
        mut documents: impl Iterator<Item = Self> + Clone,
    ) -> Verdict {
        let Self { request, body, .. } = Self::of(message);
        match submission {
            Some(earlier) if earlier.request == request => {
                return Verdict::Repeat(earlier.message);
            }
            Some(earlier) => return Verdict::SubmissionConflict(earlier.message),
            None => {}
        }
        let mut other = documents.clone().filter(|earlier| earlier.body != body);
        if let Some(earlier) = other.next() {
            return Verdict::DocumentConflict(earlier.message);
        }
        documents
            .find(|earlier| earlier.request == request)
            .map_or(Verdict::New, |earlier| Verdict::Repeat(earlier.message))
    }
}

/// The messages of a name.
pub(super) fn named(
    all: &BTreeSet<(Half, MessageId)>,
    name: Half,
) -> impl Iterator<Item = MessageId> {
    let first = MessageId::from_bytes([0; 16]);
    let from = all.range((name, first)..);
    from.take_while(move |(of, _)| *of == name)
        .map(|&(_, message)| message)
}

impl Keys {
    /// The message that used this submission key.
    pub(crate) fn submission(&self, key: &Half) -> Option<Earlier> {
        self.submissions.get(key).copied()
    }

    /// The messages that carried this document.
    pub(crate) fn documents(&self, keys: &MessageKeys) -> impl Iterator<Item = Earlier> + Clone {
        let range = keys.document.map(|(document, _)| {
            self.documents
                .range((document, Half::FIRST)..=(document, Half::LAST))
        });
        range.into_iter().flatten().map(|(_, &earlier)| earlier)
    }

    /// The messages that replace the documents of this name, and those that go by it and asked for an
    /// answer.
    pub(crate) fn led_to(&self, name: Half) -> impl Iterator<Item = MessageId> {
        named(&self.leading, name)
    }

    /// Remembers a message by its keys.
    pub(crate) fn insert(&mut self, keys: &MessageKeys, earlier: Earlier) {
        self.submissions.insert(keys.submission, earlier);
        if let Some(document) = keys.document {
            self.documents.insert(document, earlier);
        }
        let leading = keys.leading().map(|name| (*name, earlier.message));
        self.leading.extend(leading);
        self.fresh.push((keys.clone(), earlier));
    }

    /// Those remembered since this was last asked.
    pub(crate) fn take_fresh(&mut self) -> Vec<(MessageKeys, Earlier)> {
        std::mem::take(&mut self.fresh)
    }

    /// Forgets a message that somebody else remembers now.
    pub(crate) fn remove(&mut self, keys: &MessageKeys, earlier: &Earlier) {
        if self.submissions.get(&keys.submission) == Some(earlier) {
            self.submissions.remove(&keys.submission);
        }
        if let Some(document) = keys.document
            && self.documents.get(&document) == Some(earlier)
        {
            self.documents.remove(&document);
        }
        for name in keys.leading() {
            self.leading.remove(&(*name, earlier.message));
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.submissions.clear();
        self.documents.clear();
        self.leading.clear();
        self.fresh.clear();
    }
}
