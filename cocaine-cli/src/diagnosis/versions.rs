//! Apps that run as another version than the uploaded one, and apps that crash again and again.

use cocaine::{
    Result as CloudResult, Value, msgpack,
    schema::{MANIFEST_KEY, hash_text},
};
use cocaine_bindings::{Storage as _, StorageClient};

use super::Finding;
use crate::{error::is_blob_missing, records::CrashlogKey};

/// So many crashes within [`LOOP_MICROS`] are a loop.
const LOOP_CRASHES: usize = 3;
/// Ten minutes.
const LOOP_MICROS: u64 = 600_000_000;

/// Returns how the manifest with which an app runs differs from the uploaded one. An app without a stored manifest has no finding here.
pub(super) async fn check_manifest(
    storage: &StorageClient,
    app: &str,
    info: &Value,
) -> CloudResult<Option<Finding>> {
    let Some(running) = info.get("manifest") else { return Ok(None) };
    let blob = match storage.read("manifests", app).await {
        Err(error) if is_blob_missing(&error) => return Ok(None),
        blob => blob?,
    };
    // One that cannot be decoded is another check's matter.
    let uploaded = msgpack::from_bytes::<Value>(&blob).ok();
    Ok(uploaded.and_then(|uploaded| manifest_finding(app, running, &uploaded)))
}

fn manifest_finding(app: &str, running: &Value, uploaded: &Value) -> Option<Finding> {
    if sorted(running) == sorted(uploaded) {
        return None;
    }
    let found = match (hash(running), hash(uploaded)) {
        (Some(running), Some(uploaded)) if running != uploaded => {
            format!("runs with the schema {running}, and {uploaded} is uploaded")
        }
        _ => "runs with another manifest than the uploaded one".to_owned(),
    };
    let advice = format!("`cocaine app restart {app}` puts the uploaded version in its place");
    Some(Finding::warning("version", app, found, advice))
}

/// Returns the hash of the schema in a manifest.
fn hash(manifest: &Value) -> Option<String> {
    match manifest.get(MANIFEST_KEY)?.get("hash")? {
        Value::UInt(hash) => Some(hash_text(*hash)),
        hash => hash.as_str().map(str::to_owned),
    }
}

/// Returns a value with all maps in the order of their keys, as a node may have them in another one.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by_cached_key(|(key, _)| key.to_string());
            Value::Map(entries)
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Returns whether an app has crashed again and again until it was seen last.
pub(super) async fn check_crashes(storage: &StorageClient, app: &str) -> CloudResult<Option<Finding>> {
    let keys = storage.find("crashlogs", &[app]).await?;
    let times = keys.into_iter().filter_map(|key| CrashlogKey::new(key).micros).collect();
    Ok(crash_finding(app, times))
}

/// Looks at the times of crashes in microseconds: as many as make a loop, within the time of one, and the last of them.
fn crash_finding(app: &str, mut times: Vec<u64>) -> Option<Finding> {
    times.sort_unstable();
    let last = *times.last()?;
    let recent = times.iter().filter(|time| last - **time <= LOOP_MICROS).count();
    if recent < LOOP_CRASHES {
        return None;
    }
    let time = CrashlogKey::new(format!("{last}:")).time();
    let found = format!("has crashed {recent} times within 10 minutes, the last time at {time}");
    let advice = format!(
        "`cocaine crashlog show {app}` has its last lines; `cocaine crashlog clean {app}` once it is mended"
    );
    Some(Finding::warning("crashes", app, found, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    fn manifest(program: &str, hash: u64) -> Value {
        map(&[("slave", program.into()), ("schema", map(&[("hash", hash.into()), ("schema", 1_u8.into())]))])
    }

    #[test]
    fn other_manifests_are_found_whatever_their_order() {
        let running = manifest("links", 1);
        let reversed = map(&[
            ("schema", map(&[("schema", 1_u8.into()), ("hash", 1_u64.into())])),
            ("slave", "links".into()),
        ]);
        assert!(manifest_finding("links", &running, &reversed).is_none());
        let found = |uploaded: &Value| manifest_finding("links", &running, uploaded).unwrap().found;
        assert_eq!(
            found(&manifest("links", 2)),
            "runs with the schema 0000000000000001, and 0000000000000002 is uploaded"
        );
        assert_eq!(found(&manifest("other", 1)), "runs with another manifest than the uploaded one");
    }

    #[test]
    fn crashes_in_a_row_are_a_loop() {
        let minute = 60_000_000;
        for (times, is_loop) in [
            (vec![], false),
            (vec![minute, 2 * minute], false),
            (vec![minute, 30 * minute, 60 * minute], false),
            (vec![70 * minute, 65 * minute, minute, 61 * minute], true),
            (vec![u64::MAX, u64::MAX, u64::MAX], true),
        ] {
            assert_eq!(crash_finding("links", times.clone()).is_some(), is_loop, "{times:?}");
        }
    }
}
