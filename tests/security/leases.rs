//! Lease tokens: only the newest, only its holder's organisation, and never a guess.

use axle_core::lease::{LeaseKey, LeaseToken};
use axle_proto::v1::{
    AcknowledgeDeliveriesRequest, CommandResult, DownloadDocumentRequest, ExtendLeasesRequest,
    RejectDeliveryRequest, ReleaseDeliveriesRequest, RerouteDeliveryRequest,
    reroute_delivery_request::Destination,
};
use axle_tests::{
    broker::TestBroker,
    documents::{named, ods, small, to},
    estate::{CLOSED_PRACTICE, OTHER_PRACTICE, PRACTICE, TRUST, lease_from},
    raw::{Raw, Refused},
};
use rand::Rng as _;
use tonic::Code;

const FORGED: usize = 10_000;

/// Acknowledges all; what became of each.
async fn acknowledge(raw: &Raw, lease_tokens: Vec<String>) -> Vec<CommandResult> {
    let request = AcknowledgeDeliveriesRequest { lease_tokens };
    let answer = raw.collection.clone().acknowledge_deliveries(request).await;
    answer.unwrap().into_inner().results
}

/// A broker with a document leased by the practice; its token.
async fn leased() -> (TestBroker, String) {
    let broker = TestBroker::start().await;
    let text = small("1", TRUST, 0);
    broker
        .client(TRUST)
        .submit(named("1", to(&[PRACTICE])), text.into())
        .await
        .unwrap();
    let leases = broker
        .client(PRACTICE)
        .lease(lease_from("mailboxes/K81003", 60))
        .await
        .unwrap();
    let token = leases.into_iter().next().unwrap().lease_token;
    (broker, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_forged_tokens_none_is_accepted() {
    let (broker, token) = leased().await;
    let practice = broker.raw(PRACTICE);
    let real = LeaseToken::parse(&token).unwrap();
    let mut random = rand::rng();
    let mut forge = |number: usize| {
        let mut forged = real;
        let nonce = random.random();
        match number % 4 {
            // Another nonce, another epoch, one flipped bit; and one that is hardly a token.
            0 => forged.key = LeaseKey { nonce, ..real.key },
            1 => {
                forged.key = LeaseKey {
                    epoch: random.random_range(2..9),
                    nonce,
                }
            }
            2 => {
                let bit = random.random_range(0..128);
                if let Some(byte) = forged.key.nonce.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            _ => return format!("{token}{:02x}", random.random_range(0x41..0x5a)),
        }
        forged.to_string()
    };
    let forged: Vec<String> = (0..FORGED).map(&mut forge).collect();
    let mut accepted = 0;
    for batch in forged.chunks(1_000) {
        for result in acknowledge(&practice, batch.to_vec()).await {
            accepted += usize::from(result.code == 0);
            assert_eq!(result.reason, "LEASE_TOKEN_INVALID", "{result:?}");
        }
    }
    assert_eq!(accepted, 0);
    assert_eq!(
        acknowledge(&practice, vec![token]).await[0].code,
        0,
        "the true one is good"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tokens_said_at_once_each_has_an_answer_of_its_own() {
    let (broker, old) = leased().await;
    let practice = broker.raw(PRACTICE);
    let release = ReleaseDeliveriesRequest {
        lease_tokens: vec![old.clone()],
        delay: None,
    };
    let mut collection = practice.collection.clone();
    collection.release_deliveries(release).await.unwrap();
    for id in ["2", "3"] {
        let trust = broker.client(TRUST);
        let sent = trust.submit(named(id, to(&[PRACTICE])), small(id, TRUST, 0).into());
        sent.await.unwrap();
    }
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let lease = lease_from("mailboxes/K81003", 60);
        let leased = broker.client(PRACTICE).lease(lease).await.unwrap();
        tokens.extend(leased.into_iter().map(|one| one.lease_token));
    }
    let [first, second, third] = &*tokens else {
        panic!("three were sent: {tokens:?}");
    };
    // One twice, so that they cannot all become true together; one that is over; one of nobody's.
    let said = [second, &old, second, "nonsense", third].map(str::to_owned);
    let answers = acknowledge(&practice, said.to_vec()).await;
    let reasons: Vec<_> = answers.iter().map(|one| one.reason.as_str()).collect();
    let over = ["", "LEASE_LOST", "", "LEASE_TOKEN_INVALID", ""];
    assert_eq!(reasons, over);
    let places: Vec<_> = answers.iter().map(|one| one.command_id).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    let mailbox = broker.client(PRACTICE).mailbox("mailboxes/K81003").await;
    assert_eq!(mailbox.unwrap().leased_count, 1, "the one not named");
    let answers = acknowledge(&practice, vec![first.clone()]).await;
    assert_eq!(answers[0].code, 0, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_is_worth_no_more_than_nonsense() {
    let (broker, token) = leased().await;
    let thief = broker.raw(OTHER_PRACTICE);
    let mut nowhere = LeaseToken::parse(&token).unwrap();
    nowhere.delivery.recipient = ods(OTHER_PRACTICE);
    let mut told = Vec::new();
    for lease_token in [
        token.clone(),
        nowhere.to_string(),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let tokens = || vec![lease_token.clone()];
        let mut collection = thief.collection.clone();
        let extend = ExtendLeasesRequest {
            lease_tokens: tokens(),
            lease_duration: None,
        };
        let release = ReleaseDeliveriesRequest {
            lease_tokens: tokens(),
            delay: None,
        };
        let results = [
            acknowledge(&thief, tokens()).await.remove(0),
            collection
                .extend_leases(extend)
                .await
                .unwrap()
                .into_inner()
                .results
                .remove(0),
            collection
                .release_deliveries(release)
                .await
                .unwrap()
                .into_inner()
                .results
                .remove(0),
        ];
        let reject = RejectDeliveryRequest {
            lease_token: lease_token.clone(),
            reason_code: "20009".to_owned(),
            retryable: false,
        };
        let download = DownloadDocumentRequest {
            lease_token: lease_token.clone(),
            offset: 0,
        };
        let statuses = [
            collection
                .reject_delivery(reject)
                .await
                .map(|_| ())
                .unwrap_err(),
            collection
                .download_document(download)
                .await
                .map(|_| ())
                .unwrap_err(),
        ];
        for status in &statuses {
            assert_eq!(Refused::of(status).reason, "LEASE_TOKEN_INVALID");
            assert_eq!(status.code(), Code::InvalidArgument);
        }
        let details =
            statuses.map(|status| (status.message().to_owned(), status.details().to_vec()));
        told.push((results, details));
    }
    assert!(
        told.windows(2).all(|pair| pair[0] == pair[1]),
        "they are told apart: {told:#?}"
    );
    assert_eq!(
        acknowledge(&broker.raw(PRACTICE), vec![token]).await[0].code,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_lease_of_a_rerouted_document_is_over_for_its_holder_and_worth_nothing_to_others() {
    let (broker, token) = leased().await;
    let practice = broker.raw(PRACTICE);
    let release = ReleaseDeliveriesRequest {
        lease_tokens: vec![token.clone()],
        delay: None,
    };
    practice
        .collection
        .clone()
        .release_deliveries(release)
        .await
        .unwrap();
    let message = LeaseToken::parse(&token).unwrap().delivery;
    let request = RerouteDeliveryRequest {
        delivery: message.to_string(),
        destination: Some(Destination::Organisation(OTHER_PRACTICE.to_owned())),
        reason: "merged".to_owned(),
        validate_only: false,
    };
    broker.operator().reroute(request).await.unwrap();
    // The new owner with the old owner's token, the old owner, and somebody else.
    for (who, reason) in [
        (OTHER_PRACTICE, "LEASE_LOST"),
        (PRACTICE, "LEASE_LOST"),
        (CLOSED_PRACTICE, "LEASE_TOKEN_INVALID"),
    ] {
        let raw = broker.raw(who);
        let result = acknowledge(&raw, vec![token.clone()]).await.remove(0);
        assert_eq!(result.reason, reason, "{who}");
        let download = DownloadDocumentRequest {
            lease_token: token.clone(),
            offset: 0,
        };
        let status = raw.collection.clone().download_document(download).await;
        assert_eq!(Refused::of(&status.unwrap_err()).reason, reason, "{who}");
    }
    let mut forged = LeaseToken::parse(&token).unwrap();
    forged.key.nonce[0] ^= 1;
    let result = acknowledge(&practice, vec![forged.to_string()]).await;
    assert_eq!(result[0].reason, "LEASE_TOKEN_INVALID");
}
