//! One call of each kind about the same document, and what it comes to.

use axle_model::digest::Digest;
use axle_proto::v1::{
    AcknowledgeDeliveriesRequest, CollectStart, CommandResult, DocumentHeader,
    DownloadDocumentRequest, ExplainRouteRequest, ExtendLeasesRequest, GetBrokerStatusRequest,
    GetMailboxRequest, GetMessageRequest, GetMessageTimelineRequest, GetOrganisationRequest,
    GetUploadRequest, LeaseDeliveriesRequest, ListAlarmsRequest, ListDeadLettersRequest,
    ListMailboxesRequest, ListMessagesRequest, ReconcileSubmissionsRequest, RejectDeliveryRequest,
    ReleaseDeliveriesRequest, RequeueDeliveriesRequest, RerouteDeliveryRequest,
    ReturnDeliveriesRequest, SubmitDocumentsRequest, UploadDocumentRequest, UploadStart,
    ValidateDocumentRequest, WatchAlarmsRequest, WatchDeliveriesRequest, WithdrawMessageRequest,
    collect_request::Command, get_message_request::Key, reroute_delivery_request::Destination,
    submission_result::Outcome, upload_document_request::Part, withdraw_message_request,
};
use axle_tests::{
    collecting::CollectStream,
    documents::{JSON, named, to},
    estate::{OTHER_PRACTICE, PRACTICE},
    raw::{Raw, Refused},
    wait::soon,
};
use bytes::Bytes;
use futures::stream;
use tonic::{Code, Status};

/// What a call is about.
pub(super) struct About {
    pub(super) message: String,
    pub(super) submission: String,
    pub(super) content: String,
    pub(super) mailbox: String,
    pub(super) token: String,
}

/// What a call came to, without the name of the mailbox it was about.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: Code,
    reason: String,
    what: String,
}

impl About {
    fn header(&self) -> axle_proto::v1::DocumentHeader {
        let media_type = JSON.to_owned();
        axle_proto::v1::DocumentHeader {
            media_type,
            ..named(&self.submission, to(&[PRACTICE]))
        }
    }

    fn refused(&self, status: &Status) -> Answer {
        let refused = Refused::of(status);
        let what = refused.what.replace(&self.mailbox, "MAILBOX");
        Answer {
            code: refused.code,
            reason: refused.reason,
            what,
        }
    }

    fn settled(&self, results: &[CommandResult]) -> Answer {
        let [result] = results else {
            panic!("{results:?}")
        };
        Answer {
            code: Code::from(result.code),
            reason: result.reason.clone(),
            what: result.description.clone(),
        }
    }
}

fn done() -> Answer {
    Answer {
        code: Code::Ok,
        reason: String::new(),
        what: String::new(),
    }
}

fn without(code: Code) -> Answer {
    Answer { code, ..done() }
}

/// Makes the call and says what came of it.
pub(super) async fn ask(rpc: &str, raw: &Raw, about: &About) -> Answer {
    let answered = match rpc.split_once('/') {
        Some(("SubmissionService", method)) => soon(rpc, submission(method, raw, about)).await,
        Some(("CollectionService", method)) => soon(rpc, collection(method, raw, about)).await,
        Some(("AdminService", method)) => soon(rpc, admin(method, raw, about)).await,
        Some(_) | None => panic!("{rpc} is no call this test knows"),
    };
    answered.unwrap_or_else(|status| about.refused(&status))
}

async fn submission(method: &str, raw: &Raw, about: &About) -> Result<Answer, Status> {
    let mut service = raw.submission.clone();
    match method {
        "SubmitDocument" => {
            raw.submit(about.header(), about.content.clone()).await?;
        }
        "SubmitDocuments" => {
            let request = SubmitDocumentsRequest {
                header: Some(about.header()),
                content: about.content.clone().into(),
            };
            let answers = service.submit_documents(stream::iter([request])).await?;
            let mut answers = answers.into_inner();
            while let Some(response) = answers.message().await? {
                for result in response.results {
                    if let Some(Outcome::Refusal(refusal)) = result.outcome {
                        return Ok(Answer {
                            code: Code::from(refusal.code),
                            reason: refusal.reason,
                            what: refusal.description,
                        });
                    }
                }
            }
        }
        "ValidateDocument" => {
            let header = Some(about.header());
            let request = ValidateDocumentRequest {
                header,
                content: about.content.clone().into(),
            };
            if !service
                .validate_document(request)
                .await?
                .into_inner()
                .acceptable
            {
                return Ok(without(Code::InvalidArgument));
            }
        }
        "ExplainRoute" => {
            let header = Some(about.header());
            let request = ExplainRouteRequest {
                header,
                content: about.content.clone().into(),
            };
            if !service.explain_route(request).await?.into_inner().routable {
                return Ok(without(Code::InvalidArgument));
            }
        }
        "GetMessage" => {
            let key = Some(Key::Name(about.message.clone()));
            service.get_message(GetMessageRequest { key }).await?;
        }
        "ListMessages" => {
            let page = service
                .list_messages(ListMessagesRequest::default())
                .await?
                .into_inner();
            if !page
                .messages
                .iter()
                .any(|message| message.name == about.message)
            {
                return Ok(without(Code::NotFound));
            }
        }
        "UploadDocument" => {
            let header = Some(DocumentHeader {
                media_type: JSON.to_owned(),
                size_bytes: about.content.len() as u64,
                sha256: Bytes::copy_from_slice(Digest::of(about.content.as_bytes()).as_bytes()),
                ..named(&about.submission, to(&[PRACTICE]))
            });
            let start = UploadStart {
                header,
                resume_offset: 0,
            };
            let part = Some(Part::Start(start));
            let requests = stream::iter([UploadDocumentRequest { part }]);
            let mut answer = service.upload_document(requests).await?.into_inner();
            while answer.message().await?.is_some() {}
        }
        "GetUpload" => {
            let submission_id = about.submission.clone();
            service
                .get_upload(GetUploadRequest { submission_id })
                .await?;
        }
        "WithdrawMessage" => {
            let key = withdraw_message_request::Key::Name(about.message.clone());
            let request = WithdrawMessageRequest {
                key: Some(key),
                reason: "a try".to_owned(),
                recipients: Vec::new(),
            };
            service.withdraw_message(request).await?;
        }
        "ReconcileSubmissions" => {
            let request = ReconcileSubmissionsRequest {
                submission_ids: vec![about.submission.clone()],
                ..ReconcileSubmissionsRequest::default()
            };
            let requests = stream::iter([request]);
            let answer = service.reconcile_submissions(requests).await?;
            let last = answer.into_inner().message().await?.unwrap_or_default();
            let summary = last.summary.unwrap_or_default();
            if summary.never_submitted_count == summary.entry_count {
                return Ok(without(Code::NotFound));
            }
        }
        "WatchDeliveries" => {
            let stream = service
                .watch_deliveries(WatchDeliveriesRequest::default())
                .await?;
            stream.into_inner().message().await?;
        }
        _ => panic!("{method} is no call this test knows"),
    }
    Ok(done())
}

async fn collection(method: &str, raw: &Raw, about: &About) -> Result<Answer, Status> {
    let mut service = raw.collection.clone();
    let (mailbox, lease_token) = (about.mailbox.clone(), about.token.clone());
    let lease_tokens = vec![lease_token.clone()];
    let results = match method {
        "Collect" => {
            let start = CollectStart {
                mailboxes: vec![mailbox],
                ..CollectStart::default()
            };
            CollectStream::begin(raw, Command::Start(start))
                .await?
                .next()
                .await?;
            return Ok(done());
        }
        "LeaseDeliveries" => {
            let request = LeaseDeliveriesRequest {
                mailbox,
                ..LeaseDeliveriesRequest::default()
            };
            service.lease_deliveries(request).await?;
            return Ok(done());
        }
        "RejectDelivery" => {
            let reason_code = "30001".to_owned();
            let request = RejectDeliveryRequest {
                lease_token,
                reason_code,
                retryable: false,
            };
            service.reject_delivery(request).await?;
            return Ok(done());
        }
        "DownloadDocument" => {
            let request = DownloadDocumentRequest {
                lease_token,
                offset: 0,
            };
            service
                .download_document(request)
                .await?
                .into_inner()
                .message()
                .await?;
            return Ok(done());
        }
        "GetMailbox" => {
            service
                .get_mailbox(GetMailboxRequest { name: mailbox })
                .await?;
            return Ok(done());
        }
        "AcknowledgeDeliveries" => {
            let request = AcknowledgeDeliveriesRequest { lease_tokens };
            service
                .acknowledge_deliveries(request)
                .await?
                .into_inner()
                .results
        }
        "ExtendLeases" => {
            let request = ExtendLeasesRequest {
                lease_tokens,
                lease_duration: None,
            };
            service.extend_leases(request).await?.into_inner().results
        }
        "ReleaseDeliveries" => {
            // To rest for long, so that the next call of the matrix leases its own document.
            let delay = Some(prost_types::Duration {
                seconds: 3_600,
                nanos: 0,
            });
            let request = ReleaseDeliveriesRequest {
                lease_tokens,
                delay,
            };
            service
                .release_deliveries(request)
                .await?
                .into_inner()
                .results
        }
        _ => panic!("{method} is no call this test knows"),
    };
    Ok(about.settled(&results))
}

async fn admin(method: &str, raw: &Raw, about: &About) -> Result<Answer, Status> {
    let mut service = raw.admin.clone();
    match method {
        "GetBrokerStatus" => drop(service.get_broker_status(GetBrokerStatusRequest {}).await?),
        "ListMailboxes" => drop(
            service
                .list_mailboxes(ListMailboxesRequest::default())
                .await?,
        ),
        "GetMessageTimeline" => {
            let request = GetMessageTimelineRequest {
                name: about.message.clone(),
            };
            drop(service.get_message_timeline(request).await?);
        }
        "ListDeadLetters" => drop(
            service
                .list_dead_letters(ListDeadLettersRequest::default())
                .await?,
        ),
        "RequeueDeliveries" => {
            let deliveries = vec![format!("{}/deliveries/{PRACTICE}", about.message)];
            let request = RequeueDeliveriesRequest {
                deliveries,
                reason: "a try".to_owned(),
                validate_only: false,
            };
            let results = service
                .requeue_deliveries(request)
                .await?
                .into_inner()
                .results;
            return Ok(about.settled(&results));
        }
        "GetOrganisation" => {
            let organisation = PRACTICE.to_owned();
            let request = GetOrganisationRequest { organisation };
            service.get_organisation(request).await?;
        }
        "ListAlarms" => drop(service.list_alarms(ListAlarmsRequest {}).await?),
        "WatchAlarms" => {
            let stream = service.watch_alarms(WatchAlarmsRequest {}).await?;
            stream.into_inner().message().await?;
        }
        "RerouteDelivery" => {
            let request = RerouteDeliveryRequest {
                delivery: format!("{}/deliveries/{PRACTICE}", about.message),
                destination: Some(Destination::Organisation(OTHER_PRACTICE.to_owned())),
                reason: "a try".to_owned(),
                validate_only: false,
            };
            drop(service.reroute_delivery(request).await?);
        }
        "ReturnDeliveries" => {
            let deliveries = vec![format!("{}/deliveries/{PRACTICE}", about.message)];
            let request = ReturnDeliveriesRequest {
                deliveries,
                reason: "a try".to_owned(),
                validate_only: false,
            };
            let answer = service.return_deliveries(request).await?;
            return Ok(about.settled(&answer.into_inner().results));
        }
        _ => panic!("{method} is no call this test knows"),
    }
    Ok(done())
}
