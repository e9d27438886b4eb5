//! The broker's books at the end of a run: that no mailbox holds anything, and what every sender is
//! told of every delivery.

use std::time::{Duration, Instant};

use axle_client::{connection::Client, convert};
use axle_proto::v1::{ListMailboxesRequest, ListMessagesRequest};

use super::run::STANDSTILL;
use crate::{
    checker::history::{History, What},
    estate::Estate,
    process::log_tail,
};

/// Waits until every mailbox that the directory lists is empty.
pub(super) async fn drained(operator: &Client, estate: &Estate) {
    let begun = Instant::now();
    loop {
        let request = ListMailboxesRequest {
            waiting_only: true,
            ..Default::default()
        };
        let waiting = operator
            .mailboxes(request)
            .await
            .expect("an operator's answer")
            .mailboxes;
        // What a sender is told of the undelivered waits in a mailbox of its own, which no directory
        // lists and nobody here collects.
        if waiting.iter().all(|mailbox| !mailbox.open) {
            return;
        }
        if begun.elapsed() > STANDSTILL {
            let end = log_tail(estate);
            panic!("mailboxes are not empty: {waiting:?}; the log ends:\n{end}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Records the state of every delivery of a sender.
pub(super) async fn record(sender: &Client, trust: &str, history: &History) {
    let mut request = ListMessagesRequest {
        page_size: 500,
        ..Default::default()
    };
    loop {
        let page = sender
            .messages(request.clone())
            .await
            .expect("a page of messages");
        for message in page.messages {
            for delivery in message.deliveries {
                let state = convert::state_word(delivery.state());
                history.record(What::State {
                    key: (trust.to_owned(), message.submission_id.clone()),
                    delivery: delivery.name,
                    state,
                });
            }
        }
        if page.next_page_token.is_empty() {
            return;
        }
        request.page_token = page.next_page_token;
    }
}
