//! Who may connect at all: each wrong certificate is refused by the first call, in words.

use std::time::Duration;

use axle_client::connection::Client;
use axle_pki::issue::{Authority, Request};
use axle_tests::{
    broker::TestBroker,
    documents::{now, ods},
    estate::{Estate, PRACTICE, TRUST},
    raw::{self, Raw, Refused},
    wait::soon,
};
use tonic::Code;

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

fn practice() -> Request {
    Request {
        organisation: Some(ods(PRACTICE)),
        days: 2,
        ..Request::default()
    }
}

/// A client with a certificate of somebody else's authority, of the same name.
fn stranger(estate: &Estate) -> Client {
    let folder = estate.path().join("elsewhere");
    let authority = Authority::init(&folder, "tests", now()).unwrap();
    let issued = authority.issue("stranger", &practice(), now()).unwrap();
    let mut profile = estate.profile(PRACTICE);
    (profile.certificate, profile.key) = (issued.certificate, issued.key);
    Client::connect(&profile).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_is_refused_by_the_first_call_in_words() {
    let estate = Estate::new();
    let long_ago = axle_model::time::Timestamp::from_micros(
        now().as_micros() - u64::try_from(MONTH.as_micros()).unwrap(),
    );
    estate.issue_at("expired", &practice(), long_ago);
    estate.issue_at("early", &practice(), now().after(MONTH));
    let server = Request {
        server_names: vec!["localhost".to_owned()],
        days: 2,
        ..Request::default()
    };
    estate.issue("server", &server);
    estate.issue("revoked", &practice());
    estate.revoke("revoked");
    let broker = TestBroker::start_with(estate).await;
    let estate = broker.estate();
    let shown = |name: &str| Client::connect(&estate.profile_of(name)).unwrap();
    for (client, why) in [
        (shown("expired"), "expired, or is not valid yet"),
        (shown("early"), "expired, or is not valid yet"),
        (shown("server"), "not a client's certificate"),
        (shown("revoked"), "revoked"),
        (stranger(estate), "does not know the authority"),
    ] {
        let error = soon("a refusal", client.mailbox("mailboxes/K81003"))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "CERTIFICATE_REFUSED", "{why}");
        assert!(
            error.what().contains("the broker refused the certificate"),
            "{error}"
        );
        assert!(error.what().contains(why), "{why}: {error}");
    }
    broker
        .client(PRACTICE)
        .mailbox("mailboxes/K81003")
        .await
        .expect("a right one is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_no_call_is_answered() {
    let broker = TestBroker::start().await;
    let mut anonymous = Raw::anonymous(broker.estate());
    let answer = soon(
        "a refusal",
        anonymous
            .collection
            .get_mailbox(axle_proto::v1::GetMailboxRequest {
                name: "mailboxes/K81003".to_owned(),
            }),
    );
    let status = answer.await.unwrap_err();
    assert!(
        status.metadata().is_empty(),
        "the broker must not even answer: {status:?}"
    );
    let end = raw::knock_without_a_certificate(broker.estate()).await;
    assert!(end.contains("CertificateRequired"), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_names_nobody_is_told_so_in_words() {
    let broker = TestBroker::start().await;
    broker.estate().issue(
        "nobody",
        &Request {
            days: 2,
            ..Request::default()
        },
    );
    let raw = Raw::of(&broker.estate().profile_of("nobody"));
    let text = axle_tests::documents::small("1", TRUST, 0);
    let status = raw
        .submit(axle_tests::documents::to(&[PRACTICE]), text)
        .await
        .unwrap_err();
    let refused = Refused::of(&status);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::Unauthenticated, "IDENTITY_NOT_IN_CERTIFICATE")
    );
    assert!(refused.remedy.contains("urn:nhs:ods:"), "{refused:?}");
}
