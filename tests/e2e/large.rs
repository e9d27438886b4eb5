//! Documents too large for one call: uploaded piece by piece, taken up again after any cut, seen by
//! nobody before they are whole, and collected the same way.

use axle_client::{
    collect::CollectOptions,
    upload::{Source, no_progress},
};
use axle_model::digest::Digest;
use axle_proto::v1::{
    DocumentHeader, GetMailboxRequest, GetUploadRequest, UploadChunk, UploadDocumentRequest,
    UploadStart, upload_document_request::Part, upload_document_response::Update,
};
use axle_tests::{
    broker::TestBroker,
    documents::{named, to},
    estate::{Estate, OTHER_TRUST, PRACTICE, TRUST},
    process::BrokerProcess,
    raw::Raw,
    wait::soon,
};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;

const CHUNK: usize = 256 * 1024;

/// Bytes that are nowhere the same.
fn document(mebibytes: usize) -> Bytes {
    let mut state = 1u64;
    let mut bytes = vec![0; mebibytes << 20];
    for eight in bytes.chunks_exact_mut(8) {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        eight.copy_from_slice(&state.to_le_bytes());
    }
    bytes.into()
}

fn header(id: &str, content: &Bytes) -> DocumentHeader {
    DocumentHeader {
        workflow: "OPAQUE".to_owned(),
        media_type: "application/octet-stream".to_owned(),
        size_bytes: content.len() as u64,
        sha256: Bytes::copy_from_slice(Digest::of(content).as_bytes()),
        ..named(id, to(&[PRACTICE]))
    }
}

fn chunk(content: &Bytes, offset: usize) -> UploadDocumentRequest {
    let data = content.slice(offset..(offset + CHUNK).min(content.len()));
    let chunk = UploadChunk {
        offset: offset as u64,
        crc32c: crc32c(&data),
        data,
    };
    UploadDocumentRequest {
        part: Some(Part::Chunk(chunk)),
    }
}

/// CRC-32C, bit by bit: not the broker's own code.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

/// An upload without the SDK's help.
struct Upload {
    requests: mpsc::UnboundedSender<UploadDocumentRequest>,
    updates: tonic::Streaming<axle_proto::v1::UploadDocumentResponse>,
}

impl Upload {
    async fn start(raw: &Raw, header: DocumentHeader, resume_offset: u64) -> Self {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let header = Some(header);
        let start = Part::Start(UploadStart {
            header,
            resume_offset,
        });
        requests
            .send(UploadDocumentRequest { part: Some(start) })
            .unwrap();
        let mut service = raw.submission.clone();
        let stream = UnboundedReceiverStream::new(outgoing);
        let updates = service.upload_document(stream).await.unwrap().into_inner();
        Self { requests, updates }
    }

    /// How much is durable, once that changes; or the refusal.
    async fn committed(&mut self) -> Result<u64, tonic::Status> {
        match soon("an update", self.updates.message())
            .await?
            .unwrap()
            .update
        {
            Some(Update::CommittedBytes(bytes)) => Ok(bytes),
            other => panic!("{other:?}"),
        }
    }
}

async fn waiting(raw: &Raw) -> u64 {
    let name = format!("mailboxes/{PRACTICE}");
    let mut service = raw.collection.clone();
    let mailbox = service.get_mailbox(GetMailboxRequest { name }).await;
    let mailbox = mailbox.unwrap().into_inner().mailbox;
    mailbox.unwrap().queued_count
}

async fn collected(broker: &axle_client::Client) -> axle_client::collect::Received {
    let mut collector = broker.collector(CollectOptions::default());
    let item = soon("a document", collector.next()).await;
    let received = item.unwrap().unwrap();
    collector
        .settler()
        .acknowledge(&received.token)
        .await
        .unwrap();
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_outlives_a_killed_broker_and_is_seen_by_nobody_before_it_is_whole() {
    let estate = Estate::new();
    let broker = BrokerProcess::start(&estate).await;
    let content = document(9);
    let (trust, practice) = (
        Raw::of(&estate.profile(TRUST)),
        Raw::of(&estate.profile(PRACTICE)),
    );
    let mut upload = Upload::start(&trust, header("scan-1", &content), 0).await;
    assert_eq!(upload.committed().await.unwrap(), 0);
    for offset in (0..5 << 20).step_by(CHUNK) {
        upload.requests.send(chunk(&content, offset)).unwrap();
    }
    let mut durable = 0;
    while durable < 4 << 20 {
        durable = upload.committed().await.unwrap();
    }
    broker.kill();
    let broker = BrokerProcess::start(&estate).await;
    assert_eq!(waiting(&practice).await, 0);
    let asked = GetUploadRequest {
        submission_id: "scan-1".to_owned(),
    };
    let kept = trust.submission.clone().get_upload(asked.clone()).await;
    let kept = kept.unwrap().into_inner().committed_bytes;
    assert!(kept >= durable, "{kept} of {durable}");
    let other = Raw::of(&estate.profile(OTHER_TRUST));
    let hidden = other
        .submission
        .clone()
        .get_upload(asked)
        .await
        .unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    // The SDK goes on where the broker says, and a repeat is the first receipt again.
    let client = estate.client(TRUST);
    let source = Source::Bytes(content.clone());
    let nobody = no_progress();
    let upload = || client.upload(header("scan-1", &content), &source, &nobody);
    let receipt = upload().await.unwrap();
    let again = upload().await.unwrap();
    assert_eq!((receipt.duplicate, again.duplicate), (false, true));
    assert_eq!(receipt.message, again.message);
    let received = collected(&estate.client(PRACTICE)).await;
    assert_eq!(received.message.name, receipt.message);
    assert!(received.content == content, "byte for byte");
    assert!(broker.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_damaged_or_out_of_order_is_refused_and_loses_nothing() {
    let broker = TestBroker::start().await;
    let (trust, content) = (broker.raw(TRUST), document(3));
    let mut upload = Upload::start(&trust, header("scan-2", &content), 0).await;
    upload.committed().await.unwrap();
    for offset in (0..1 << 20).step_by(CHUNK) {
        upload.requests.send(chunk(&content, offset)).unwrap();
    }
    assert_eq!(upload.committed().await.unwrap(), 1 << 20);
    let mut damaged = chunk(&content, 1 << 20);
    if let Some(Part::Chunk(chunk)) = &mut damaged.part {
        chunk.crc32c ^= 1;
    }
    upload.requests.send(damaged).unwrap();
    let refused = upload.committed().await.unwrap_err();
    assert!(refused.message().contains("CRC-32C"), "{refused}");
    let mut early = Upload::start(&trust, header("scan-2", &content), 1 << 20).await;
    early.committed().await.unwrap();
    early.requests.send(chunk(&content, 2 << 20)).unwrap();
    let refused = early.committed().await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    // Another document cannot go on with this one's pieces.
    let other = Bytes::from(vec![7; content.len()]);
    let mut mixed = Upload::start(&trust, header("scan-2", &other), 1 << 20).await;
    let refused = mixed.committed().await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    // A document that is not the one its header states is dropped whole.
    let mut wrong = header("scan-3", &content);
    wrong.sha256 = Bytes::from(vec![1; 32]);
    let mut upload = Upload::start(&trust, wrong, 0).await;
    for offset in (0..content.len()).step_by(CHUNK) {
        upload.requests.send(chunk(&content, offset)).unwrap();
    }
    drop(upload.requests);
    let refused = loop {
        match soon("an end", upload.updates.message()).await {
            Ok(update) => assert!(update.is_some(), "it was accepted"),
            Err(refused) => break refused,
        }
    };
    assert!(refused.message().contains("sha256"), "{refused}");
    assert_eq!(waiting(&broker.raw(PRACTICE)).await, 0);
    let client = broker.client(TRUST);
    let receipt = client.submit(header("scan-2", &document(5)), document(5));
    assert_eq!(receipt.await.unwrap_err().reason(), "SUBMISSION_CONFLICT");
    let receipt = client
        .submit(header("scan-4", &document(5)), document(5))
        .await;
    assert!(!receipt.unwrap().duplicate);
    let received = collected(&broker.client(PRACTICE)).await;
    assert!(received.content == document(5), "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_that_upload_one_document_never_mix_their_pieces() {
    let mut broker = TestBroker::start().await;
    let (trust, content) = (broker.raw(TRUST), document(2));
    let other = Bytes::from(vec![7; content.len()]);
    // Both say that theirs is the document of the header, and one of them lies.
    let mut honest = Upload::start(&trust, header("scan-5", &content), 0).await;
    assert_eq!(honest.committed().await.unwrap(), 0);
    for offset in (0..1 << 20).step_by(CHUNK) {
        honest.requests.send(chunk(&content, offset)).unwrap();
    }
    assert_eq!(honest.committed().await.unwrap(), 1 << 20);
    let mut lying = Upload::start(&trust, header("scan-5", &content), 0).await;
    assert_eq!(lying.committed().await.unwrap(), 0);
    for offset in (0..1 << 20).step_by(CHUNK) {
        lying.requests.send(chunk(&other, offset)).unwrap();
    }
    assert_eq!(lying.committed().await.unwrap(), 1 << 20);
    drop(lying);
    // It has begun anew, so the first call has nothing to go on with.
    for offset in (1 << 20..2 << 20).step_by(CHUNK) {
        honest.requests.send(chunk(&content, offset)).unwrap();
    }
    drop(honest.requests);
    let refused = loop {
        match soon("an end", honest.updates.message()).await {
            Ok(update) => assert!(update.is_some(), "it was accepted"),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    // Nor may anybody take up what is there and pass it for the document of the header.
    let taken_up = Upload::start(&trust, header("scan-5", &content), 1 << 20).await;
    for offset in (1 << 20..2 << 20).step_by(CHUNK) {
        taken_up.requests.send(chunk(&content, offset)).unwrap();
    }
    drop(taken_up.requests);
    let mut updates = taken_up.updates;
    let refused = loop {
        match soon("an end", updates.message()).await {
            Ok(update) => assert!(update.is_some(), "it was accepted"),
            Err(refused) => break refused,
        }
    };
    assert!(refused.message().contains("sha256"), "{refused}");
    let client = broker.client(TRUST);
    let source = Source::Bytes(content.clone());
    let nobody = no_progress();
    let sent = client.upload(header("scan-5", &content), &source, &nobody);
    assert!(!sent.await.unwrap().duplicate);
    assert!(collected(&broker.client(PRACTICE)).await.content == content);
    broker.books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinical_document_is_checked_also_when_it_is_uploaded() {
    let broker = TestBroker::start().await;
    let client = broker.client(TRUST);
    let large = axle_tests::documents::document(1, TRUST, PRACTICE).sized(6 << 20);
    let text = Bytes::from(large.discharge_summary_json());
    assert!(text.len() > 4 << 20);
    let receipt = client.submit(to(&[PRACTICE]), text.clone()).await.unwrap();
    assert_eq!(receipt.workflow, "TOC_FHIR_IP_DISCH");
    assert!(collected(&broker.client(PRACTICE)).await.content == text);
    let mut broken = text.to_vec();
    broken.truncate(text.len() - 10);
    let refused = client
        .submit(to(&[PRACTICE]), broken.into())
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "DOCUMENT_INVALID");
}
