//! Keys of profiles and manifests that have no meaning, most of them misspelt. The original ignores them silently.

use cocaine::{Value, schema::MANIFEST_KEY};
use strsim::damerau_levenshtein;

/// The keys of a profile that are counts.
const COUNTS: &[&str] = &[
    "pool-limit",
    "concurrency",
    "queue-limit",
    "grow-threshold",
    "crashlog-limit",
    "publish-on",
    "unpublish-under",
];

/// The other keys of a profile.
const PROFILE: &[&str] = &[
    "log-output",
    "spawn-timeout",
    "handshake-timeout",
    "startup-timeout",
    "heartbeat-timeout",
    "seal-timeout",
    "terminate-timeout",
    "termination-timeout",
    "idle-timeout",
    "request-timeout",
    "isolate",
];

const ISOLATE: &[&str] = &["type", "args"];

/// The keys of `isolate.args` that have a meaning here. Others are for isolates that this node does not have.
const ISOLATE_ARGS: &[&str] = &["kill_timeout", "spool"];

const MANIFEST: &[&str] = &["slave", "environment", MANIFEST_KEY];

/// How many keys of one map are reported.
const MAX_REPORTED: usize = 16;

/// Longer keys are similar to none.
const MAX_COMPARED_KEY: usize = 64;

/// Returns what is probably a mistake in a profile.
pub(super) fn check_profile(profile: &Value, name: &str) -> Vec<String> {
    let place = format!("the profile `{name}`");
    let mut warnings = unknown_keys(profile, &place, "", &[COUNTS, PROFILE].concat());
    let negative = |key: &&&str| matches!(profile.get(key), Some(Value::Int(_)));
    warnings.extend(COUNTS.iter().filter(negative).map(|key| {
        let value = profile.get(key).map(ToString::to_string).unwrap_or_default();
        format!("{place} has {value} as `{key}`, which means no limit")
    }));
    if let Some(isolate) = profile.get("isolate") {
        warnings.extend(unknown_keys(isolate, &place, "isolate.", ISOLATE));
        if let Some(args) = isolate.get("args") {
            let others = unknown_keys(args, &place, "isolate.args.", ISOLATE_ARGS);
            warnings.extend(others.into_iter().filter(|warning| warning.ends_with('?')));
        }
    }
    warnings
}

/// Returns what is probably a mistake in the manifest of an app.
pub(super) fn check_manifest(manifest: &Value, app: &str) -> Vec<String> {
    unknown_keys(manifest, &format!("the manifest of `{app}`"), "", MANIFEST)
}

/// Returns a warning for each key of a map that is not known. `prefix` precedes the keys.
fn unknown_keys(map: &Value, place: &str, prefix: &str, known: &[&str]) -> Vec<String> {
    let keys = map.as_map().unwrap_or_default().iter().map(|(key, _)| key);
    let mut unknown = keys.filter(|key| !key.as_str().is_some_and(|key| known.contains(&key)));
    let mut warnings: Vec<_> = unknown
        .by_ref()
        .take(MAX_REPORTED)
        .map(|key| {
            let shown: String = shown_key(key).chars().take(MAX_COMPARED_KEY).collect();
            let hint = match nearest(&shown, known) {
                Some(nearest) => format!("did you mean `{prefix}{nearest}`?"),
                None => format!("the known ones are {}", known.join(", ")),
            };
            format!("{place} has the unknown key `{prefix}{shown}`, which is ignored: {hint}")
        })
        .collect();
    let more = unknown.count();
    if more > 0 {
        warnings.push(format!("{place} has {more} more unknown keys"));
    }
    warnings
}

fn shown_key(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// Returns the known key that is most similar to another one, if one is.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |key: &str| key.to_lowercase().replace('_', "-");
    let key = plain(key);
    let distances = known.iter().map(|one| (damerau_levenshtein(&key, &plain(one)), *one));
    let (distance, nearest) = distances.min()?;
    (distance <= nearest.len().div_ceil(3)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    #[test]
    fn known_keys_have_no_warning() {
        let entries: Vec<_> = [COUNTS, PROFILE].concat().iter().map(|key| (*key, 1_u8.into())).collect();
        assert_eq!(check_profile(&map(&entries), "default"), [""; 0]);
        let args = map(&[("kill_timeout", 1_u8.into()), ("spool", "x".into()), ("memory", map(&[]))]);
        let isolate = map(&[("type", "process".into()), ("args", args)]);
        assert_eq!(check_profile(&map(&[("isolate", isolate)]), "default"), [""; 0]);
        let manifest = map(&[("slave", "x".into()), ("environment", map(&[("any", "x".into())]))]);
        assert_eq!(check_manifest(&manifest, "shop"), [""; 0]);
    }

    #[test]
    fn unknown_key_is_named_with_the_nearest() {
        for (key, nearest) in [
            ("concurency", "concurrency"),
            ("queue_limit", "queue-limit"),
            ("Pool-Limit", "pool-limit"),
            ("heartbeat-timout", "heartbeat-timeout"),
            ("isolation", "isolate"),
        ] {
            let expected = format!(
                "the profile `default` has the unknown key `{key}`, which is ignored: did you mean `{nearest}`?"
            );
            assert_eq!(check_profile(&map(&[(key, 1_u8.into())]), "default"), [expected]);
        }
        let args = map(&[("args", map(&[("kill-timeout", 1_u8.into())])), ("typ", "process".into())]);
        let warnings = check_profile(&map(&[("isolate", args)]), "default");
        assert!(warnings[0].ends_with("`isolate.typ`, which is ignored: did you mean `isolate.type`?"));
        assert!(warnings[1].ends_with("did you mean `isolate.args.kill_timeout`?"), "{warnings:?}");
        let warnings = check_manifest(&map(&[("enviroment", map(&[])), ("engine", "x".into())]), "shop");
        assert_eq!(
            warnings,
            [
                "the manifest of `shop` has the unknown key `enviroment`, which is ignored: did you mean \
                 `environment`?",
                "the manifest of `shop` has the unknown key `engine`, which is ignored: the known ones are \
                 slave, environment, schema",
            ]
        );
    }

    #[test]
    fn negative_count_has_a_warning() {
        let warnings = check_profile(&map(&[("pool-limit", (-1).into())]), "default");
        assert_eq!(warnings, ["the profile `default` has -1 as `pool-limit`, which means no limit"]);
    }

    #[test]
    fn warnings_of_many_keys_are_bounded() {
        let keys: Vec<_> = (0..1000).map(|number| (number.to_string() + &"x".repeat(500)).into()).collect();
        let manifest = Value::Map(keys.into_iter().map(|key: Value| (key, Value::Nil)).collect());
        let warnings = check_manifest(&manifest, "shop");
        assert_eq!(warnings.len(), MAX_REPORTED + 1);
        assert!(warnings.iter().all(|warning| warning.len() < 300));
        assert_eq!(warnings[MAX_REPORTED], "the manifest of `shop` has 984 more unknown keys");
    }
}
