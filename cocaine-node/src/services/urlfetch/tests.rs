//! TLS and timeouts. Everything else is tested through a node.

use std::sync::Arc;

use cocaine::Code;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::*;

/// The CA of the certificate for `localhost` and 127.0.0.1. Its key was discarded.
const CA: &[u8] = include_bytes!("../../../tests/tls/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../tests/tls/server.pem");
const KEY: &[u8] = include_bytes!("../../../tests/tls/server.key");

fn trusting() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    roots
}

fn fetcher(roots: RootCertStore) -> Fetcher {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let config = UrlfetchConfig { allow: Some(allow), ..UrlfetchConfig::default() };
    Fetcher::new(&config.settings().unwrap(), roots)
}

/// Serves the same response to every connection, over TLS.
async fn site(address: &str) -> (u16, JoinHandle<()>) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind((address, 0)).await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await.unwrap();
        }
    });
    (port, serving)
}

async fn fetch(client: &Fetcher, url: &str) -> Result<Fetched, cocaine::Error> {
    let request = FetchRequest::get(url, None, None).unwrap();
    let fetched = client.fetch(request, true, Duration::from_secs(20), "a client").await;
    fetched.map_err(|error| error.to_service_error(url))
}

#[tokio::test]
async fn trusted_server_is_fetched_over_tls() {
    let (port, serving) = site("127.0.0.1").await;
    let client = fetcher(trusting());
    for host in ["127.0.0.1", "localhost"] {
        let fetched = fetch(&client, &format!("https://{host}:{port}/")).await.unwrap();
        assert_eq!((fetched.ok, fetched.code, fetched.body), (true, 200, "secret".into()), "{host}");
    }
    serving.abort();
}

#[tokio::test]
async fn untrusted_certificates_are_refused() {
    let (port, serving) = site("127.0.0.1").await;
    let stranger = fetch(&fetcher(RootCertStore::empty()), &format!("https://127.0.0.1:{port}/")).await;
    refused(&stranger.unwrap_err(), "invalid peer certificate: UnknownIssuer");
    serving.abort();
    let (port, serving) = site("127.0.0.2").await;
    let another = fetch(&fetcher(trusting()), &format!("https://127.0.0.2:{port}/")).await;
    refused(&another.unwrap_err(), "invalid peer certificate");
    serving.abort();
}

fn refused(error: &cocaine::Error, text: &str) {
    assert_eq!(error.code(), Some(Code::posix(71)), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn timeout_defaults_to_five_seconds() {
    for (given, taken) in
        [(None, 5000), (Some(1), 1), (Some(70_000), 70_000), (Some(0), 5000), (Some(-1), 5000)]
    {
        assert_eq!(call_timeout(given), Duration::from_millis(taken), "{given:?}");
    }
}
