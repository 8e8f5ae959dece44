//! Why an app cannot be called: whether there is such an app, and what the node says about it.

use std::time::Duration;

use cocaine::{Bytes, Code, Error, Value};
use http::StatusCode;
use tokio::{sync::Semaphore, time::timeout};

use super::lease_pool::LeasePool;
use crate::gateway::http::error::HttpError;

/// How many questions about apps are asked at once; requests beyond them are answered without a reason.
const MAX_LOOKUPS: usize = 16;

/// How long the answers may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks the cloud about apps that the locator does not know.
#[derive(Debug)]
pub(crate) struct AppLookup(Semaphore);

impl AppLookup {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(MAX_LOOKUPS))
    }

    /// Returns the error for a name that the locator does not know: 404 if it is that of no app, and 503 with the state of
    /// the app otherwise, or without a reason if the cloud does not say.
    pub(crate) async fn explain(&self, pool: &LeasePool, name: &str, unavailable: &Error) -> HttpError {
        let default = || HttpError::from_call(unavailable);
        let Ok(_permit) = self.0.try_acquire() else { return default() };
        match timeout(LOOKUP_TIMEOUT, find_state(pool, name)).await {
            Ok(Ok(Some(state))) => {
                let error = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, format!("the app is {state}"));
                HttpError { is_of_app: true, ..error }
            }
            Ok(Ok(None)) => HttpError::new(StatusCode::NOT_FOUND, "there is no app of this name"),
            Ok(Err(error)) => {
                tracing::debug!(name, %error, "the state of an app is not known");
                default()
            }
            Err(_) => default(),
        }
    }
}

/// Returns the state of an app, or `None` if neither an app nor a group of apps has the name.
async fn find_state(pool: &LeasePool, name: &str) -> cocaine::Result<Option<String>> {
    let node = pool.lease("node").await?;
    match node.service().call::<_, Value>("info", (name, 0_u32)).await {
        Ok(info) => {
            node.release();
            return Ok(Some(describe(&info)));
        }
        Err(error) if error.code().is_some() => node.release(),
        Err(error) => return Err(error),
    }
    let storage = pool.lease("storage").await?;
    let mut state = None;
    for (collection, found) in [("manifests", "stopped"), ("groups", "a group without a running app")] {
        match storage.service().call::<_, Bytes>("read", (collection, name)).await {
            Ok(_) => state = Some(found.to_owned()),
            Err(error) if error.code() == Some(Code::NOT_FOUND) => continue,
            Err(error) => return Err(error),
        }
        break;
    }
    storage.release();
    Ok(state)
}

/// Returns the state in an answer of `info`, with its cause.
fn describe(info: &Value) -> String {
    let text = |key| info.get(key).and_then(Value::as_str);
    match (text("state"), text("cause")) {
        // A running app that the locator does not know waits for its first workers (`publish-on`).
        (Some("running"), _) => "starting".into(),
        (Some(state), Some(cause)) => format!("{state}: {cause}"),
        (Some(state), None) => state.into(),
        (None, _) => "not available".into(),
    }
}
