//! Search: the messages of the state that a query asks for, newest first, a bounded page at a time.

use std::{ops::Bound, sync::Arc};

use axle_core::message::Message;
use axle_model::id::MessageId;

use super::{Body, State};
use crate::{Found, Query};

/// One call looks at no more records than this.
pub(crate) const RECORDS_MAX: usize = 10_000;

/// What one look at one place found.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Newest first.
    pub(crate) messages: Vec<Arc<Message>>,
    /// Nothing older than this was looked at; `None` when there is nothing older.
    pub(crate) floor: Option<MessageId>,
}

/// Whether a query asks for a message.
pub(crate) fn wanted(query: &Query, message: &Message) -> bool {
    let states = |state: &str| query.states.is_empty() || query.states.contains(&state);
    let recipient = |code| query.recipient.is_none_or(|recipient| recipient == code);
    let mut deliveries = message.deliveries.iter();
    query.sender.is_none_or(|sender| sender == message.sender)
        && deliveries.any(|one| recipient(one.recipient) && states(one.state.as_str()))
}

impl Page {
    /// Looks through messages, newest first, for a page.
    pub(crate) fn fill(query: &Query, newest_first: impl Iterator<Item = Arc<Message>>) -> Self {
        let mut page = Self::default();
        for (looked_at, message) in newest_first.enumerate() {
            if looked_at == RECORDS_MAX || page.messages.len() == query.page_max {
                return page;
            }
            page.floor = Some(message.id);
            if wanted(query, &message) {
                page.messages.push(message);
            }
        }
        page.floor = None;
        page
    }

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
    pub(crate) fn find(&self, query: &Query) -> Page {
        let end = query.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest_first = self.messages.range((Bound::Unbounded, end)).rev();
        Page::fill(query, newest_first.map(|(_, entry)| entry.message.clone()))
    }
}
