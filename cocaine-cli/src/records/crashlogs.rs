//! What workers have printed before they crashed.

use std::time::Duration;

use cocaine::{Bytes, ServiceClient as _, msgpack};
use cocaine_bindings::{Storage as _, StorageClient};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::MAX_CALLS;
use crate::error::{Error, Result, is_blob_missing};

/// The collection of the crashlogs.
pub(crate) const CRASHLOGS: &str = "crashlogs";

/// The crashlogs of a cloud.
#[derive(Debug)]
pub(crate) struct Crashlogs(StorageClient);

/// The name of a crashlog: `<unix microseconds>:<uuid of the worker>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CrashlogKey {
    pub(crate) text: String,
    /// When the worker has crashed, in microseconds since 1970; `None` if the name does not say it.
    pub(crate) micros: Option<u64>,
}

/// The last lines of a worker.
pub(crate) type Crashlog = Vec<String>;

impl CrashlogKey {
    pub(crate) fn new(text: String) -> Self {
        let micros = text.split(':').next().and_then(|micros| micros.parse().ok());
        Self { text, micros }
    }

    /// Returns the time in UTC.
    pub(crate) fn time(&self) -> String {
        let time = self.micros.and_then(|micros| i64::try_from(micros).ok());
        let time = time.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        time.map(|time| format!("{time:.0}")).unwrap_or_default()
    }

    pub(crate) fn worker(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, worker)| worker)
    }
}

impl Crashlogs {
    /// Returns the crashlogs in a storage. A call may take `limit`.
    pub(crate) fn new(storage: &StorageClient, limit: Duration) -> Self {
        Self(storage.with_deadline(limit))
    }

    /// Returns the names of the crashlogs of an app, from the oldest to the newest.
    pub(crate) async fn keys(&self, app: &str) -> Result<Vec<CrashlogKey>> {
        let failed = Error::while_doing(format!("the names of the crashlogs of `{app}` cannot be read"));
        let keys = self.0.find(CRASHLOGS, &[app]).await.map_err(failed)?;
        let mut keys: Vec<_> = keys.into_iter().map(CrashlogKey::new).collect();
        keys.sort_by(|a, b| (a.micros, &a.text).cmp(&(b.micros, &b.text)));
        Ok(keys)
    }

    /// Returns the lines of a crashlog. What is no text in them is replaced.
    pub(crate) async fn read(&self, key: &str) -> Result<Crashlog> {
        let what = format!("the crashlog `{key}` cannot be read");
        let blob = match self.0.read(CRASHLOGS, key).await {
            Err(error) if is_blob_missing(&error) => {
                return Err(Error::NotFound(format!("there is no crashlog `{key}`")));
            }
            blob => blob.map_err(Error::while_doing(what.clone()))?,
        };
        let lines: Vec<Bytes> = msgpack::from_bytes(&blob).map_err(Error::while_doing(what))?;
        Ok(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    /// Removes crashlogs, several at a time. Those that are not there are no error.
    pub(crate) async fn remove(&self, keys: &[CrashlogKey]) -> Result<()> {
        let removals = keys.iter().map(|key| async move {
            match self.0.remove(CRASHLOGS, &key.text).await {
                Err(error) if is_blob_missing(&error) => Ok(()),
                removed => removed
                    .map_err(Error::while_doing(format!("the crashlog `{}` cannot be removed", key.text))),
            }
        });
        stream::iter(removals).buffer_unordered(MAX_CALLS).try_collect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_time_and_worker() {
        let key = CrashlogKey::new("1700000000000000:ab-cd".to_owned());
        assert_eq!((key.time().as_str(), key.worker()), ("2023-11-14T22:13:20Z", "ab-cd"));
        for strange in ["", "x", "99999999999999999999:a", "18446744073709551615:a"] {
            assert_eq!(CrashlogKey::new(strange.to_owned()).time(), "", "{strange}");
        }
    }
}
