//! What operators see: how the broker stands, which mailbox waits longest, and every timeline.

use axle_proto::v1::{DeliveryState, ListMailboxesRequest, ListMessagesRequest};
use axle_tests::{
    broker::TestBroker,
    documents::{named, to},
    estate::{OTHER_PRACTICE, PRACTICE, TRUST},
};

use super::steps::{MAILBOX, events, lease, send, send_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_mailbox_that_waits_longest_first() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    send_with(&trust, named("1", to(&[OTHER_PRACTICE])))
        .await
        .unwrap();
    let receipt = send(&trust, "2").await;
    let operator = broker.operator();
    let status = operator.broker_status().await.unwrap();
    assert!(
        status.ready && status.failing_checks.is_empty(),
        "{status:?}"
    );
    assert_eq!((status.live_message_count, status.mailbox_count), (2, 4));
    assert_eq!(status.routing_table_version, 7);
    assert!(
        status.ledger_sequence >= 2 && status.store_free_bytes > 0,
        "{status:?}"
    );
    let mut names = Vec::new();
    let mut request = ListMailboxesRequest {
        page_size: 1,
        ..Default::default()
    };
    loop {
        let page = operator.mailboxes(request.clone()).await.unwrap();
        names.extend(page.mailboxes.into_iter().map(|mailbox| mailbox.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let expected = [
        "mailboxes/A83008",
        MAILBOX,
        "mailboxes/A83627",
        "mailboxes/K81003/PATHOLOGY",
    ];
    assert_eq!(names, expected);
    let waiting = ListMailboxesRequest {
        waiting_only: true,
        ..Default::default()
    };
    assert_eq!(
        operator.mailboxes(waiting).await.unwrap().mailboxes.len(),
        2
    );
    let timeline = operator.message_timeline(&receipt.message).await.unwrap();
    assert_eq!(
        (timeline.sender.as_str(), events(&timeline.deliveries[0])),
        (TRUST, vec!["accepted".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_pages_through_its_messages_newest_first_and_finds_those_it_asks_for() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    for number in 0..5 {
        let recipient = if number % 2 == 0 {
            PRACTICE
        } else {
            OTHER_PRACTICE
        };
        send_with(&trust, named(&number.to_string(), to(&[recipient])))
            .await
            .unwrap();
    }
    let listed = async |request: ListMessagesRequest| {
        let mut ids = Vec::new();
        let mut request = ListMessagesRequest {
            page_size: 2,
            ..request
        };
        loop {
            let page = trust.messages(request.clone()).await.unwrap();
            ids.extend(
                page.messages
                    .into_iter()
                    .map(|message| message.submission_id),
            );
            if page.next_page_token.is_empty() {
                return ids;
            }
            request.page_token = page.next_page_token;
        }
    };
    assert_eq!(listed(Default::default()).await, ["4", "3", "2", "1", "0"]);
    let recipient = OTHER_PRACTICE.to_owned();
    assert_eq!(
        listed(ListMessagesRequest {
            recipient,
            ..Default::default()
        })
        .await,
        ["3", "1"]
    );
    lease(&practice, 60).await;
    let states = vec![DeliveryState::Leased.into()];
    assert_eq!(
        listed(ListMessagesRequest {
            states,
            ..Default::default()
        })
        .await,
        ["0"]
    );
    let own = trust.message_of_submission("3").await.unwrap();
    assert_eq!(own.deliveries[0].recipient, OTHER_PRACTICE);
}
