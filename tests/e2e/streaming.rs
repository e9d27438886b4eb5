//! The Collect stream, word for word: credits hold it back, and every command has its result.

use axle_proto::v1::{
    AcknowledgeCommand, CollectStart, CreditCommand, ExtendCommand, LeasedDelivery, RejectCommand,
    ReleaseCommand, collect_request::Command,
};
use axle_store::failpoint;
use axle_tests::{
    broker::TestBroker,
    collecting::CollectStream,
    estate::{PRACTICE, TRUST},
};
use tonic::Code;

use super::steps::send;

#[tokio::test(flavor = "multi_thread")]
async fn credits_hold_a_stream_back_and_every_command_has_a_result() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    for number in 0..6 {
        send(&trust, &number.to_string()).await;
    }
    let mut stream = CollectStream::start(&broker.raw(PRACTICE), 2).await;
    let [first, second] = [stream.delivery().await, stream.delivery().await];
    // Both credits are taken: the next word is the result, not a third document.
    let lease_duration = Some(prost_types::Duration {
        seconds: 90,
        nanos: 0,
    });
    let token = first.lease_token.clone();
    let id = stream.command(Command::Extend(ExtendCommand {
        lease_token: token,
        lease_duration,
    }));
    assert_eq!(done(&mut stream).await, id);

    let id = stream.acknowledge(&first);
    let third = done_and_next(&mut stream, id).await;
    assert_eq!(third.message.as_ref().unwrap().submission_id, "2");

    let token = second.lease_token.clone();
    let retryable = RejectCommand {
        lease_token: token,
        reason_code: "30001".to_owned(),
        retryable: true,
    };
    let id = stream.command(Command::Reject(retryable));
    let fourth = done_and_next(&mut stream, id).await;

    let token = third.lease_token.clone();
    let refuse = RejectCommand {
        lease_token: token,
        reason_code: "20009".to_owned(),
        retryable: false,
    };
    let id = stream.command(Command::Reject(refuse));
    let fifth = done_and_next(&mut stream, id).await;

    let delay = Some(prost_types::Duration {
        seconds: 3_600,
        nanos: 0,
    });
    let token = fourth.lease_token.clone();
    let id = stream.command(Command::Release(ReleaseCommand {
        lease_token: token,
        delay,
    }));
    let sixth = done_and_next(&mut stream, id).await;
    let ids = [&fourth, &fifth, &sixth]
        .map(|delivery| delivery.message.as_ref().unwrap().submission_id.clone());
    assert_eq!(ids, ["3", "4", "5"]);

    // New credits take the place of the old; what was rejected for now comes again by itself.
    stream.command(Command::Credit(CreditCommand {
        max_outstanding_deliveries: 3,
        max_outstanding_bytes: 0,
    }));
    let again = stream.delivery().await;
    assert_eq!((again.name, again.attempt), (second.name, 2));
}

/// The next word must be a result, and good; the command it is about.
async fn done(stream: &mut CollectStream) -> u64 {
    let result = stream.result().await;
    assert_eq!(result.code, 0, "{result:?}");
    result.command_id
}

/// The good result of this command, and the next delivery.
async fn done_and_next(stream: &mut CollectStream, id: u64) -> LeasedDelivery {
    let (result, delivery) = stream.result_and_delivery().await;
    assert_eq!((result.command_id, result.code), (id, 0), "{result:?}");
    delivery
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_makes_room_before_it_is_durable() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    send(&trust, "1").await;
    send(&trust, "2").await;
    let mut stream = CollectStream::start(&broker.raw(PRACTICE), 1).await;
    let first = stream.delivery().await;
    // Half a second goes by until anything is durable again.
    failpoint::arm("before-sync=sleep@1").unwrap();
    let id = stream.acknowledge(&first);
    let second = stream.delivery().await;
    assert_eq!(second.message.unwrap().submission_id, "2");
    assert_eq!(done(&mut stream).await, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_of_bytes_holds_back_too_but_never_the_first_document() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    send(&trust, "1").await;
    send(&trust, "2").await;
    let start = CollectStart {
        max_outstanding_bytes: 10,
        ..CollectStart::default()
    };
    let mut stream = CollectStream::begin(&broker.raw(PRACTICE), Command::Start(start))
        .await
        .unwrap();
    let first = stream.delivery().await;
    let extend = ExtendCommand {
        lease_token: first.lease_token.clone(),
        lease_duration: None,
    };
    let id = stream.command(Command::Extend(extend));
    assert_eq!(
        done(&mut stream).await,
        id,
        "and no second document before it"
    );
    let id = stream.acknowledge(&first);
    let second = done_and_next(&mut stream, id).await;
    assert_eq!(second.message.unwrap().submission_id, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_command_is_told_so_and_the_stream_goes_on() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let mut stream = CollectStream::start(&broker.raw(PRACTICE), 1).await;
    let long = Some(prost_types::Duration {
        seconds: 13 * 3_600,
        nanos: 0,
    });
    let bad: [(Command, &str); 5] = [
        (
            Command::Start(CollectStart::default()),
            "HEADER_FIELD_INVALID",
        ),
        (
            Command::Acknowledge(AcknowledgeCommand {
                lease_token: "nonsense".to_owned(),
            }),
            "LEASE_TOKEN_INVALID",
        ),
        (
            Command::Release(ReleaseCommand {
                lease_token: String::new(),
                delay: None,
            }),
            "LEASE_TOKEN_INVALID",
        ),
        (
            Command::Extend(ExtendCommand {
                lease_token: TOKEN.to_owned(),
                lease_duration: long,
            }),
            "HEADER_FIELD_INVALID",
        ),
        (
            Command::Reject(RejectCommand {
                lease_token: TOKEN.to_owned(),
                reason_code: "not a code".to_owned(),
                retryable: false,
            }),
            "HEADER_FIELD_INVALID",
        ),
    ];
    for (command, reason) in bad {
        let id = stream.command(command);
        let result = stream.result().await;
        assert_eq!((result.command_id, result.reason.as_str()), (id, reason));
        assert_eq!(result.code, Code::InvalidArgument as i32);
        assert!(!result.description.is_empty());
    }
    send(&trust, "1").await;
    let delivery = stream.delivery().await;
    stream.acknowledge(&delivery);
    assert_eq!(stream.result().await.code, 0);
}

/// A token of the right shape for a message that is not there: message, epoch, nonce, "K81003".
const TOKEN: &str =
    "0190000000007000800000000000000100000001000000000000000000000000000000004b3831303033";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_at_once_that_it_stands() {
    let broker = TestBroker::start().await;
    let mut stream = CollectStream::start(&broker.raw(PRACTICE), 1).await;
    let heartbeat = stream.heartbeat(|_| true).await;
    assert!(
        !heartbeat.draining && heartbeat.server_time.is_some(),
        "{heartbeat:?}"
    );
}
