//! The HTTP client, which all calls share.

use std::time::Duration;

use bytes::Bytes;
use cocaine_bindings::urlfetch::Fetched;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::{
    config::UrlfetchSettings, connector::Connector, error::FetchError, permits::FetchPermits,
    request::FetchRequest, response,
};

/// The time after which an idle connection is closed.
const IDLE: Duration = Duration::from_secs(10);

/// Fetches, within the limits of the configuration.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    permits: FetchPermits,
    max_body: usize,
    max_redirects: usize,
    max_timeout: Duration,
}

impl Fetcher {
    /// Returns a client that trusts the certificates in `roots`.
    pub(super) fn new(settings: &UrlfetchSettings, roots: RootCertStore) -> Self {
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = Connector::new(settings.filter.clone(), settings.max_fetches);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self {
            client,
            permits: FetchPermits::new(settings.max_fetches, settings.client_fetches),
            max_body: settings.max_body,
            max_redirects: settings.max_redirects,
            max_timeout: settings.max_timeout,
        }
    }

    /// Fetches a request of a client within `time`, and follows redirects if `follows` is set.
    pub(super) async fn fetch(
        &self,
        request: FetchRequest,
        follows: bool,
        time: Duration,
        client: &str,
    ) -> Result<Fetched, FetchError> {
        let fetched = async {
            let _permit = self.permits.acquire(client).await;
            self.follow(request, follows).await
        };
        timeout(time.min(self.max_timeout), fetched).await.unwrap_or_else(|_| Err(FetchError::timed_out()))
    }

    async fn follow(&self, mut request: FetchRequest, follows: bool) -> Result<Fetched, FetchError> {
        let mut redirects = 0;
        loop {
            let answer = self.client.request(request.to_http()?).await;
            let answer = answer.map_err(|error| FetchError::from_client_error(&error))?;
            let next = if follows { request.redirected(&answer)? } else { None };
            let Some(next) = next else { return response::read_response(answer, self.max_body).await };
            redirects += 1;
            if redirects > self.max_redirects {
                return Err(FetchError::TooManyRedirects(self.max_redirects));
            }
            request = next;
        }
    }
}
