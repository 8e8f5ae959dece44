//! `urlfetch`: HTTP requests on behalf of clients (`services.md` 11).

mod address_filter;
mod config;
mod connector;
mod error;
mod fetcher;
mod permits;
mod request;
mod response;
mod system_roots;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cocaine::{Bytes, Result, bind::Caller};
use cocaine_bindings::{Urlfetch, urlfetch::Fetched};
use tokio::sync::OnceCell;

use self::{config::UrlfetchSettings, error::FetchError, fetcher::Fetcher, request::FetchRequest};
use crate::config::{ConfigError, UrlfetchConfig};

/// The timeout of a call that does not set one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that all callers share.
#[derive(Clone, Debug)]
pub(crate) struct UrlfetchShared(Arc<UrlfetchState>);

#[derive(Debug)]
struct UrlfetchState {
    settings: UrlfetchSettings,
    /// Created by the first call, because it reads the machine's certificates.
    fetcher: OnceCell<Fetcher>,
}

impl UrlfetchShared {
    pub(crate) fn new(config: &UrlfetchConfig) -> Result<Self, ConfigError> {
        let settings = config.settings()?;
        Ok(Self(Arc::new(UrlfetchState { settings, fetcher: OnceCell::new() })))
    }

    /// Returns the service for a caller.
    pub(crate) fn service(&self, caller: &Caller) -> UrlfetchService {
        UrlfetchService { shared: self.0.clone(), caller: caller.clone() }
    }
}

/// The service, as one caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct UrlfetchService {
    shared: Arc<UrlfetchState>,
    caller: Caller,
}

impl UrlfetchService {
    async fn fetch(
        &self,
        url: &str,
        request: Result<FetchRequest, FetchError>,
        timeout: Option<i32>,
        follow_location: Option<bool>,
    ) -> Result<Fetched> {
        let fetched = async {
            let create = || async { Fetcher::new(&self.shared.settings, system_roots::load().await) };
            let fetcher = self.shared.fetcher.get_or_init(create).await;
            let follows = follow_location.unwrap_or(true);
            fetcher.fetch(request?, follows, call_timeout(timeout), self.caller.peer()).await
        };
        fetched.await.map_err(|error| error.to_service_error(url))
    }
}

impl Urlfetch for UrlfetchService {
    async fn get(
        &self,
        url: &str,
        timeout: Option<i32>,
        cookies: Option<&BTreeMap<String, String>>,
        headers: Option<&BTreeMap<String, String>>,
        follow_location: Option<bool>,
    ) -> Result<Fetched> {
        let request = FetchRequest::get(url, cookies, headers);
        self.fetch(url, request, timeout, follow_location).await
    }

    async fn post(
        &self,
        url: &str,
        body: &Bytes,
        timeout: Option<i32>,
        cookies: Option<&BTreeMap<String, String>>,
        headers: Option<&BTreeMap<String, String>>,
        follow_location: Option<bool>,
    ) -> Result<Fetched> {
        let request = FetchRequest::post(url, body.clone().into(), cookies, headers);
        self.fetch(url, request, timeout, follow_location).await
    }
}

/// Returns the timeout of a call: its milliseconds if they are positive, or else the default.
fn call_timeout(milliseconds: Option<i32>) -> Duration {
    let given = milliseconds.and_then(|given| u64::try_from(given).ok()).filter(|given| *given > 0);
    given.map_or(DEFAULT_TIMEOUT, Duration::from_millis)
}

#[cfg(test)]
mod tests;
