//! What has changed since metadata was fetched, or bindings were generated, and how much it matters.

mod code;
mod tables;

use std::{collections::BTreeMap, fmt};

pub use code::compare_code;
pub use tables::read_tables;

use crate::{
    dump,
    metadata::{Metadata, Method, Service},
    naming::shown,
};

/// How much a difference matters to bindings that do not know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// A method fails when it is called, or a service cannot be reached.
    Breaking,
    /// Everything works unless the connection asks for an exact match.
    Compatible,
    /// There is more than the bindings offer.
    Addition,
    /// The services are the same, but other code would be generated for them.
    Code,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// How much it matters.
    pub grade: Grade,
    /// The service.
    pub service: String,
    /// The method, where it is about one.
    pub method: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breaking => "breaking",
            Self::Compatible => "compatible",
            Self::Addition => "addition",
            Self::Code => "code",
        })
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.grade, shown(&self.service))?;
        if let Some(method) = &self.method {
            write!(f, ".{}", shown(method))?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Returns what differs between the metadata that bindings were made from and what is there now, by service.
pub fn compare(expected: &Metadata, found: &Metadata) -> Vec<Drift> {
    let mut drifts = Vec::new();
    for (name, service) in &expected.services {
        match found.services.get(name) {
            Some(now) => compare_services(name, service, now, &mut drifts),
            None => drifts.push(drift(Grade::Breaking, name, None, "the service is gone")),
        }
    }
    for name in found.services.keys().filter(|name| !expected.services.contains_key(*name)) {
        drifts.push(drift(Grade::Addition, name, None, "the service is new"));
    }
    drifts
}

fn drift(grade: Grade, service: &str, method: Option<&str>, message: impl Into<String>) -> Drift {
    Drift { grade, service: service.to_owned(), method: method.map(str::to_owned), message: message.into() }
}

fn compare_services(name: &str, expected: &Service, found: &Service, drifts: &mut Vec<Drift>) {
    if expected.version != found.version {
        let text = format!("the version was {} and is {}", expected.version, found.version);
        drifts.push(drift(Grade::Compatible, name, None, text));
    }
    let mut now = by_name(found);
    for (id, method) in &expected.graph {
        let at = now.get_mut(method.0.as_str()).and_then(|same| (!same.is_empty()).then(|| same.remove(0)));
        match at {
            Some((now_id, now)) => compare_methods(name, (*id, method), (now_id, now), drifts),
            None => drifts.push(drift(Grade::Breaking, name, Some(&method.0), "the method is gone")),
        }
    }
    let rest = now.into_iter().flat_map(|(method, same)| same.into_iter().map(move |(id, _)| (id, method)));
    let mut rest: Vec<_> = rest.collect();
    rest.sort_unstable();
    for (id, method) in rest {
        drifts.push(drift(Grade::Addition, name, Some(method), format!("the method is new, with id {id}")));
    }
}

/// Returns the methods by name; those of one name by id.
fn by_name(service: &Service) -> BTreeMap<&str, Vec<(u64, &Method)>> {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (id, method) in &service.graph {
        names.entry(method.0.as_str()).or_default().push((*id, method));
    }
    names
}

fn compare_methods(
    service: &str,
    (id, expected): (u64, &Method),
    (now_id, found): (u64, &Method),
    drifts: &mut Vec<Drift>,
) {
    let mut report = |grade, text| drifts.push(drift(grade, service, Some(&expected.0), text));
    for (side, was, is) in [("caller", &expected.1, &found.1), ("service", &expected.2, &found.2)] {
        if was != is {
            let text = format!("the {side} sent {} and sends {}", dump::line(was), dump::line(is));
            report(Grade::Breaking, text);
        }
    }
    if id != now_id {
        report(Grade::Compatible, format!("the id was {id} and is {now_id}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(expected: &str, found: &str) -> Vec<String> {
        let read = |graph: &str| {
            Metadata::from_json(&format!(r#"{{"s": {{"version": 1, "graph": {graph}}}}}"#)).unwrap()
        };
        compare(&read(expected), &read(found)).iter().map(ToString::to_string).collect()
    }

    const VALUE: &str = r#"{"0": ["value", {}], "1": ["error", {}]}"#;

    #[test]
    fn grades() {
        let read = format!(r#"{{"0": ["read", {{}}, {VALUE}]}}"#);
        assert_eq!(words(&read, &read), [""; 0]);
        assert_eq!(words(&read, "{}"), ["breaking: s.read: the method is gone"]);
        assert_eq!(words("{}", &read), ["addition: s.read: the method is new, with id 0"]);
        let moved = format!(r#"{{"7": ["read", {{}}, {VALUE}]}}"#);
        assert_eq!(words(&read, &moved), ["compatible: s.read: the id was 0 and is 7"]);
        assert_eq!(
            words(&read, r#"{"0": ["read", {"0": ["close", {}]}, {}]}"#),
            [
                "breaking: s.read: the caller sent {} and sends {0 close}",
                "breaking: s.read: the service sent {0 value, 1 error} and sends {}"
            ]
        );
    }

    #[test]
    fn methods_of_one_name_are_paired_in_order() {
        let twice = r#"{"0": ["a", {}, {}], "1": ["a", {}, {}]}"#;
        assert_eq!(words(twice, twice), [""; 0]);
        assert_eq!(words(twice, r#"{"0": ["a", {}, {}]}"#), ["breaking: s.a: the method is gone"]);
    }

    #[test]
    fn services_and_versions() {
        let read = |text: &str| Metadata::from_json(text).unwrap();
        let was = read(r#"{"a": {"version": 1, "graph": {}}, "b": {"version": 1, "graph": {}}}"#);
        let is = read(r#"{"a": {"version": 2, "graph": {}}, "c": {"version": 1, "graph": {}}}"#);
        let words: Vec<_> = compare(&was, &is).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "compatible: a: the version was 1 and is 2",
                "breaking: b: the service is gone",
                "addition: c: the service is new"
            ]
        );
    }
}
