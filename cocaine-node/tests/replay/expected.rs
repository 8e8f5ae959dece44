//! What may vary between the recorded runtime and this node: the closed lists of its accidents (`traces/README.md`) and
//! of this node's deliberate differences.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use cocaine::Value;

/// The uuid of the node that the traces were recorded with.
const UUID: &str = "7516a093-d480-42c9-9234-46f48f09365a";

/// Where the recorded `urlfetch` found its server.
const SITE: &str = "127.0.0.1:18080";

/// Where the recorded storage kept its files; this node's texts name the collection and the key only.
const FOLDER: &str = "/var/lib/cocaine/var/storage/";

/// What stands for the recorded ports, uuids and paths.
#[derive(Clone, Default)]
pub(crate) struct Substitutes {
    /// Recorded port to this node's.
    pub(crate) ports: BTreeMap<u64, u16>,
    pub(crate) uuid: String,
    /// What stands for the recorded server of HTTP: as long as that, so that frames keep their lengths.
    pub(crate) site: Option<String>,
}

impl Substitutes {
    /// Replaces what varies in what a client sends.
    pub(crate) fn apply_to_request(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(site) = &self.site else { return bytes };
        assert_eq!(site.len(), SITE.len(), "a port of five digits");
        let found = bytes.windows(SITE.len()).position(|window| window == SITE.as_bytes());
        let Some(at) = found else { return bytes };
        [&bytes[..at], site.as_bytes(), &bytes[at + SITE.len()..]].concat()
    }

    /// Replaces what varies in a frame.
    pub(crate) fn apply(&self, value: &mut Value) {
        match value {
            Value::Raw(raw) => {
                let text = raw.as_str().unwrap_or_default();
                if text == UUID {
                    *raw = self.uuid.as_str().into();
                } else if let Some(rest) = text.strip_prefix(FOLDER) {
                    *raw = rest.into();
                } else if let Some(site) = self.site.as_deref().filter(|_| text.contains(SITE)) {
                    *raw = text.replace(SITE, site).as_str().into();
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

/// The trace ids that a reply should carry where the recording lost them to a race (`traces/README.md`): those of the
/// request that opened the channel.
pub(crate) fn raced(name: &str, frame: &Value) -> Option<[u64; 3]> {
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
    let Value::Array(elements) = frame else { panic!("{frame} is no frame") };
    let Some(Value::Array(headers)) = elements.get_mut(3) else { panic!("no headers") };
    for (header, id) in headers.iter_mut().zip(ids) {
        let Value::Array(parts) = header else { panic!("{header} is no header") };
        parts[2] = Value::Raw(id.to_le_bytes().as_slice().into());
    }
}

/// Texts of the original that are accidents: a dangling pointer in place of the category's words (`traces/README.md`).
const TEXTS: &[(&str, &str, &str)] = &[
    ("app/queue_full", "queue is0", "queue is full"),
    ("app/pause_while_open", "", "the application has been stopped: Broken pipe"),
];

/// Puts in what an accident of the original has taken the place of.
pub(crate) fn mend(name: &str, frame: &mut Value) {
    for (_, wrong, right) in TEXTS.iter().filter(|(file, ..)| *file == name) {
        let Value::Array(elements) = &mut *frame else { return };
        if let Some(Value::Array(args)) = elements.get_mut(2)
            && let Some(text) = args.get_mut(1)
            && text.as_str() == Some(wrong)
        {
            *text = (*right).into();
        }
    }
}

/// Recordings that end in a stall of the original (`traces/README.md`), or with the runtime itself, and how many
/// heartbeats it still answered. Instead of the rest this node tells the worker to end.
pub(crate) const STALLED: &[(&str, usize)] =
    &[("worker/fwpy.0", 1), ("worker/hs.0", 1), ("worker/w-garbage.1", 1), ("worker/w-idle.0", 2)];

/// Deliberate differences, each of which must still differ: where the original stalls, this node answers with an
/// error at once.
pub(crate) const REFUSED: &[&str] = &["app/request_timeout_bad", "worker/w-badtimeout.0"];

/// Deliberate differences: the original never says why an app does not start; this node does when its patience has
/// ended. With the worker's mode and the manifest's `slave`.
pub(crate) const TOLD: &[(&str, &str, &str)] = &[
    ("app/w-diesatonce", "dies", "run.sh"),
    ("app/w-noexec", "", "missing.sh"),
    ("app/w-nohandshake", "mute", "run.sh"),
];

/// Exchanges with numbers that are this node's own (`traces/README.md`): the ids of timers, which are random, and what
/// the machine has.
const OWN: &[&str] = &["chrono/notify_after", "uniresis/all"];

/// Returns the number that a frame holds, if it is this node's own.
pub(crate) fn own_number<'a>(name: &str, frame: &'a mut Value) -> Option<&'a mut u64> {
    let Value::Array(elements) = frame else { return None };
    let Value::Array(args) = elements.get_mut(2)? else { return None };
    match args.as_mut_slice() {
        [Value::UInt(number)] if OWN.contains(&name) => Some(number),
        _ => None,
    }
}

/// Numbers of a report that time makes, by their keys.
const TIMES: &[&str] = &["uptime", "depth_average", "rate", "rate_mean", "timings", "timings_reversed"];

/// Returns whether a frame answers `info` of an app that runs.
pub(crate) fn is_report(frame: &Value) -> bool {
    let args = frame.as_array().and_then(|elements| elements.get(2)).and_then(Value::as_array);
    args.and_then(<[Value]>::first).is_some_and(|arg| arg.get("uptime").is_some())
}

/// Makes what may vary in a report the same in all: each number that time makes is 0 of its type, each uuid empty.
pub(crate) fn level(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(level),
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = key.as_str().unwrap_or_default();
                if TIMES.contains(&key) {
                    zero(value);
                } else if let ("slaves", Value::Map(slaves)) = (key, &mut *value) {
                    for (uuid, slave) in slaves {
                        assert_eq!(uuid.as_str().map(str::len), Some(UUID.len()), "{uuid} is no uuid");
                        *uuid = "".into();
                        level(slave);
                    }
                } else {
                    level(value);
                }
            }
        }
        _ => {}
    }
}

fn zero(value: &mut Value) {
    match value {
        Value::UInt(number) => *number = 0,
        Value::Float(number) => *number = 0.0,
        Value::Array(items) => items.iter_mut().for_each(zero),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| zero(value)),
        _ => panic!("{value} is no number"),
    }
}

/// The ids of log filters, which are drawn by lot.
const IDS: &[u64] = &[6_229_670_051_029_060_681, 505_010_247_614_084_723];

/// When a recorded log filter ends, in seconds since 1970, and how many seconds it lasts.
const DEADLINE: (u64, u64) = (1_795_345_916, 60);

/// Returns whether a frame holds what is drawn by lot.
pub(crate) fn is_drawn(frame: &Value) -> bool {
    match frame {
        Value::UInt(number) => IDS.contains(number),
        Value::Array(items) => items.iter().any(is_drawn),
        _ => false,
    }
}

/// What stands for what was drawn by lot, as the answers tell.
#[derive(Default)]
pub(crate) struct Drawn(BTreeMap<u64, u64>);

impl Drawn {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces what is known.
    pub(crate) fn apply(&self, value: &mut Value) {
        match value {
            Value::UInt(number) => *number = *self.0.get(number).unwrap_or(number),
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            _ => {}
        }
    }

    /// Learns from an answer what stands for what, each time the same, and replaces it in what was recorded.
    pub(crate) fn learn(&mut self, recorded: &mut Value, got: &Value) {
        match (recorded, got) {
            (Value::UInt(recorded), Value::UInt(got)) if IDS.contains(recorded) => {
                *recorded = *self.0.entry(*recorded).or_insert(*got);
            }
            (Value::UInt(recorded), Value::UInt(got)) if *recorded == DEADLINE.0 => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                assert!((now..=now + DEADLINE.1).contains(got), "{got} is not within a minute");
                *recorded = *got;
            }
            (Value::Array(recorded), Value::Array(got)) => {
                recorded.iter_mut().zip(got).for_each(|(recorded, got)| self.learn(recorded, got));
            }
            _ => {}
        }
    }
}

/// Services that were recorded and are here, by their names there and here.
const COUNTED: &[(&str, &str)] = &[
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

/// Timers of messages that are for the connection, not for the service: this node does not count them.
const CONTROLS: &[&str] = &["goaway", "ping", "revoke", "settings"];

/// Returns whether a frame tells metrics.
pub(crate) fn are_metrics(name: &str, frame: &Value) -> bool {
    name == "metrics/fetch" && metrics(frame).as_map().is_some()
}

fn metrics(frame: &Value) -> &Value {
    &frame.as_array().unwrap()[2].as_array().unwrap()[0]
}

/// Compares metrics: all that was recorded of the services that are here is there, in the same place and of the same
/// type. What the recorded client made by itself, the counts of `metrics`, is the same number.
pub(crate) fn compare_metrics(recorded: &Value, got: &Value) {
    assert_eq!(is_flat(metrics(recorded)), is_flat(metrics(got)), "another format");
    let (mut recorded_all, mut got_all) = (BTreeMap::new(), BTreeMap::new());
    flatten("", metrics(recorded), &mut recorded_all);
    flatten("", metrics(got), &mut got_all);
    let mut compared = 0;
    for (name, value) in recorded_all {
        let (service, rest) = name.split_once('.').unwrap();
        let Some((_, service)) = COUNTED.iter().find(|(known, _)| *known == service) else { continue };
        if CONTROLS.iter().any(|control| rest.starts_with(&format!("timer[{control}]"))) {
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

/// Returns whether a map holds no maps.
fn is_flat(map: &Value) -> bool {
    map.as_map().unwrap().iter().all(|(_, value)| value.as_map().is_none())
}

/// Gives each value of maps within maps the names on the way to it, with dots between.
fn flatten(above: &str, value: &Value, all: &mut BTreeMap<String, Value>) {
    let Value::Map(entries) = value else { return drop(all.insert(above.to_owned(), value.clone())) };
    assert!(entries.is_sorted_by_key(|(name, _)| name.as_str()), "names are not in order below `{above}`");
    for (name, value) in entries {
        let name = name.as_str().unwrap();
        flatten(&if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }, value, all);
    }
}
