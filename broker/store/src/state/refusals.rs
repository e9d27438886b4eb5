//! Refusals: what is kept of submissions that were refused, until the index has it. The newest for
//! each submission id, and for each document, is the one that counts.

use std::{collections::HashMap, sync::Arc};

use axle_core::{change::Refused, reconcile::Named};
use axle_model::{digest::Digest, ods::OdsCode};

use super::{Half, MessageKeys};

/// The refusals of late.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    newest: HashMap<Half, Arc<Refused>>,
    fresh: Vec<Arc<Refused>>,
}

/// The key of what a sender names so.
pub(crate) fn key(sender: OdsCode, named: &Named) -> Half {
    match named {
        Named::Submission(id) => MessageKeys::submission(sender, id),
        Named::Body(digest) => {
            let parts = [sender.as_str().as_bytes(), b"sha-256", digest.as_bytes()];
            Half::of(&Digest::of_parts(parts))
        }
    }
}

/// The keys a refusal is found by.
pub(crate) fn keys(refused: &Refused) -> impl Iterator<Item = Half> {
    let submission = MessageKeys::submission(refused.sender, &refused.submission);
    let body = refused.digest.map(Named::Body);
    let body = body.map(|named| key(refused.sender, &named));
    [submission].into_iter().chain(body)
}

impl Refusals {
    /// The newest refusal of what a sender names so.
    pub(crate) fn find(&self, sender: OdsCode, named: &Named) -> Option<Arc<Refused>> {
        self.newest.get(&key(sender, named)).cloned()
    }

    /// Takes a refusal that is durable now.
    pub(crate) fn insert(&mut self, refused: Refused) {
        let refused = Arc::new(refused);
        for key in keys(&refused) {
            self.newest.insert(key, refused.clone());
        }
        self.fresh.push(refused);
    }

    /// Those taken since this was last asked, oldest first.
    pub(crate) fn take_fresh(&mut self) -> Vec<Arc<Refused>> {
        std::mem::take(&mut self.fresh)
    }

    /// Forgets what the index holds now, unless something newer is here.
    pub(crate) fn forget(&mut self, held: &[Arc<Refused>]) {
        for refused in held {
            for key in keys(refused) {
                let same = |newest| Arc::ptr_eq(newest, refused);
                if self.newest.get(&key).is_some_and(same) {
                    self.newest.remove(&key);
                }
            }
        }
    }
}
