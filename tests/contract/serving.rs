//! What gRPC tools expect of any server: health by service, and a description of the interface where
//! the operator allows it.

use axle_tests::{
    broker::TestBroker,
    estate::{Estate, PRACTICE},
    raw,
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_service_is_said_to_serve() {
    let broker = TestBroker::start().await;
    let channel = raw::channel(&broker.estate().profile(PRACTICE));
    let mut health = HealthClient::new(channel);
    for service in [
        "",
        "axle.v1.SubmissionService",
        "axle.v1.CollectionService",
        "axle.v1.AdminService",
    ] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest {
        service: "axle.v2.Nothing".to_owned(),
    };
    assert_eq!(
        health.check(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
}

/// The services a broker describes, or how it says that it describes none.
async fn described(estate: &Estate) -> Result<Vec<String>, Code> {
    let mut reflection = ServerReflectionClient::new(raw::channel(&estate.profile(PRACTICE)));
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request,
    };
    let answer = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await;
    let mut stream = answer.map_err(|status| status.code())?.into_inner();
    let answer = stream.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("{answer:?}")
    };
    Ok(list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_is_described_only_where_the_operator_allows_it() {
    let open = TestBroker::start().await;
    let services = described(open.estate()).await.unwrap();
    for service in [
        "axle.v1.SubmissionService",
        "axle.v1.CollectionService",
        "axle.v1.AdminService",
    ] {
        assert!(services.iter().any(|name| name == service), "{services:?}");
    }
    let estate = Estate::new();
    let closed = estate
        .configuration()
        .replace("reflection = true", "reflection = false");
    estate.write("broker.toml", &closed);
    let closed = TestBroker::start_with(estate).await;
    assert_eq!(described(closed.estate()).await, Err(Code::Unimplemented));
}
