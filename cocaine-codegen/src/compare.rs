//! What has changed since metadata was fetched, or bindings were generated, and how much it matters.

mod apps;
mod code;
mod tables;

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

pub use apps::{
    AppDifference, AppDirection, AppGrade, AppRule, compare_all_apps, compare_apps, compare_event_hashes,
    difference_table,
};
pub use code::compare_code;
pub use tables::{read_event_hashes, read_tables};

use crate::{
    metadata::{Metadata, Method, Service},
    naming::shown,
};

/// How much a difference matters to bindings that do not know of it. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// A method fails when it is called, a service cannot be reached, or what is sent may be misunderstood.
    Breaking,
    /// A method has another id: it is found by its name, unless the connection asks for an exact match.
    Renumbered,
    /// There is more than the bindings offer; all that they offer works, unless an exact match is asked for.
    Additive,
    /// The services are the same to a client, but what was generated or fetched would be written in another way.
    Code,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How much it matters.
    pub grade: Grade,
    /// The service.
    pub service: String,
    /// The method, where it is about one.
    pub method: Option<String>,
    /// What has happened.
    pub message: String,
    /// What the file says, if it says anything.
    pub expected: Option<String>,
    /// What there is now, if there is anything.
    pub found: Option<String>,
}

impl Grade {
    /// All grades, the worst first.
    pub const ALL: [Self; 4] = [Self::Breaking, Self::Renumbered, Self::Additive, Self::Code];
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breaking => "breaking",
            Self::Renumbered => "renumbered",
            Self::Additive => "additive",
            Self::Code => "code",
        })
    }
}

impl AppDifference {
    /// Returns the grade of a service's difference that matters as much; `None` if it is less than any.
    ///
    /// What breaks old callers is [`Breaking`](Grade::Breaking); what breaks old clients of the gateway alone is
    /// [`Renumbered`](Grade::Renumbered), since bindings work as before; what matters to new callers of the old app is
    /// [`Additive`](Grade::Additive); and what changes generated code alone is [`Code`](Grade::Code).
    pub fn service_grade(&self) -> Option<Grade> {
        match (self.grade, self.direction) {
            (AppGrade::Wire | AppGrade::Json, AppDirection::Forward) => Some(Grade::Additive),
            (AppGrade::Wire, _) => Some(Grade::Breaking),
            (AppGrade::Json, _) => Some(Grade::Renumbered),
            (AppGrade::Source, _) => Some(Grade::Code),
            (AppGrade::None, _) => None,
        }
    }
}

/// One line, on which everything that a locator says is escaped.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.grade, shown(&self.service))?;
        if let Some(method) = &self.method {
            write!(f, ".{}", shown(method))?;
        }
        write!(f, ": {}", self.message)?;
        if self.expected.is_none() && self.found.is_none() {
            return Ok(());
        }
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, ": expected {}, found {}", or_nothing(&self.expected), or_nothing(&self.found))
    }
}

/// Returns what differs between the metadata that bindings were made from and what is there now: the worst first, then
/// by service and id.
///
/// A method differs here if it differs at run time under `cocaine::Compatibility::Lenient`: one side may send a message
/// that it could not send before, or no longer sends one, or sends another. A new message of the service is a difference
/// too, since a typed client cannot read it. A new version counts as breaking: a graph does not show the types of
/// arguments, so the version is the only sign that they have changed.
pub fn compare(expected: &Metadata, found: &Metadata) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (name, service) in &expected.services {
        match found.services.get(name) {
            Some(now) => compare_services(name, service, now, &mut differences),
            None => differences.push(Difference {
                expected: Some(version(service)),
                ..difference(Grade::Breaking, name, None, "the service is gone")
            }),
        }
    }
    for (name, service) in found.services.iter().filter(|(name, _)| !expected.services.contains_key(*name)) {
        let difference = difference(Grade::Additive, name, None, "the service is new");
        differences.push(Difference { found: Some(version(service)), ..difference });
    }
    differences.sort_by_key(|difference| difference.grade);
    differences
}

fn version(service: &Service) -> String {
    format!("version {}", service.version)
}

fn difference(grade: Grade, service: &str, method: Option<&str>, message: &str) -> Difference {
    let (service, method) = (service.to_owned(), method.map(str::to_owned));
    Difference { grade, service, method, message: message.to_owned(), expected: None, found: None }
}

fn compare_services(name: &str, expected: &Service, found: &Service, differences: &mut Vec<Difference>) {
    if expected.version != found.version {
        differences.push(Difference {
            expected: Some(version(expected)),
            found: Some(version(found)),
            ..difference(Grade::Breaking, name, None, "the version has changed")
        });
    }
    let mut now = by_name(found);
    for (id, method) in &expected.graph {
        let at = now.get_mut(method.0.as_str()).and_then(|same| (!same.is_empty()).then(|| same.remove(0)));
        match at {
            Some((now_id, now)) => compare_methods(name, (*id, method), (now_id, now), differences),
            None => differences.push(Difference {
                expected: Some(describe(*id, method)),
                ..difference(Grade::Breaking, name, Some(&method.0), "the method is gone")
            }),
        }
    }
    let mut rest: Vec<_> = now.into_values().flatten().collect();
    rest.sort_unstable_by_key(|(id, _)| *id);
    differences.extend(rest.into_iter().map(|(id, method)| Difference {
        found: Some(describe(id, method)),
        ..difference(Grade::Additive, name, Some(&method.0), "the method is new")
    }));
}

fn describe(id: u64, Method(_, dispatch, upstream): &Method) -> String {
    format!("id {id} that takes {} and answers {}", dispatch.to_line(), upstream.to_line())
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
    differences: &mut Vec<Difference>,
) {
    let mut report = |grade, message, was: String, is: String| {
        let difference = difference(grade, service, Some(&expected.0), message);
        differences.push(Difference { expected: Some(was), found: Some(is), ..difference });
    };
    for (message, was, is) in [
        ("the caller sends something else", &expected.1, &found.1),
        ("the service sends something else", &expected.2, &found.2),
    ] {
        if !was.same_messages(is) {
            report(Grade::Breaking, message, was.to_line(), is.to_line());
        } else if was != is {
            report(Grade::Code, "the control messages are others", was.to_line(), is.to_line());
        }
    }
    if id != now_id {
        report(Grade::Renumbered, "the id has changed", id.to_string(), now_id.to_string());
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
        let described = "id 0 that takes {} and answers {0 value, 1 error}";
        assert_eq!(words(&read, &read), [""; 0]);
        assert_eq!(
            words(&read, "{}"),
            [format!("breaking: s.read: the method is gone: expected {described}, found nothing")]
        );
        assert_eq!(
            words("{}", &read),
            [format!("additive: s.read: the method is new: expected nothing, found {described}")]
        );
        let moved = format!(r#"{{"7": ["read", {{}}, {VALUE}]}}"#);
        assert_eq!(words(&read, &moved), ["renumbered: s.read: the id has changed: expected 0, found 7"]);
        assert_eq!(
            words(&read, r#"{"0": ["read", {"0": ["close", {}]}, {}]}"#),
            [
                "breaking: s.read: the caller sends something else: expected {}, found {0 close}",
                "breaking: s.read: the service sends something else: expected {0 value, 1 error}, found {}"
            ]
        );
    }

    #[test]
    fn extra_message_reshapes_but_control_message_does_not() {
        let watch = |more: &str| format!(r#"{{"0": ["watch", {{"0": ["close", {{}}]{more}}}, {VALUE}]}}"#);
        assert_eq!(
            words(&watch(""), &watch(r#", "1": ["pause", {}]"#)),
            [
                "breaking: s.watch: the caller sends something else: expected {0 close}, found {0 close, 1 pause}"
            ]
        );
        assert_eq!(
            words(&watch(""), &watch(r#", "65535": ["revoke", {}]"#)),
            [
                "code: s.watch: the control messages are others: expected {0 close}, found {0 close, 65535 revoke}"
            ]
        );
    }

    #[test]
    fn differences_are_sorted_by_severity() {
        let grades = |differences: Vec<String>| -> Vec<String> {
            differences.iter().map(|difference| difference.split(':').next().unwrap().to_owned()).collect()
        };
        let was = format!(r#"{{"0": ["a", {{}}, {VALUE}], "1": ["b", {{}}, {{}}]}}"#);
        let is = format!(r#"{{"0": ["c", {{}}, {{}}], "1": ["a", {{}}, {VALUE}]}}"#);
        assert_eq!(grades(words(&was, &is)), ["breaking", "renumbered", "additive"]);
        assert!(Grade::ALL.is_sorted());
    }

    #[test]
    fn methods_of_one_name_are_paired_in_order() {
        let twice = r#"{"0": ["a", {}, {}], "1": ["a", {}, {}]}"#;
        assert_eq!(words(twice, twice), [""; 0]);
        assert_eq!(
            words(twice, r#"{"0": ["a", {}, {}]}"#),
            ["breaking: s.a: the method is gone: expected id 1 that takes {} and answers {}, found nothing"]
        );
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
                "breaking: a: the version has changed: expected version 1, found version 2",
                "breaking: b: the service is gone: expected version 1, found nothing",
                "additive: c: the service is new: expected nothing, found version 1"
            ]
        );
    }

    #[test]
    fn hostile_names_stay_on_their_line() {
        let differences = words(r#"{"0": ["a\n\u001b[2J\"", {"0": ["\u202e\n", {}]}, {}]}"#, "{}");
        assert_eq!(differences.len(), 1);
        assert!(!differences[0].contains(['\n', '\u{1b}', '\u{202e}']), "{differences:?}");
    }
}
