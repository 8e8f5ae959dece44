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

fn test_roots() -> RootCertStore {
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
async fn start_tls_server(address: &str) -> (u16, JoinHandle<()>) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind((address, 0)).await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
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
    (port, server)
}

async fn fetch(client: &Fetcher, url: &str) -> Result<Fetched, cocaine::Error> {
    let request = FetchRequest::get(url, None, None).unwrap();
    let fetched = client.fetch(request, true, Duration::from_secs(20), "a client").await;
    fetched.map_err(|error| error.to_service_error(url))
}

#[tokio::test]
async fn trusted_server_is_fetched_over_tls() {
    let (port, server) = start_tls_server("127.0.0.1").await;
    let client = fetcher(test_roots());
    for host in ["127.0.0.1", "localhost"] {
        let fetched = fetch(&client, &format!("https://{host}:{port}/")).await.unwrap();
        assert_eq!((fetched.ok, fetched.code, fetched.body), (true, 200, "secret".into()), "{host}");
    }
    server.abort();
}

#[tokio::test]
async fn untrusted_certificates_are_refused() {
    let (port, server) = start_tls_server("127.0.0.1").await;
    let untrusted = fetch(&fetcher(RootCertStore::empty()), &format!("https://127.0.0.1:{port}/")).await;
    assert_refused(&untrusted.unwrap_err(), "invalid peer certificate: UnknownIssuer");
    server.abort();
    let (port, server) = start_tls_server("127.0.0.2").await;
    let wrong_host = fetch(&fetcher(test_roots()), &format!("https://127.0.0.2:{port}/")).await;
    assert_refused(&wrong_host.unwrap_err(), "invalid peer certificate");
    server.abort();
}

fn assert_refused(error: &cocaine::Error, text: &str) {
    assert_eq!(error.code(), Some(Code::posix(71)), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn timeout_defaults_to_five_seconds() {
    for (requested, effective) in
        [(None, 5000), (Some(1), 1), (Some(70_000), 70_000), (Some(0), 5000), (Some(-1), 5000)]
    {
        assert_eq!(call_timeout(requested), Duration::from_millis(effective), "{requested:?}");
    }
}
