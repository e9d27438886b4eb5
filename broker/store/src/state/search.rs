//! Search: the messages of the state that a query asks for, newest first, a bounded page at a time.

use std::sync::Arc;

use axle_core::{delivery::State as Waits, message::Message};
use axle_model::{id::MessageId, ods::OdsCode};

use super::{Body, Glimpse, State};
use crate::{Found, Query};

/// One call looks at no more records than this.
pub(crate) const RECORDS_MAX: usize = 10_000;

/// What one look at one place found.
#[derive(Debug)]
pub(crate) struct Page<T = Arc<Message>> {
    /// Newest first.
    pub(crate) messages: Vec<T>,
    /// Nothing older than this was looked at; `None` when there is nothing older.
    pub(crate) floor: Option<MessageId>,
}

/// Whether a query asks for a message.
pub(crate) fn wanted(query: &Query, message: &Message) -> bool {
    let deliveries = message.deliveries.iter();
    let deliveries = deliveries.map(|one| (one.recipient, one.state));
    wants(query, message.sender, deliveries)
}

fn wants(
    query: &Query,
    sender: OdsCode,
    mut deliveries: impl Iterator<Item = (OdsCode, Waits)>,
) -> bool {
    let states = |state: &str| query.states.is_empty() || query.states.contains(&state);
    let recipient = |code| query.recipient.is_none_or(|recipient| recipient == code);
    query.sender.is_none_or(|wanted| wanted == sender)
        && deliveries.any(|(code, state)| recipient(code) && states(state.as_str()))
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            messages: Vec::new(),
            floor: None,
        }
    }
}

impl<T> Page<T> {
    /// Looks through messages, newest first, for a page: the id of each, whether it is wanted, and
    /// what is kept of it then.
    pub(crate) fn fill(
        page_max: usize,
        newest_first: impl Iterator<Item = (MessageId, bool, T)>,
    ) -> Self {
        let mut page = Self::default();
        for (looked_at, (id, wanted, message)) in newest_first.enumerate() {
            if looked_at == RECORDS_MAX || page.messages.len() == page_max {
                return page;
            }
            page.floor = Some(id);
            if wanted {
                page.messages.push(message);
            }
        }
        page.floor = None;
        page
    }
}

impl Page {
    /// One page of two places that may hold the same message; this one is nearer to the truth.
    pub(crate) fn merge(self, other: Self, page_max: usize) -> Found {
        let floor = self.floor.max(other.floor);
        let mut messages = self.messages;
        for message in other.messages {
            if !messages.iter().any(|one| one.id == message.id) {
                messages.push(message);
            }
        }
        messages.sort_by_key(|message| std::cmp::Reverse(message.id));
        if let Some(floor) = floor {
            messages.retain(|message| message.id >= floor);
        }
        let cut = messages.len() > page_max;
        messages.truncate(page_max);
        let next = match messages.last() {
            Some(last) if cut => Some(last.id),
            Some(_) | None => floor,
        };
        Found { messages, next }
    }
}

impl<B: Body> State<B> {
    /// The messages here that a query asks for.
    pub(crate) fn find(&self, query: &Query) -> Page<Glimpse<Arc<Message>>> {
        let newest_first = self.messages.before(query.before.as_ref());
        let looked_at = newest_first.map(|&(id, ref kept)| {
            let deliveries = kept.stubs().map(|one| (one.recipient, one.state));
            let wanted = wants(query, kept.sender(), deliveries);
            (id, wanted, kept.glimpse(id))
        });
        Page::fill(query.page_max, looked_at)
    }
}
