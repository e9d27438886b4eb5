//! Every call, by everybody: a matrix of all RPCs that the broker describes and all kinds of caller.
//! What is somebody else's answers as what is not there.

mod calls;

use std::collections::{BTreeMap, BTreeSet};

use axle_core::lease::LeaseToken;
use axle_pki::issue::Request;
use axle_tests::{
    broker::TestBroker,
    documents::{named, small, to},
    estate::{OPERATOR, OTHER_PRACTICE, OTHER_TRUST, PRACTICE, TRUST, lease_from},
    raw::Raw,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use calls::{About, ask};

const OK: Code = Code::Ok;
const BAD: Code = Code::InvalidArgument;
const NOT_FOUND: Code = Code::NotFound;
const DENIED: Code = Code::PermissionDenied;
const NOBODY: Code = Code::Unauthenticated;
const STATE: Code = Code::FailedPrecondition;

/// What each call comes to, for: the organisation it is about, another one, an operator who acts for
/// no organisation, and a certificate that names nobody.
const MATRIX: &[(&str, [Code; 4])] = &[
    // Another trust's document under this certificate: the document says whose it is.
    (
        "SubmissionService/SubmitDocument",
        [OK, BAD, NOBODY, NOBODY],
    ),
    (
        "SubmissionService/SubmitDocuments",
        [OK, BAD, NOBODY, NOBODY],
    ),
    (
        "SubmissionService/ValidateDocument",
        [OK, BAD, NOBODY, NOBODY],
    ),
    ("SubmissionService/ExplainRoute", [OK, BAD, NOBODY, NOBODY]),
    (
        "SubmissionService/GetMessage",
        [OK, NOT_FOUND, NOBODY, NOBODY],
    ),
    // Not found: the page does not hold it.
    (
        "SubmissionService/ListMessages",
        [OK, NOT_FOUND, NOBODY, NOBODY],
    ),
    // Its sender gets the receipt again; the other's document is shorter than its header says.
    (
        "SubmissionService/UploadDocument",
        [OK, BAD, NOBODY, NOBODY],
    ),
    // Not found: it is complete.
    (
        "SubmissionService/GetUpload",
        [NOT_FOUND, NOT_FOUND, NOBODY, NOBODY],
    ),
    // The practice has it; its sender may ask.
    (
        "SubmissionService/WithdrawMessage",
        [STATE, NOT_FOUND, NOBODY, NOBODY],
    ),
    // Not found: the manifest's entry was never submitted.
    (
        "SubmissionService/ReconcileSubmissions",
        [OK, NOT_FOUND, NOBODY, NOBODY],
    ),
    (
        "SubmissionService/WatchDeliveries",
        [OK, OK, NOBODY, NOBODY],
    ),
    ("CollectionService/Collect", [OK, DENIED, NOBODY, NOBODY]),
    (
        "CollectionService/LeaseDeliveries",
        [OK, DENIED, NOBODY, NOBODY],
    ),
    (
        "CollectionService/AcknowledgeDeliveries",
        [OK, BAD, NOBODY, NOBODY],
    ),
    (
        "CollectionService/RejectDelivery",
        [OK, BAD, NOBODY, NOBODY],
    ),
    ("CollectionService/ExtendLeases", [OK, BAD, NOBODY, NOBODY]),
    (
        "CollectionService/ReleaseDeliveries",
        [OK, BAD, NOBODY, NOBODY],
    ),
    (
        "CollectionService/DownloadDocument",
        [OK, BAD, NOBODY, NOBODY],
    ),
    ("CollectionService/GetMailbox", [OK, DENIED, NOBODY, NOBODY]),
    ("AdminService/GetBrokerStatus", [DENIED, DENIED, OK, NOBODY]),
    ("AdminService/ListMailboxes", [DENIED, DENIED, OK, NOBODY]),
    (
        "AdminService/GetMessageTimeline",
        [DENIED, DENIED, OK, NOBODY],
    ),
    ("AdminService/ListDeadLetters", [DENIED, DENIED, OK, NOBODY]),
    // The delivery is no dead letter; the operator may ask.
    (
        "AdminService/RequeueDeliveries",
        [DENIED, DENIED, STATE, NOBODY],
    ),
    ("AdminService/ListAlarms", [DENIED, DENIED, OK, NOBODY]),
    ("AdminService/WatchAlarms", [DENIED, DENIED, OK, NOBODY]),
    ("AdminService/GetOrganisation", [DENIED, DENIED, OK, NOBODY]),
    // The practice holds it; the operator may ask.
    (
        "AdminService/RerouteDelivery",
        [DENIED, DENIED, STATE, NOBODY],
    ),
    (
        "AdminService/ReturnDeliveries",
        [DENIED, DENIED, STATE, NOBODY],
    ),
];

/// Every RPC the broker describes.
fn described() -> BTreeSet<String> {
    let files = FileDescriptorSet::decode(axle_proto::DESCRIPTORS)
        .unwrap()
        .file;
    let services = files
        .iter()
        .filter(|file| file.package() == "axle.v1")
        .flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            service
                .method
                .iter()
                .map(|method| format!("{}/{}", service.name(), method.name()))
        })
        .collect()
}

/// A fresh document, leased by the practice.
async fn about(broker: &TestBroker, id: &str) -> About {
    let content = small(id, TRUST, 0);
    let trust = broker.client(TRUST);
    let receipt = trust
        .submit(named(id, to(&[PRACTICE])), content.clone().into())
        .await
        .unwrap();
    let mailbox = "mailboxes/K81003".to_owned();
    let leased = broker
        .client(PRACTICE)
        .lease(lease_from(&mailbox, 600))
        .await
        .unwrap();
    About {
        message: receipt.message,
        submission: id.to_owned(),
        content,
        mailbox,
        token: leased.into_iter().next().unwrap().lease_token,
    }
}

#[test]
fn the_matrix_holds_every_call() {
    let listed: BTreeSet<String> = MATRIX.iter().map(|(rpc, _)| (*rpc).to_owned()).collect();
    assert_eq!(listed, described());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_answers_every_caller_as_it_should() {
    let broker = TestBroker::start().await;
    broker.estate().issue(
        "nobody",
        &Request {
            days: 2,
            ..Request::default()
        },
    );
    let nobody = Raw::of(&broker.estate().profile_of("nobody"));
    let mut wrong = Vec::new();
    for (number, (rpc, expected)) in MATRIX.iter().enumerate() {
        let about = about(&broker, &number.to_string()).await;
        let (owner, other) = match rpc.split_once('/') {
            Some(("SubmissionService", _)) => (TRUST, OTHER_TRUST),
            Some(("CollectionService", _)) => (PRACTICE, OTHER_PRACTICE),
            Some(_) | None => (TRUST, PRACTICE),
        };
        let callers = [
            broker.raw(owner),
            broker.raw(other),
            broker.raw(OPERATOR),
            nobody.clone(),
        ];
        let names = ["owner", "other", "operator", "nobody"];
        // The owner last: what it is allowed changes the delivery.
        for caller in [3, 2, 1, 0] {
            let answer = ask(rpc, &callers[caller], &about).await;
            if answer.code != expected[caller] {
                wrong.push(format!(
                    "{rpc} by {}: {answer:?}, not {:?}",
                    names[caller], expected[caller]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_answers_as_what_is_not_there() {
    let broker = TestBroker::start().await;
    let theirs = about(&broker, "theirs").await;
    let absent = absent(&theirs);
    let rpcs = MATRIX
        .iter()
        .map(|(rpc, _)| *rpc)
        .filter(|rpc| !rpc.starts_with("AdminService"));
    // A submit is about the caller's own document, not about one that is there already.
    let about_own = |rpc: &str| rpc.contains("/Submit") || rpc.ends_with("Document");
    let about_something = rpcs.filter(|rpc| !about_own(rpc) || rpc.ends_with("DownloadDocument"));
    let mut told = BTreeMap::new();
    for rpc in about_something {
        let caller = broker.raw(if rpc.starts_with("Submission") {
            OTHER_TRUST
        } else {
            OTHER_PRACTICE
        });
        let (theirs, absent) = (
            ask(rpc, &caller, &theirs).await,
            ask(rpc, &caller, &absent).await,
        );
        if theirs != absent {
            told.insert(rpc, (theirs, absent));
        }
    }
    assert!(told.is_empty(), "these are told apart: {told:#?}");
    let mut trust = broker.raw(OTHER_TRUST).submission;
    let mut by_id = async |id: &str| {
        let key = axle_proto::v1::get_message_request::Key::SubmissionId(id.to_owned());
        let request = axle_proto::v1::GetMessageRequest { key: Some(key) };
        let status = trust.get_message(request).await.unwrap_err();
        (
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        )
    };
    assert_eq!(by_id("theirs").await, by_id("absent").await);
}

/// The same wishes about things that do not exist.
fn absent(theirs: &About) -> About {
    let mut token = LeaseToken::parse(&theirs.token).unwrap();
    let mut bytes = *token.delivery.message.as_bytes();
    bytes[15] ^= 1;
    token.delivery.message = axle_model::id::MessageId::from_bytes(bytes);
    About {
        message: token.delivery.message.to_string(),
        submission: "absent".to_owned(),
        content: theirs.content.clone(),
        mailbox: "mailboxes/Z99999".to_owned(),
        token: token.to_string(),
    }
}
