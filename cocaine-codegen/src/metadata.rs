//! What a locator says about its services, and what apps say about themselves, as plain data, and the JSON that keeps it.

pub(crate) mod apps;
pub(crate) mod shape;
mod size;
pub(crate) mod tree;
mod unique_map;

use std::{collections::BTreeMap, fmt::Write as _};

use cocaine::schema::AppSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Problem, Result},
    metadata::tree::{FIRST_CONTROL, MAX_DEPTH, Tree},
    naming::shown,
};

/// Services and apps by name.
///
/// As JSON, `{"services": {"storage": {"version": 1, "graph": {"0": ["read", {}, {…}]}}}}`; the outer
/// `services` may be left out, and what else a service may say is not read. Ids are strings there, as JSON
/// wants it, and `null` is a recursion. Beside `services`, `apps` has the [schemas](AppSchema) of apps by name; it is left out
/// if there are none.
///
/// The control entries at the root of a graph (from id 65532) are the same for every service and never
/// methods: they are left out when metadata is read. Those inside a method's tree are part of it and stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The services.
    pub services: BTreeMap<String, Service>,
    /// The schemas of apps.
    pub apps: BTreeMap<String, AppSchema>,
}

/// What a locator says about one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// The version of its protocol.
    #[serde(default)]
    pub version: u64,
    /// Its methods, by id.
    #[serde(deserialize_with = "graph")]
    pub graph: BTreeMap<u64, Method>,
}

/// One method of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method(
    /// Its name; names need not be unique.
    pub String,
    /// What the caller may send next.
    pub Tree,
    /// What the service may send back.
    pub Tree,
);

fn graph<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u64, Method>, D::Error> {
    let mut methods = unique_map::UniqueMap::deserialize(deserializer)?.0;
    methods.retain(|id, _| *id < FIRST_CONTROL);
    Ok(methods)
}

#[derive(Deserialize)]
struct Envelope {
    services: unique_map::UniqueMap<String, Service>,
    #[serde(default)]
    apps: apps::UniqueApps,
}

#[derive(Deserialize)]
struct Probe {
    services: Option<serde::de::IgnoredAny>,
}

impl Metadata {
    /// Reads JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrapped = serde_json::from_str::<Probe>(text).is_ok_and(|probe| probe.services.is_some());
        let metadata = if wrapped {
            serde_json::from_str::<Envelope>(text)
                .map(|Envelope { services, apps }| Self { services: services.0, apps: apps.into_schemas() })
        } else {
            serde_json::from_str::<unique_map::UniqueMap<_, _>>(text)
                .map(|services| Self { services: services.0, apps: BTreeMap::new() })
        };
        let metadata = metadata.map_err(|error| Problem::Metadata(error.to_string()))?;
        metadata.check_depth()?;
        Ok(metadata)
    }

    /// Writes JSON, a method a line, the same bytes for the same metadata.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\n  \"services\": {");
        for (index, (name, service)) in self.services.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (name, version) = (json(name), service.version);
            let _ =
                write!(text, "{comma}\n    {name}: {{\n      \"version\": {version},\n      \"graph\": {{");
            for (index, (id, method)) in service.graph.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(text, "{comma}\n        \"{id}\": {}", json(method));
            }
            text.push_str(if service.graph.is_empty() { "}\n    }" } else { "\n      }\n    }" });
        }
        text.push_str(if self.services.is_empty() { "}" } else { "\n  }" });
        if !self.apps.is_empty() {
            // Line breaks within texts are escaped.
            let _ = write!(text, ",\n  \"apps\": {}", pretty_json(&self.apps).replace('\n', "\n  "));
        }
        text.push_str("\n}\n");
        text
    }

    /// Leaves only the services that `wanted` names; fails for a name that is not there.
    pub fn select(&mut self, wanted: &[String]) -> Result<()> {
        select("service", &mut self.services, wanted)
    }

    /// Leaves only the apps that `wanted` names; fails for a name that is not there.
    pub fn select_apps(&mut self, wanted: &[String]) -> Result<()> {
        select("app", &mut self.apps, wanted)
    }

    /// Fails for a tree that is deeper than a runtime can send.
    pub(crate) fn check_depth(&self) -> Result<()> {
        let mut problems = Vec::new();
        for (service, described) in &self.services {
            for Method(method, dispatch, upstream) in described.graph.values() {
                let depth = dispatch.depth().max(upstream.depth());
                if depth > MAX_DEPTH {
                    let message = format!("its tree is {depth} messages deep; at most {MAX_DEPTH} are read");
                    let (service, method) = (service.clone(), method.clone());
                    problems.push(Problem::Graph { service, method, message });
                }
            }
        }
        crate::error::Error::check(problems)
    }
}

fn select<T>(what: &str, all: &mut BTreeMap<String, T>, wanted: &[String]) -> Result<()> {
    if let Some(name) = wanted.iter().find(|name| !all.contains_key(*name)) {
        let known: Vec<_> = all.keys().map(|name| shown(name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let text = format!("there is no {what} `{}`; there are: {known}", shown(name));
        return Err(Problem::Metadata(text).into());
    }
    all.retain(|name, _| wanted.contains(name));
    Ok(())
}

/// Returns `value` as JSON on many lines.
fn pretty_json<T: Serialize>(value: &T) -> String {
    // Maps with texts as keys: there is nothing here that JSON lacks.
    let written = serde_json::to_string_pretty(value);
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default()
}

/// Returns `value` as JSON on one line, with a space after each comma and colon.
fn json<T: Serialize>(value: &T) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, SpacedFormatter);
    // Plain strings, numbers and maps of them: there is nothing here that JSON lacks.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "{written:?}");
    String::from_utf8(out).unwrap_or_default()
}

struct SpacedFormatter;

impl serde_json::ser::Formatter for SpacedFormatter {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        w.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::{apps::read_app_schema, *};

    const STORAGE: &str = r#"{
  "services": {
    "storage": {
      "version": 1,
      "graph": {
        "0": ["read", {}, {"0": ["value", {}], "1": ["error", {}]}],
        "10": ["watch", {"0": ["close", {}], "65532": ["goaway", {}]}, {"0": ["write", null]}]
      }
    }
  }
}
"#;

    #[test]
    fn written_metadata_is_read_back() {
        let metadata = Metadata::from_json(STORAGE).unwrap();
        assert_eq!(metadata.to_json(), STORAGE);
        assert_eq!(Metadata::from_json(&Metadata::default().to_json()).unwrap(), Metadata::default());
    }

    #[test]
    fn plain_services_and_further_fields_are_read() {
        let plain = r#"{"a": {"endpoint": "::1", "version": 2, "graph": {"65533": ["ping", {}, {}]}}}"#;
        let metadata = Metadata::from_json(plain).unwrap();
        assert_eq!(metadata.services["a"], Service { version: 2, graph: BTreeMap::new() });
    }

    const APPS: &str = r#"{
  "services": {},
  "apps": {
    "a\nb": {
      "schema": 1,
      "hash": "HASH",
      "events": {}
    }
  }
}
"#;

    #[test]
    fn written_apps_are_read_back() {
        let metadata = Metadata::from_json(APPS).unwrap();
        assert_eq!(metadata.apps["a\nb"], AppSchema::default());
        let hash = cocaine::schema::hash_text(AppSchema::default().hash());
        assert_eq!(metadata.to_json(), APPS.replace("HASH", &hash));
    }

    #[test]
    fn mistakes_in_apps_are_named() {
        for (apps, expected) in [
            (r#"{"a": {"events": {}}}"#, "missing field `schema` at line 1 column 45"),
            (r#"{"a": {"schema": 2}}"#, "the schema has version 2, and this program reads version 1"),
            (r#"{"a": {"schema": 1}, "a": {"schema": 1}}"#, "`a` stands here twice"),
            (r#"{"a": {"schema": 1, "events": {"e": {}, "e": {}}}}"#, "`e` stands here twice"),
            (r#"{"a": {"schema": 1, "types": {"t": {"shape": 1}}}}"#, "at line 1"),
        ] {
            let json = format!(r#"{{"services": {{}}, "apps": {apps}}}"#);
            let error = Metadata::from_json(&json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn deep_schema_is_an_error() {
        let ty = format!("{}\"u8\"{}", r#"{"list":"#.repeat(10_000), "}".repeat(10_000));
        let schema = format!(r#"{{"schema": 1, "events": {{"e": {{"input": {ty}}}}}}}"#);
        let error = read_app_schema(&schema).unwrap_err().to_string();
        assert!(error.contains("recursion limit"), "{error}");
    }

    #[test]
    fn mistakes_are_named() {
        for (json, expected) in [
            ("{", "line 1 column 1"),
            (r#"{"a": {"version": 1}}"#, "missing field `graph`"),
            (r#"{"a": {"version": -1, "graph": {}}}"#, "invalid value"),
            (r#"{"a": {"version": 1, "graph": {"x": ["y", {}, {}]}}}"#, "expected key to be a number"),
            (r#"{"a": {"version": 1, "graph": {"0": ["y", {}]}}}"#, "expected tuple struct Method"),
            (
                r#"{"a": {"version": 1, "graph": {}}, "a": {"version": 1, "graph": {}}}"#,
                "`a` stands here twice",
            ),
        ] {
            let error = Metadata::from_json(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn deep_tree_is_an_error() {
        let deep = |levels: usize| {
            let tree = format!("{}{{}}{}", r#"{"0":["m","#.repeat(levels), "]}".repeat(levels));
            format!(r#"{{"a": {{"version": 1, "graph": {{"0": ["deep", {tree}, {{}}]}}}}}}"#)
        };
        assert!(Metadata::from_json(&deep(32)).is_ok());
        let error = Metadata::from_json(&deep(33)).unwrap_err().to_string();
        assert!(error.contains("service `a`, method `deep`: its tree is 33 messages deep"), "{error}");
        assert!(Metadata::from_json(&deep(10_000)).unwrap_err().to_string().contains("recursion limit"));
    }
}
