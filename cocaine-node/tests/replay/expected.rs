//! The permitted differences between the recorded runtime and this node: closed lists of the accidents of the recording
//! (`traces/README.md`) and of this node's deliberate differences.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use cocaine::Value;

/// The uuid of the recorded node.
const NODE_UUID: &str = "7516a093-d480-42c9-9234-46f48f09365a";

/// The address of the HTTP server that the recorded `urlfetch` sent requests to.
const HTTP_SERVER: &str = "127.0.0.1:18080";

/// The folder of the recorded storage. Error texts of this node name only the collection and the key.
const STORAGE_FOLDER: &str = "/var/lib/cocaine/var/storage/";

/// This node's values for the recorded ports, uuids and paths.
#[derive(Clone, Default)]
pub(crate) struct Substitutes {
    /// The ports of this node by the recorded ones.
    pub(crate) ports: BTreeMap<u64, u16>,
    pub(crate) uuid: String,
    /// The address of the HTTP server. It has the length of the recorded one, so that frames keep their lengths.
    pub(crate) http_server: Option<String>,
}

impl Substitutes {
    /// Replaces the recorded address of the HTTP server in a request.
    pub(crate) fn apply_to_request(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(server) = &self.http_server else { return bytes };
        assert_eq!(server.len(), HTTP_SERVER.len(), "the port has five digits");
        let found = bytes.windows(HTTP_SERVER.len()).position(|window| window == HTTP_SERVER.as_bytes());
        let Some(at) = found else { return bytes };
        [&bytes[..at], server.as_bytes(), &bytes[at + HTTP_SERVER.len()..]].concat()
    }

    /// Replaces all recorded values in a frame.
    pub(crate) fn apply(&self, value: &mut Value) {
        match value {
            Value::Raw(raw) => {
                let text = raw.as_str().unwrap_or_default();
                if text == NODE_UUID {
                    *raw = self.uuid.as_str().into();
                } else if let Some(rest) = text.strip_prefix(STORAGE_FOLDER) {
                    *raw = rest.into();
                } else if let Some(server) =
                    self.http_server.as_deref().filter(|_| text.contains(HTTP_SERVER))
                {
                    *raw = text.replace(HTTP_SERVER, server).as_str().into();
                }
            }
            Value::Array(items) => {
                if let [Value::Raw(host), Value::UInt(port)] = items.as_mut_slice()
                    && host.as_str() == Some("127.0.0.1")
                    && let Some(own) = self.ports.get(port)
                {
                    *port = u64::from(*own);
                }
                for item in items {
                    self.apply(item);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.apply(key);
                    self.apply(value);
                }
            }
            _ => {}
        }
    }
}

/// Returns the trace ids of a reply whose recording lost them to a race (`traces/README.md`): those of the request that
/// opened the channel.
pub(crate) fn lost_trace_ids(name: &str, frame: &Value) -> Option<[u64; 3]> {
    let Value::Array(elements) = frame else { return None };
    match (name, elements.first()?) {
        ("protocol/headers_indexed", Value::UInt(1 | 4)) => Some([0x10, 0x20, 0]),
        ("protocol/headers_trace", Value::UInt(2)) => Some([0x1122_3344_5566_7788, 0x55, 0x44]),
        ("protocol/headers_trace_bit", Value::UInt(1)) => Some([7, 8, 9]),
        ("pyframework/client_conn_1", Value::UInt(6)) => Some([0x1234, 0x1234, 0]),
        _ => None,
    }
}

/// Sets the trace ids of a frame.
pub(crate) fn set_trace(frame: &mut Value, ids: [u64; 3]) {
    let Value::Array(elements) = frame else { panic!("{frame} is not a frame") };
    let Some(Value::Array(headers)) = elements.get_mut(3) else { panic!("no headers") };
    for (header, id) in headers.iter_mut().zip(ids) {
        let Value::Array(parts) = header else { panic!("{header} is not a header") };
        parts[2] = Value::Raw(id.to_le_bytes().as_slice().into());
    }
}

/// Error texts that the original took from a dangling pointer (`traces/README.md`), by recording, and the intended ones.
const BROKEN_TEXTS: &[(&str, &str, &str)] = &[
    ("app/queue_full", "queue is0", "queue is full"),
    ("app/pause_while_open", "", "the application has been stopped: Broken pipe"),
];

/// Replaces a broken text of the original by the intended one.
pub(crate) fn fix_text(name: &str, frame: &mut Value) {
    for (_, wrong, right) in BROKEN_TEXTS.iter().filter(|(file, ..)| *file == name) {
        let Value::Array(elements) = &mut *frame else { return };
        if let Some(Value::Array(args)) = elements.get_mut(2)
            && let Some(text) = args.get_mut(1)
            && text.as_str() == Some(wrong)
        {
            *text = (*right).into();
        }
    }
}

/// Recordings that end with a stall (`traces/README.md`) or the end of the original, and the number of heartbeats that it
/// answered before. Instead of the rest this node asks the worker to terminate.
pub(crate) const STALLED: &[(&str, usize)] =
    &[("worker/fwpy.0", 1), ("worker/hs.0", 1), ("worker/w-garbage.1", 1), ("worker/w-idle.0", 2)];

/// A deliberate difference, which must still differ: where the original stalls, this node answers with an error at
/// once. A client and its worker.
pub(crate) const MALFORMED_TIMEOUT: &[&str] = &["app/request_timeout_bad", "worker/w-badtimeout.0"];

/// Deliberate differences: the original never reports that an app does not start; this node does after its startup
/// timeout. Each with the mode of the worker and the manifest's `slave`.
pub(crate) const START_FAILURES: &[(&str, &str, &str)] = &[
    ("app/w-diesatonce", "dies", "run.sh"),
    ("app/w-noexec", "", "missing.sh"),
    ("app/w-nohandshake", "mute", "run.sh"),
];

/// Recordings with numbers that differ from node to node (`traces/README.md`): the random ids of timers, and the
/// resources of the machine.
const VARIABLE_NUMBERS: &[&str] = &["chrono/notify_after", "uniresis/all"];

/// Returns the number in a frame that differs from node to node.
pub(crate) fn variable_number<'a>(name: &str, frame: &'a mut Value) -> Option<&'a mut u64> {
    let Value::Array(elements) = frame else { return None };
    let Value::Array(args) = elements.get_mut(2)? else { return None };
    match args.as_mut_slice() {
        [Value::UInt(number)] if VARIABLE_NUMBERS.contains(&name) => Some(number),
        _ => None,
    }
}

/// The keys of a report whose numbers depend on time.
const TIME_KEYS: &[&str] = &["uptime", "depth_average", "rate", "rate_mean", "timings", "timings_reversed"];

/// Returns whether a frame is the answer to `info` of a running app.
pub(crate) fn is_info_report(frame: &Value) -> bool {
    let args = frame.as_array().and_then(|elements| elements.get(2)).and_then(Value::as_array);
    args.and_then(<[Value]>::first).is_some_and(|arg| arg.get("uptime").is_some())
}

/// Replaces the numbers of a report that depend on time by zero, and its uuids by empty texts.
pub(crate) fn normalize(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = key.as_str().unwrap_or_default();
                if TIME_KEYS.contains(&key) {
                    zero_numbers(value);
                } else if let ("slaves", Value::Map(slaves)) = (key, &mut *value) {
                    for (uuid, slave) in slaves {
                        assert_eq!(
                            uuid.as_str().map(str::len),
                            Some(NODE_UUID.len()),
                            "{uuid} is not a uuid"
                        );
                        *uuid = "".into();
                        normalize(slave);
                    }
                } else {
                    normalize(value);
                }
            }
        }
        _ => {}
    }
}

fn zero_numbers(value: &mut Value) {
    match value {
        Value::UInt(number) => *number = 0,
        Value::Float(number) => *number = 0.0,
        Value::Array(items) => items.iter_mut().for_each(zero_numbers),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| zero_numbers(value)),
        _ => panic!("{value} is not a number"),
    }
}

/// The recorded ids of log filters, which are random.
const FILTER_IDS: &[u64] = &[6_229_670_051_029_060_681, 505_010_247_614_084_723];

/// The deadline of a recorded log filter in seconds since 1970, and its lifetime in seconds.
const FILTER_DEADLINE: (u64, u64) = (1_795_345_916, 60);

/// Returns whether a frame contains a random id.
pub(crate) fn has_random_ids(frame: &Value) -> bool {
    match frame {
        Value::UInt(number) => FILTER_IDS.contains(number),
        Value::Array(items) => items.iter().any(has_random_ids),
        _ => false,
    }
}

/// The random ids of this node by the recorded ones, as its answers show them.
#[derive(Default)]
pub(crate) struct RandomIds(BTreeMap<u64, u64>);

impl RandomIds {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the recorded ids whose counterparts are known.
    pub(crate) fn apply(&self, value: &mut Value) {
        match value {
            Value::UInt(number) => *number = *self.0.get(number).unwrap_or(number),
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            _ => {}
        }
    }

    /// Notes the ids of an answer, and replaces the recorded ids and times by them. Each recorded id must always have the
    /// same counterpart.
    pub(crate) fn match_recorded(&mut self, recorded: &mut Value, got: &Value) {
        match (recorded, got) {
            (Value::UInt(recorded), Value::UInt(got)) if FILTER_IDS.contains(recorded) => {
                *recorded = *self.0.entry(*recorded).or_insert(*got);
            }
            (Value::UInt(recorded), Value::UInt(got)) if *recorded == FILTER_DEADLINE.0 => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                assert!((now..=now + FILTER_DEADLINE.1).contains(got), "{got} is not within a minute");
                *recorded = *got;
            }
            (Value::Array(recorded), Value::Array(got)) => {
                recorded.iter_mut().zip(got).for_each(|(recorded, got)| self.match_recorded(recorded, got));
            }
            _ => {}
        }
    }
}

/// The recorded services that this node has too: the recorded names and those of this node.
const METERED_SERVICES: &[(&str, &str)] = &[
    ("cache", "cache"),
    ("chrono", "chrono"),
    ("echo", "echo"),
    ("locator", "locator"),
    ("logging", "logging"),
    ("logging_v2", "logging::v2"),
    ("metrics", "metrics"),
    ("node", "node"),
    ("storage", "storage"),
    ("unicorn", "unicorn"),
    ("uniresis", "uniresis"),
    ("urlfetch", "urlfetch"),
];

/// Control messages, whose timers this node does not have: they concern the connection, not the service.
const CONTROL_METHODS: &[&str] = &["goaway", "ping", "revoke", "settings"];

/// Returns whether a frame contains metrics.
pub(crate) fn is_metrics(name: &str, frame: &Value) -> bool {
    name == "metrics/fetch" && metrics(frame).as_map().is_some()
}

fn metrics(frame: &Value) -> &Value {
    &frame.as_array().unwrap()[2].as_array().unwrap()[0]
}

/// Compares metrics: each recorded metric of a service of this node must be at the same place and of the same type. The
/// counts of `metrics`, which only the recorded client changed, must be equal.
pub(crate) fn compare_metrics(recorded: &Value, got: &Value) {
    assert_eq!(is_flat(metrics(recorded)), is_flat(metrics(got)), "another format");
    let (mut recorded_all, mut got_all) = (BTreeMap::new(), BTreeMap::new());
    flatten("", metrics(recorded), &mut recorded_all);
    flatten("", metrics(got), &mut got_all);
    let mut compared = 0;
    for (name, value) in recorded_all {
        let (service, rest) = name.split_once('.').unwrap();
        let Some((_, service)) = METERED_SERVICES.iter().find(|(recorded, _)| *recorded == service) else {
            continue;
        };
        if CONTROL_METHODS.iter().any(|control| rest.starts_with(&format!("timer[{control}]"))) {
            continue;
        }
        let name = format!("{service}.{rest}");
        let own = got_all.get(&name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(std::mem::discriminant(own), std::mem::discriminant(&value), "{name}: {own}, not {value}");
        if *service == "metrics" && value.as_u64().is_some() {
            assert_eq!(*own, value, "{name}");
        }
        compared += 1;
    }
    assert!(compared > 200, "only {compared} were compared");
    let (recorded, got) = (recorded.as_array().unwrap(), got.as_array().unwrap());
    assert_eq!((&recorded[..2], &recorded[3]), (&got[..2], &got[3]));
}

/// Returns whether a map contains no maps.
fn is_flat(map: &Value) -> bool {
    map.as_map().unwrap().iter().all(|(_, value)| value.as_map().is_none())
}

/// Collects the values of nested maps under their paths, joined by dots.
fn flatten(path: &str, value: &Value, all: &mut BTreeMap<String, Value>) {
    let Value::Map(entries) = value else { return drop(all.insert(path.to_owned(), value.clone())) };
    assert!(entries.is_sorted_by_key(|(name, _)| name.as_str()), "the names below `{path}` are not sorted");
    for (name, value) in entries {
        let name = name.as_str().unwrap();
        flatten(&if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }, value, all);
    }
}
