//! A service of demographics for tests: it answers each request as it was told to beforehand, and
//! remembers what it was asked.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axle_model::{ods::OdsCode, time::Timestamp};
use axle_pki::issue::{Authority, Request};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// A status and a body.
    Status(u16, String),
    /// These bytes, and the end of the connection.
    Raw(&'static str),
    /// Another reply, after a while.
    After(Duration, Box<Reply>),
    /// Nothing, on a connection that stays open.
    Never,
}

/// A patient, born on 23 February 1948.
pub(super) fn patient(number: &str, family: &str, practice: &str) -> Reply {
    let body = format!(
        r#"{{"resourceType":"Patient","id":"{number}","meta":{{"security":[{{"code":"U"}}]}},
"identifier":[{{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"{number}"}}],
"name":[{{"use":"usual","family":"{family}"}}],"birthDate":"1948-02-23","generalPractitioner":[{{"identifier":
{{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"{practice}"}}}}]}}"#
    );
    Reply::Status(200, body)
}

pub(super) fn nobody() -> Reply {
    let body = r#"{"resourceType":"OperationOutcome","issue":[{"code":"not-found"}]}"#;
    Reply::Status(404, body.to_owned())
}

pub(super) struct Stub {
    port: u16,
    told: Arc<Told>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    replies: Mutex<VecDeque<Reply>>,
    seen: watch::Sender<Vec<String>>,
    open: Mutex<(usize, usize)>,
}

impl Stub {
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        Self::serve(replies, None).await
    }

    /// One that has a certificate of a new authority in `pki`, and asks its callers for one. Beside
    /// it is another authority, in `other`.
    pub(super) async fn start_secure(folder: &Path, replies: Vec<Reply>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap());
        Authority::init(&folder.join("other"), "another", now).unwrap();
        let pki = folder.join("pki");
        let authority = Authority::init(&pki, "tests", now).unwrap();
        let server = Request {
            server_names: vec!["127.0.0.1".to_owned()],
            days: 2,
            ..Request::default()
        };
        authority.issue("service", &server, now).unwrap();
        let client = Request {
            organisation: Some(OdsCode::parse("RR8").unwrap()),
            days: 2,
            ..Request::default()
        };
        authority.issue("RR8", &client, now).unwrap();
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(pki.join("ca.pem")).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain = CertificateDer::pem_file_iter(pki.join("service.pem"));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                chain.unwrap().map(Result::unwrap).collect(),
                PrivateKeyDer::from_pem_file(pki.join("service.key")).unwrap(),
            )
            .unwrap();
        Self::serve(replies, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(replies: Vec<Reply>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Told {
            replies: Mutex::new(replies.into()),
            ..Told::default()
        });
        let serving = tokio::spawn({
            let told = Arc::clone(&told);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (told, tls) = (Arc::clone(&told), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => told.converse(stream).await,
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    told.converse(stream).await;
                                }
                            }
                        }
                    });
                }
            }
        });
        Self {
            port,
            told,
            serving,
        }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Answers the next request like this, after those told before.
    pub(super) fn next(&self, reply: Reply) {
        self.told.replies.lock().unwrap().push_back(reply);
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.told.seen.borrow().clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.told.seen.borrow().len()
    }

    /// Waits for so many requests.
    pub(super) async fn asked(&self, count: usize) {
        let mut seen = self.told.seen.subscribe();
        seen.wait_for(|seen| seen.len() >= count).await.unwrap();
    }

    /// The most connections that were open at one time.
    pub(super) fn open_max(&self) -> usize {
        self.told.open.lock().unwrap().1
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Told {
    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        {
            let mut open = self.open.lock().unwrap();
            open.0 += 1;
            open.1 = open.1.max(open.0);
        }
        while let Some(request) = request(&mut stream).await {
            self.seen.send_modify(|seen| seen.push(request));
            let mut reply = self.replies.lock().unwrap().pop_front();
            while let Some(Reply::After(pause, then)) = reply {
                tokio::time::sleep(pause).await;
                reply = Some(*then);
            }
            match reply {
                Some(Reply::Status(status, body)) => {
                    let text = format!(
                        "HTTP/1.1 {status} Said\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(text.as_bytes()).await;
                }
                Some(Reply::Raw(text)) => {
                    let _ = stream.write_all(text.as_bytes()).await;
                    break;
                }
                Some(Reply::Never | Reply::After(..)) => std::future::pending().await,
                None => break,
            }
        }
        self.open.lock().unwrap().0 -= 1;
    }
}

/// The head of the next request, which has no body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
