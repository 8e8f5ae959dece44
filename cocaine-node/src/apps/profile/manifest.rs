//! Manifests: which program an app runs (`node.md` 2).

use std::collections::BTreeMap;

use cocaine::{Bytes, Result, Value, msgpack, schema::MANIFEST_KEY};

use super::stored;

use crate::errno::{append_text, invalid_argument};

/// The manifest of an app.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// The program; a relative path starts at the app's folder.
    pub(crate) slave: String,
    /// Environment variables, in addition to the node's.
    pub(crate) environment: BTreeMap<String, String>,
    /// The uploaded manifest, with sorted keys.
    pub(crate) raw: Value,
}

impl Manifest {
    /// Decodes a stored manifest.
    pub(crate) fn read(blob: &[u8]) -> Result<Self> {
        let raw = stored::decode_map(blob, "manifest")?;
        let slave = raw.get("slave").ok_or_else(|| {
            let error = invalid_argument("runnable object has not been specified");
            append_text(error, "the manifest has no key `slave`, which names the program within the package")
        })?;
        let slave = stored::as_string("slave", slave)?;
        let environment =
            raw.get("environment").map_or(Ok(&[][..]), |value| stored::as_map("environment", value))?;
        let pair = |(name, value)| {
            let name = stored::as_string("the name of a variable", name)?;
            let value = stored::as_string(&format!("environment.{name}"), value)?;
            Ok((name, value))
        };
        let environment =
            environment.iter().map(|(name, value)| pair((name, value))).collect::<Result<_>>()?;
        Ok(Self { slave, environment, raw })
    }

    /// Returns an encoded map with the schema of the app alone, if it has one.
    pub(crate) fn schema_blob(&self) -> Result<Option<Bytes>> {
        let Some(schema) = self.raw.get(MANIFEST_KEY) else { return Ok(None) };
        let entries = [(MANIFEST_KEY, schema)];
        Ok(Some(msgpack::to_vec(&BTreeMap::from(entries))?.into()))
    }
}

#[cfg(test)]
mod tests {
    use cocaine::{Code, Error, msgpack};

    use super::*;

    fn read(entries: &[(&str, Value)]) -> Result<Manifest> {
        let entries: Vec<_> = entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
        Manifest::read(&msgpack::to_vec(&Value::Map(entries)).unwrap())
    }

    fn refusal(error: &Error) -> (Code, String) {
        (error.code().unwrap(), error.to_string())
    }

    /// Checks the original's words, and ours behind them.
    fn refused(result: Result<Manifest>, text: &str, hint: &str) {
        let expected = format!("{text}: Invalid argument; {hint} (generic, [12,22])");
        assert_eq!(refusal(&result.unwrap_err()), (Code::INVALID_VALUE, expected));
    }

    #[test]
    fn manifest_is_read_with_unknown_fields() {
        let environment = Value::Map(vec![("B".into(), "2".into()), ("A".into(), "1".into())]);
        let manifest =
            read(&[("slave", "app.js".into()), ("z", 1_u8.into()), ("environment", environment)]).unwrap();
        assert_eq!(manifest.slave, "app.js");
        assert_eq!(manifest.environment, [("A", "1"), ("B", "2")].map(|(a, b)| (a.into(), b.into())).into());
        assert_eq!(
            manifest.raw.to_string(),
            r#"{"environment": {"A": "1", "B": "2"}, "slave": "app.js", "z": 1}"#
        );
        assert_eq!(Manifest::read(b"\x81\xa5slave\xa6app.js").unwrap().environment, BTreeMap::new());
    }

    #[test]
    fn unusable_manifest_gets_the_recorded_error() {
        let text = "failed to get node value as std::__cxx11::basic_string<char, std::char_traits<char>, \
                    std::allocator<char> > - got 1";
        let missing = "the manifest has no key `slave`, which names the program within the package";
        refused(read(&[]), "runnable object has not been specified", missing);
        refused(read(&[("slave", 1_u8.into())]), text, "`slave` is 1 and must be a string");
        let environment = |value: Value| {
            read(&[("slave", "a".into()), ("environment", Value::Map(vec![("A".into(), value)]))])
        };
        refused(environment(1_u8.into()), text, "`environment.A` is 1 and must be a string");
        refused(environment(true.into()), text, "`environment.A` is true and must be a string");
        let map = "failed to get node value as \
                   cocaine::detail::dynamic::incomplete_wrapper<cocaine::dynamic_t::object_t> - got \"x\"";
        let hint = "`environment` is \"x\" and must be a map";
        refused(read(&[("slave", "a".into()), ("environment", "x".into())]), map, hint);
        refused(Manifest::read(b"\xa1x"), map, "`manifest` is \"x\" and must be a map");
        let long = read(&[("slave", Value::Array(vec![1_u8.into(); 10_000]))]).unwrap_err().to_string();
        assert!(long.len() < 2500 && long.contains("1, …: Invalid argument; `slave` is [1, 1"), "{long}");
    }

    #[test]
    fn invalid_messagepack_is_refused() {
        for blob in [&b""[..], b"{\"slave\":\"a\"}", b"\x81\xa5sla", b"\xc1"] {
            let (code, text) = refusal(&Manifest::read(blob).unwrap_err());
            assert_eq!(code, Code::INVALID_VALUE);
            assert!(text.starts_with("the manifest is unreadable, "), "{text}");
        }
    }
}
