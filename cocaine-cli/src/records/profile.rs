//! What a profile may have in it (`node.md` 3).

use cocaine::Value;
use strsim::damerau_levenshtein;

use super::RecordEntries;

/// The longest time in seconds that a node takes.
const MAX_SECONDS: f64 = 1e9;
/// Longer keys are similar to none.
const MAX_COMPARED_KEY: usize = 64;

/// The keys of a profile, and what their values are.
const KEYS: [(&str, ValueKind); 18] = [
    ("concurrency", ValueKind::Positive),
    ("crashlog-limit", ValueKind::Count),
    ("grow-threshold", ValueKind::Positive),
    ("handshake-timeout", ValueKind::Seconds),
    ("heartbeat-timeout", ValueKind::PositiveSeconds),
    ("idle-timeout", ValueKind::Seconds),
    ("isolate", ValueKind::Map),
    ("log-output", ValueKind::Bool),
    ("pool-limit", ValueKind::Positive),
    ("publish-on", ValueKind::Count),
    ("queue-limit", ValueKind::Count),
    ("request-timeout", ValueKind::Seconds),
    ("seal-timeout", ValueKind::Seconds),
    ("spawn-timeout", ValueKind::Seconds),
    ("startup-timeout", ValueKind::Seconds),
    ("terminate-timeout", ValueKind::Seconds),
    ("termination-timeout", ValueKind::Seconds),
    ("unpublish-under", ValueKind::Count),
];

/// The keys of `isolate`. What `args` has depends on the type.
const ISOLATE_KEYS: [(&str, ValueKind); 2] = [("args", ValueKind::Map), ("type", ValueKind::Text)];

/// The defaults that the rules below need.
const POOL_LIMIT: u64 = 10;

/// What a value is.
#[derive(Clone, Copy, Debug)]
enum ValueKind {
    Count,
    Positive,
    Seconds,
    PositiveSeconds,
    Bool,
    Text,
    Map,
}

impl ValueKind {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Count => value.as_u64().is_some(),
            Self::Positive => value.as_u64().is_some_and(|count| count > 0),
            Self::Seconds => seconds(value).is_some(),
            Self::PositiveSeconds => seconds(value).is_some_and(|seconds| seconds >= 0.001),
            Self::Bool => value.as_bool().is_some(),
            Self::Text => value.as_str().is_some(),
            Self::Map => value.as_map().is_some(),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Count => "a whole number, 0 or more",
            Self::Positive => "a whole number, 1 or more",
            Self::Seconds => "a number of seconds, at most 1e9",
            Self::PositiveSeconds => "a number of seconds, at least 0.001 and at most 1e9",
            Self::Bool => "true or false",
            Self::Text => "a text",
            Self::Map => "a map",
        }
    }
}

fn seconds(value: &Value) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds are not that exact")]
    let seconds = match value {
        Value::Float(seconds) => *seconds,
        value => value.as_u64()? as f64,
    };
    (0.0..=MAX_SECONDS).contains(&seconds).then_some(seconds)
}

/// Refuses what no node knows or takes.
pub(crate) fn check_profile(profile: &RecordEntries) -> Result<(), String> {
    check_entries(profile.iter().map(|(key, value)| (key.as_str(), value)), "", &KEYS)?;
    if let Some(entries) = profile.get("isolate").and_then(Value::as_map) {
        let entries = entries.iter().map(|(key, value)| (key.as_str().unwrap_or("?"), value));
        check_entries(entries, "isolate.", &ISOLATE_KEYS)?;
    }
    let count = |key, default| profile.get(key).and_then(Value::as_u64).unwrap_or(default);
    let (publish_on, unpublish_under) = (count("publish-on", 0), count("unpublish-under", 0));
    if publish_on > count("pool-limit", POOL_LIMIT) {
        return Err("`publish-on` is greater than `pool-limit`".to_owned());
    }
    if unpublish_under > publish_on {
        return Err("`unpublish-under` is greater than `publish-on`".to_owned());
    }
    Ok(())
}

/// Refuses unknown keys and wrong values. `prefix` precedes the keys.
fn check_entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Value)>,
    prefix: &str,
    known: &[(&str, ValueKind)],
) -> Result<(), String> {
    for (key, value) in entries {
        let Some((_, kind)) = known.iter().find(|(name, _)| *name == key) else {
            let hint = nearest(key, known).map_or_else(
                || {
                    let known: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                    format!("the known ones are {}", known.join(", "))
                },
                |nearest| format!("did you mean `{prefix}{nearest}`?"),
            );
            let shown: String = key.chars().take(MAX_COMPARED_KEY).collect();
            return Err(format!("no node knows the key `{prefix}{shown}`: {hint}"));
        };
        if !kind.accepts(value) {
            let shown: String = value.to_string().chars().take(MAX_COMPARED_KEY).collect();
            return Err(format!("`{prefix}{key}` is {shown} and must be {}", kind.noun()));
        }
    }
    Ok(())
}

/// Returns the known key that is most similar to another one, if one is.
fn nearest<'a>(key: &str, known: &[(&'a str, ValueKind)]) -> Option<&'a str> {
    if key.len() > MAX_COMPARED_KEY {
        return None;
    }
    let key = key.to_lowercase().replace('_', "-");
    let (distance, nearest) = known.iter().map(|(name, _)| (damerau_levenshtein(&key, name), *name)).min()?;
    (distance <= nearest.len().div_ceil(3)).then_some(nearest)
}

/// Sets a value. Each part of the key but the last one leads into a map, which is created if it is not there.
///
/// # Errors
/// A part leads into something else.
pub(crate) fn insert_value(profile: &mut RecordEntries, key: &str, value: Value) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        profile.insert(key.to_owned(), value);
        return Ok(());
    };
    let map = profile.entry(first.to_owned()).or_insert_with(|| Value::Map(Vec::new()));
    let mut inner =
        inner_entries(map).ok_or_else(|| format!("`{first}` is no map, so that there is no `{key}`"))?;
    insert_value(&mut inner, rest, value)?;
    *map = map_value(inner);
    Ok(())
}

/// Removes a value, and returns whether there was one. Parts of the key lead into maps.
pub(crate) fn remove_value(profile: &mut RecordEntries, key: &str) -> bool {
    let Some((first, rest)) = key.split_once('.') else { return profile.remove(key).is_some() };
    let Some(map) = profile.get_mut(first) else { return false };
    let Some(mut inner) = inner_entries(map) else { return false };
    let is_removed = remove_value(&mut inner, rest);
    *map = map_value(inner);
    is_removed
}

fn inner_entries(map: &Value) -> Option<RecordEntries> {
    let entries = map.as_map()?.iter();
    Some(entries.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect())
}

fn map_value(entries: RecordEntries) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.as_str().into(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(key: &str, value: Value) -> String {
        let mut profile = RecordEntries::new();
        insert_value(&mut profile, key, value).unwrap();
        check_profile(&profile).err().unwrap_or_default()
    }

    #[test]
    fn keys_with_dots_lead_into_maps() {
        let mut profile = RecordEntries::new();
        insert_value(&mut profile, "isolate.args.spool", "/tmp".into()).unwrap();
        insert_value(&mut profile, "isolate.type", "legacy_process".into()).unwrap();
        let args = Value::Map(vec![("spool".into(), "/tmp".into())]);
        let isolate = Value::Map(vec![("args".into(), args), ("type".into(), "legacy_process".into())]);
        assert_eq!(profile, RecordEntries::from([("isolate".to_owned(), isolate)]));
        profile.insert("pool-limit".to_owned(), 1_u8.into());
        assert!(insert_value(&mut profile, "pool-limit.x", Value::Nil).unwrap_err().contains("is no map"));

        assert!(remove_value(&mut profile, "isolate.args") && remove_value(&mut profile, "pool-limit"));
        for key in ["isolate.args", "pool-limit.x", "isolate.type.x", "none.x"] {
            assert!(!remove_value(&mut profile, key), "{key}");
        }
        let isolate = Value::Map(vec![("type".into(), "legacy_process".into())]);
        assert_eq!(profile, RecordEntries::from([("isolate".to_owned(), isolate)]));
    }

    #[test]
    fn unknown_keys_are_named_with_the_nearest() {
        for (key, words) in [
            ("pool-limt", "no node knows the key `pool-limt`: did you mean `pool-limit`?"),
            ("Pool_Limit", "did you mean `pool-limit`?"),
            ("isolate.typ", "no node knows the key `isolate.typ`: did you mean `isolate.type`?"),
            ("colour", "the known ones are concurrency, "),
            (&"x".repeat(5_000), "the known ones are concurrency, "),
        ] {
            let problem = problem(key, Value::UInt(1));
            assert!(problem.contains(words) && problem.len() < 500, "{problem}");
        }
    }

    #[test]
    fn values_that_no_node_takes_are_refused() {
        for (key, value, words) in [
            ("pool-limit", Value::from("x"), "`pool-limit` is \"x\" and must be a whole number, 1 or more"),
            ("pool-limit", Value::UInt(0), "1 or more"),
            ("queue-limit", Value::Int(-1), "0 or more"),
            ("seal-timeout", Value::Float(f64::NAN), "must be a number of seconds"),
            ("seal-timeout", Value::Float(1e10), "at most 1e9"),
            ("heartbeat-timeout", Value::UInt(0), "at least 0.001"),
            ("log-output", Value::UInt(1), "must be true or false"),
            ("isolate", Value::Nil, "must be a map"),
            ("isolate.type", Value::UInt(1), "`isolate.type` is 1 and must be a text"),
            ("publish-on", Value::UInt(11), "`publish-on` is greater than `pool-limit`"),
            ("unpublish-under", Value::UInt(1), "`unpublish-under` is greater than `publish-on`"),
        ] {
            let problem = problem(key, value);
            assert!(problem.contains(words), "{problem}");
        }
        for (key, value) in [
            ("seal-timeout", Value::Float(0.5)),
            ("seal-timeout", Value::UInt(5)),
            ("isolate.args.anything", Value::Nil),
        ] {
            assert_eq!(problem(key, value), "", "{key}");
        }
    }
}
