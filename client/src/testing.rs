//! A broker that does what a test tells it, in the test's own process and without TLS: it records what
//! it is asked and answers from a script. It knows no rule of a real broker's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod submission;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    ops::Deref,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axle_model::digest::Digest;
use axle_proto::v1::{
    self as wire, CollectRequest, CollectResponse, CommandResult, Heartbeat, LeasedDelivery,
    collect_request::Command,
    collect_response::Update,
    collection_service_server::{CollectionService, CollectionServiceServer},
    submission_service_server::SubmissionServiceServer,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{
    Code, Request, Response, Status, Streaming,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{connection::Client, retry::Retry};

type Answer<T> = Result<Response<T>, Status>;
type Flow<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn unscripted<A>() -> Answer<A> {
    Err(Status::unimplemented("not in any script"))
}

/// What was asked, and what is answered, in order.
pub(crate) struct Script<Q, A> {
    asked: Mutex<Vec<Q>>,
    answers: Mutex<VecDeque<Result<A, Status>>>,
}

impl<Q, A> Default for Script<Q, A> {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            answers: Mutex::default(),
        }
    }
}

impl<Q: Clone, A> Script<Q, A> {
    pub(crate) fn answer(&self, answer: Result<A, Status>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub(crate) fn asked(&self) -> Vec<Q> {
        self.asked.lock().unwrap().clone()
    }

    fn play(&self, query: Q) -> Result<A, Status> {
        self.asked.lock().unwrap().push(query);
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Err(Status::unimplemented("the script has ended")))
    }
}

/// One Collect stream: what it delivers, and how many commands it answers before it breaks.
#[derive(Default)]
pub(crate) struct Collecting {
    pub(crate) deliveries: Vec<LeasedDelivery>,
    pub(crate) answered: Option<usize>,
}

/// One SubmitDocuments stream: what it gives credit for, what it answers each document with, and how
/// many it answers before it breaks.
pub(crate) struct Bulk {
    pub(crate) documents_max: u32,
    pub(crate) answers: Box<dyn Fn(&str) -> wire::submission_result::Outcome + Send>,
    pub(crate) answered: Option<usize>,
    /// Nothing is answered before so many have come.
    pub(crate) together: usize,
}

impl Default for Bulk {
    fn default() -> Self {
        let receipt = |id: &str| {
            wire::submission_result::Outcome::Receipt(wire::SubmitDocumentResponse {
                message: format!("messages/{id}"),
                ..Default::default()
            })
        };
        Self {
            documents_max: 100,
            answers: Box::new(receipt),
            answered: None,
            together: 1,
        }
    }
}

type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// The broker.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) submits: Script<wire::SubmitDocumentRequest, wire::SubmitDocumentResponse>,
    pub(crate) bulks: Script<(), Bulk>,
    /// Documents heard on streams of many.
    pub(crate) in_bulk: Mutex<Vec<wire::SubmitDocumentsRequest>>,
    pub(crate) validations: Script<wire::ValidateDocumentRequest, wire::ValidateDocumentResponse>,
    pub(crate) messages: Script<wire::GetMessageRequest, wire::Message>,
    pub(crate) watches:
        Script<wire::WatchDeliveriesRequest, Vec<Result<wire::WatchDeliveriesResponse, Status>>>,
    pub(crate) reconciliations: Script<
        Vec<wire::ReconcileSubmissionsRequest>,
        Vec<Result<wire::ReconcileSubmissionsResponse, Status>>,
    >,
    pub(crate) collects: Script<(), Collecting>,
    pub(crate) downloads:
        Script<wire::DownloadDocumentRequest, Vec<Result<wire::DownloadDocumentResponse, Status>>>,
    /// Commands heard on streams.
    pub(crate) commands: Mutex<Vec<Command>>,
    /// Tokens acknowledged by a call.
    pub(crate) acknowledged_by_call: Mutex<Vec<String>>,
    /// Called with the token of each acknowledgement, before it is answered.
    pub(crate) on_acknowledge: Mutex<Option<Hook>>,
}

/// What the services are implemented on: the fake, shared with the streams it serves.
#[derive(Clone)]
struct Door(Arc<Fake>);

impl Deref for Door {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.0
    }
}

/// A running fake; stops when dropped.
pub(crate) struct Running {
    pub(crate) fake: Arc<Fake>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    pub(crate) async fn start(self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Arc::new(self);
        let server = Server::builder()
            .add_service(SubmissionServiceServer::new(Door(Arc::clone(&fake))))
            .add_service(CollectionServiceServer::new(Door(Arc::clone(&fake))))
            .serve_with_incoming(TcpIncoming::from(listener));
        Running {
            fake,
            address,
            server: tokio::spawn(async move { server.await.unwrap() }),
        }
    }
}

impl Running {
    /// A client that waits little between its attempts.
    pub(crate) fn client(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        Client::over(endpoint.connect_lazy()).with_retry(Retry {
            total: Duration::from_secs(5),
            first_delay: Duration::from_millis(1),
            delay_max: Duration::from_millis(10),
        })
    }
}

/// A refusal as an Axle broker writes it.
pub(crate) fn refusal(code: Code, reason: &str, what: &str, remedy: &str) -> Status {
    let metadata = HashMap::from([
        ("remedy".to_owned(), remedy.to_owned()),
        ("subject".to_owned(), "K81003".to_owned()),
    ]);
    let mut details = ErrorDetails::with_error_info(reason, "axle", metadata);
    details.add_bad_request_violation("Bundle.entry[0]", "V-105: no author - name an author");
    Status::with_error_details(code, what, details)
}

/// A delivery of `content`, inline or not.
pub(crate) fn delivery(number: u32, content: &[u8], inline: bool) -> LeasedDelivery {
    LeasedDelivery {
        name: format!("messages/0197a9b0-7c1e-7000-8000-{number:012}/deliveries/K81003"),
        lease_token: format!("token-{number}"),
        attempt: 1,
        mailbox: "mailboxes/K81003".to_owned(),
        message: Some(wire::Message {
            name: format!("messages/0197a9b0-7c1e-7000-8000-{number:012}"),
            sender: "RR8".to_owned(),
            workflow: "TOC_FHIR_IP_DISCH".to_owned(),
            media_type: "application/fhir+json".to_owned(),
            size_bytes: content.len() as u64,
            sha256: Bytes::copy_from_slice(Digest::of(content).as_bytes()),
            ..wire::Message::default()
        }),
        content: if inline {
            Bytes::copy_from_slice(content)
        } else {
            Bytes::new()
        },
        content_inline: inline,
        ..LeasedDelivery::default()
    }
}

impl Fake {
    fn acknowledged(&self, token: &str) {
        if let Some(hook) = &*self.on_acknowledge.lock().unwrap() {
            hook(token);
        }
    }

    /// Plays one Collect stream to its end.
    async fn collecting(
        self: Arc<Self>,
        script: Collecting,
        mut requests: Streaming<CollectRequest>,
        responses: mpsc::UnboundedSender<Result<CollectResponse, Status>>,
    ) {
        let send = |update| {
            let _ = responses.send(Ok(CollectResponse {
                update: Some(update),
            }));
        };
        send(Update::Heartbeat(Heartbeat {
            queued_count: script.deliveries.len() as u64,
            ..Heartbeat::default()
        }));
        for delivery in script.deliveries {
            send(Update::Delivery(delivery));
        }
        let mut left = script.answered.unwrap_or(usize::MAX);
        while let Ok(Some(request)) = requests.message().await {
            let command = request.command.unwrap();
            if matches!(command, Command::Start(_)) {
                continue;
            }
            if left == 0 {
                let _ = responses.send(Err(Status::unavailable("the stream breaks")));
                return;
            }
            left -= 1;
            if let Command::Acknowledge(command) = &command {
                self.acknowledged(&command.lease_token);
            }
            self.commands.lock().unwrap().push(command);
            send(Update::Result(CommandResult {
                command_id: request.command_id,
                ..CommandResult::default()
            }));
        }
    }
}

#[tonic::async_trait]
impl CollectionService for Door {
    type CollectStream = Flow<CollectResponse>;

    async fn collect(
        &self,
        request: Request<Streaming<CollectRequest>>,
    ) -> Answer<Self::CollectStream> {
        let script = self.collects.play(())?;
        let (responses, outgoing) = mpsc::unbounded_channel();
        tokio::spawn(Arc::clone(&self.0).collecting(script, request.into_inner(), responses));
        Ok(Response::new(
            UnboundedReceiverStream::new(outgoing).boxed(),
        ))
    }

    async fn lease_deliveries(
        &self,
        _: Request<wire::LeaseDeliveriesRequest>,
    ) -> Answer<wire::LeaseDeliveriesResponse> {
        unscripted()
    }

    async fn acknowledge_deliveries(
        &self,
        request: Request<wire::AcknowledgeDeliveriesRequest>,
    ) -> Answer<wire::AcknowledgeDeliveriesResponse> {
        let tokens = request.into_inner().lease_tokens;
        let results = tokens.iter().map(|_| CommandResult::default()).collect();
        self.acknowledged_by_call.lock().unwrap().extend(tokens);
        Ok(Response::new(wire::AcknowledgeDeliveriesResponse {
            results,
        }))
    }

    async fn reject_delivery(
        &self,
        _: Request<wire::RejectDeliveryRequest>,
    ) -> Answer<wire::RejectDeliveryResponse> {
        Ok(Response::new(wire::RejectDeliveryResponse {}))
    }

    async fn extend_leases(
        &self,
        _: Request<wire::ExtendLeasesRequest>,
    ) -> Answer<wire::ExtendLeasesResponse> {
        unscripted()
    }

    async fn release_deliveries(
        &self,
        request: Request<wire::ReleaseDeliveriesRequest>,
    ) -> Answer<wire::ReleaseDeliveriesResponse> {
        let tokens = request.into_inner().lease_tokens;
        let results = tokens.iter().map(|_| CommandResult::default()).collect();
        Ok(Response::new(wire::ReleaseDeliveriesResponse { results }))
    }

    type DownloadDocumentStream = Flow<wire::DownloadDocumentResponse>;

    async fn download_document(
        &self,
        request: Request<wire::DownloadDocumentRequest>,
    ) -> Answer<Self::DownloadDocumentStream> {
        let items = self.downloads.play(request.into_inner())?;
        Ok(Response::new(stream::iter(items).boxed()))
    }

    async fn get_mailbox(
        &self,
        _: Request<wire::GetMailboxRequest>,
    ) -> Answer<wire::GetMailboxResponse> {
        unscripted()
    }
}
