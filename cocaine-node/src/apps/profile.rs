//! Profiles: how an app runs (`node.md` 3).

pub(crate) mod config;
pub(crate) mod manifest;
pub(crate) mod stored;
mod unused_keys;

use std::time::Duration;

use cocaine::{Category, Code, Error, Result, Value};

use crate::errno::{append_text, invalid_argument};

/// The longest timeout in seconds: about thirty years.
const MAX_TIMEOUT: f64 = 1e9;

/// A profile, with defaults for missing fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    /// The most workers; at least one.
    pub(crate) pool_limit: u32,
    /// The most events that a worker has at once; at least one.
    pub(crate) concurrency: u32,
    /// The most queued events; with 0, as many as the workers have free slots.
    pub(crate) queue_limit: u32,
    /// The number of queued events for each worker; at least one.
    pub(crate) grow_threshold: u32,
    /// How many lines of a worker's output are retained.
    pub(crate) crashlog_limit: u32,
    /// Whether the output also goes to the log.
    pub(crate) log_output: bool,
    pub(crate) spawn_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    /// How long a worker may send no heartbeat; never zero.
    pub(crate) heartbeat_timeout: Duration,
    /// How long a sealed worker may take to finish its events.
    pub(crate) seal_timeout: Duration,
    pub(crate) terminate_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) request_timeout: Duration,
    /// The number of active workers from which on the app is published.
    pub(crate) publish_on: u32,
    /// The app is withdrawn when fewer workers than this are active.
    pub(crate) unpublish_under: u32,
    pub(crate) isolate: Isolate,
    /// The uploaded profile, with sorted keys.
    pub(crate) raw: Value,
}

/// How a worker is isolated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Isolate {
    pub(crate) kind: String,
    /// How long a process may take to exit after SIGTERM.
    pub(crate) kill_timeout: Duration,
}

impl Profile {
    /// Decodes a stored profile.
    pub(crate) fn read(blob: &[u8]) -> Result<Self> {
        let raw = stored::decode_map(blob, "profile")?;
        let fields = Fields(&raw);
        let pool_limit = fields.count("pool-limit", 10)?;
        let queue_limit = fields.count("queue-limit", 100)?;
        // `check` refuses a limit of zero.
        let threshold = (queue_limit / pool_limit.max(1) / 2).max(1);
        let profile = Self {
            pool_limit,
            concurrency: fields.count("concurrency", 10)?,
            queue_limit,
            grow_threshold: fields.count("grow-threshold", threshold)?,
            crashlog_limit: fields.count("crashlog-limit", 50)?,
            log_output: raw
                .get("log-output")
                .map_or(Ok(false), |value| stored::as_bool("log-output", value))?,
            spawn_timeout: fields.seconds(&["spawn-timeout"], 1)?,
            handshake_timeout: fields.seconds(&["handshake-timeout", "startup-timeout"], 5)?,
            heartbeat_timeout: fields.seconds(&["heartbeat-timeout"], 30)?,
            seal_timeout: fields.seconds(&["seal-timeout"], 60)?,
            terminate_timeout: fields.seconds(&["terminate-timeout", "termination-timeout"], 10)?,
            idle_timeout: fields.seconds(&["idle-timeout"], 600)?,
            request_timeout: fields.seconds(&["request-timeout"], 86_400)?,
            publish_on: fields.count("publish-on", 0)?,
            unpublish_under: fields.count("unpublish-under", 0)?,
            isolate: Isolate::read(raw.get("isolate"))?,
            raw,
        };
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<()> {
        let rules = [
            (
                self.heartbeat_timeout.is_zero(),
                "slave heartbeat timeout must be positive",
                "`heartbeat-timeout` is less than 0.001 s",
            ),
            (self.pool_limit == 0, "engine pool limit must be positive", "`pool-limit` is 0"),
            (self.concurrency == 0, "engine concurrency must be positive", "`concurrency` is 0"),
            (self.grow_threshold == 0, "engine grow threshold must be positive", "`grow-threshold` is 0"),
            (
                self.publish_on > self.pool_limit,
                "publish threshold must not be greater than pool limit",
                "`publish-on` is greater than `pool-limit`",
            ),
            (
                self.unpublish_under > self.publish_on,
                "publish threshold must not be less than unpublish one",
                "`unpublish-under` is greater than `publish-on`",
            ),
        ];
        match rules.iter().find(|(broken, ..)| *broken) {
            Some((_, text, hint)) => Err(append_text(invalid_argument(text), hint)),
            None => Ok(()),
        }
    }
}

/// The fields of a profile.
struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn count(&self, name: &str, default: u32) -> Result<u32> {
        self.0.get(name).map_or(Ok(default), |value| stored::as_count(name, value))
    }

    /// Returns the first timeout among `names`, in whole milliseconds.
    fn seconds(&self, names: &[&str], default: u64) -> Result<Duration> {
        let found = names.iter().find_map(|name| Some((name, self.0.get(name)?)));
        let Some((name, value)) = found else { return Ok(Duration::from_secs(default)) };
        let seconds = stored::as_seconds(name, value)?;
        if !(0.0..=MAX_TIMEOUT).contains(&seconds) {
            return Err(invalid_argument(&format!(
                "{name} of {seconds:?} seconds is not between 0 and {MAX_TIMEOUT:e}"
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, and fractions are cut off"
        )]
        let millis = (seconds * 1000.0) as u64;
        Ok(Duration::from_millis(millis))
    }
}

impl Isolate {
    fn read(value: Option<&Value>) -> Result<Self> {
        let entries = value.cloned().unwrap_or_else(|| Value::Map(Vec::new()));
        stored::as_map("isolate", &entries)?;
        let kind = entries
            .get("type")
            .map_or(Ok("process".into()), |value| stored::as_string("isolate.type", value))?;
        let args = entries.get("args").cloned().unwrap_or_else(|| Value::Map(Vec::new()));
        stored::as_map("isolate.args", &args)?;
        let kill_timeout = Fields(&args).seconds(&["kill_timeout"], 5)?;
        Ok(Self { kind, kill_timeout })
    }

    /// Checks that this node supports the isolation.
    pub(crate) fn check(&self) -> Result<()> {
        match self.kind.as_str() {
            "process" | "legacy_process" => Ok(()),
            kind => {
                let text = format!("{kind}[N7cocaine3api9isolate_tE]");
                let text = format!("{text}: component has not been registered in repository");
                let error = Error::service(Code::new(Category::REPOSITORY, 7), text);
                let hint =
                    format!("`isolate.type` is {kind:?}, and this node has `process` and `legacy_process`");
                Err(append_text(error, &hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cocaine::{ErrorKind, msgpack};

    use super::*;

    fn read(entries: &[(&str, Value)]) -> Result<Profile> {
        let entries: Vec<_> = entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
        Profile::read(&msgpack::to_vec(&Value::Map(entries)).unwrap())
    }

    fn refusal(entries: &[(&str, Value)]) -> String {
        match read(entries).unwrap_err().kind() {
            ErrorKind::Service { code: Code::INVALID_VALUE, message } => {
                message.split_once(": Invalid argument").unwrap().0.to_owned()
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn empty_profile_has_the_original_defaults() {
        let raw = Value::Map(Vec::new());
        let expected = Profile {
            pool_limit: 10,
            concurrency: 10,
            queue_limit: 100,
            grow_threshold: 5,
            crashlog_limit: 50,
            log_output: false,
            spawn_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(30),
            seal_timeout: Duration::from_mins(1),
            terminate_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(10),
            request_timeout: Duration::from_hours(24),
            publish_on: 0,
            unpublish_under: 0,
            isolate: Isolate { kind: "process".into(), kill_timeout: Duration::from_secs(5) },
            raw,
        };
        assert_eq!(read(&[]).unwrap(), expected);
    }

    #[test]
    fn every_count_is_read() {
        let counts = |profile: Profile| {
            [
                profile.pool_limit,
                profile.concurrency,
                profile.queue_limit,
                profile.grow_threshold,
                profile.crashlog_limit,
                profile.publish_on,
                profile.unpublish_under,
            ]
        };
        let names = [
            "pool-limit",
            "concurrency",
            "queue-limit",
            "grow-threshold",
            "crashlog-limit",
            "publish-on",
            "unpublish-under",
        ];
        let values = [30_u8, 31, 0, 33, 34, 20, 19];
        let entries: Vec<_> = names.into_iter().zip(values.map(Value::from)).collect();
        assert_eq!(counts(read(&entries).unwrap()), values.map(u32::from));
    }

    #[test]
    fn every_timeout_is_read_in_milliseconds() {
        let timeouts = |profile: &Profile| {
            [
                profile.spawn_timeout,
                profile.handshake_timeout,
                profile.heartbeat_timeout,
                profile.seal_timeout,
                profile.terminate_timeout,
                profile.idle_timeout,
                profile.request_timeout,
            ]
        };
        let names = ["spawn", "handshake", "heartbeat", "seal", "terminate", "idle", "request"]
            .map(|name| format!("{name}-timeout"));
        let values =
            [Value::from(0.25), 2_u8.into(), 0.0019.into(), 0_u8.into(), 1e9.into(), 7.0.into(), 8.5.into()];
        let entries: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
        let expected = [250, 2000, 1, 0, 1_000_000_000_000, 7000, 8500].map(Duration::from_millis);
        assert_eq!(timeouts(&read(&entries).unwrap()), expected);
    }

    #[test]
    fn former_timeout_names_are_fallbacks() {
        let old = [("startup-timeout", Value::from(1.5)), ("termination-timeout", 2.5.into())];
        let profile = read(&old).unwrap();
        assert_eq!(profile.handshake_timeout, Duration::from_millis(1500));
        assert_eq!(profile.terminate_timeout, Duration::from_millis(2500));
        let profile = read(&[("handshake-timeout", 9_u8.into()), old[0].clone()]).unwrap();
        assert_eq!(profile.handshake_timeout, Duration::from_secs(9));
    }

    #[test]
    fn default_grow_threshold_follows_the_limits() {
        let threshold = |queue: u32, pool: u32| {
            read(&[("queue-limit", queue.into()), ("pool-limit", pool.into())]).unwrap().grow_threshold
        };
        assert_eq!([threshold(100, 4), threshold(0, 4), threshold(7, 10)], [12, 1, 1]);
    }

    #[test]
    fn negative_counts_mean_no_limit() {
        let profile = read(&[("pool-limit", (-1).into()), ("queue-limit", u64::MAX.into())]).unwrap();
        assert_eq!((profile.pool_limit, profile.queue_limit), (u32::MAX, u32::MAX));
    }

    #[test]
    fn profile_that_breaks_a_rule_is_refused() {
        for (name, text) in [
            ("pool-limit", "engine pool limit must be positive"),
            ("concurrency", "engine concurrency must be positive"),
            ("grow-threshold", "engine grow threshold must be positive"),
            ("heartbeat-timeout", "slave heartbeat timeout must be positive"),
        ] {
            assert_eq!(refusal(&[(name, 0_u8.into())]), text);
        }
        assert_eq!(
            refusal(&[("heartbeat-timeout", 0.0009.into())]),
            "slave heartbeat timeout must be positive"
        );
        assert_eq!(
            refusal(&[("publish-on", 11_u8.into())]),
            "publish threshold must not be greater than pool limit"
        );
        assert_eq!(
            refusal(&[("publish-on", 2_u8.into()), ("unpublish-under", 3_u8.into())]),
            "publish threshold must not be less than unpublish one"
        );
    }

    #[test]
    fn field_of_another_type_is_refused() {
        let got = "failed to get node value as";
        assert_eq!(refusal(&[("spawn-timeout", "x".into())]), format!("{got} double - got \"x\""));
        assert_eq!(refusal(&[("log-output", 1_u8.into())]), format!("{got} bool - got 1"));
        assert_eq!(refusal(&[("pool-limit", 1.5.into())]), format!("{got} unsigned long - got 1.5"));
        assert_eq!(refusal(&[("pool-limit", Value::Nil)]), format!("{got} unsigned long - got null"));
        let map = "cocaine::detail::dynamic::incomplete_wrapper<cocaine::dynamic_t::object_t>";
        assert_eq!(refusal(&[("isolate", 1_u8.into())]), format!("{got} {map} - got 1"));
        let args = Value::Map(vec![("args".into(), Value::Array(Vec::new()))]);
        assert_eq!(refusal(&[("isolate", args)]), format!("{got} {map} - got []"));
    }

    #[test]
    fn error_names_key_and_value() {
        let text = |key, value: Value| read(&[(key, value)]).unwrap_err().to_string();
        let cases: [(&str, Value, &str); 6] = [
            ("spawn-timeout", "x".into(), "`spawn-timeout` is \"x\" and must be a number of seconds"),
            ("log-output", 1_u8.into(), "`log-output` is 1 and must be true or false"),
            ("pool-limit", true.into(), "`pool-limit` is true and must be a whole number"),
            ("isolate", 1_u8.into(), "`isolate` is 1 and must be a map"),
            ("pool-limit", 0_u8.into(), "`pool-limit` is 0"),
            ("publish-on", 11_u8.into(), "`publish-on` is greater than `pool-limit`"),
        ];
        for (key, value, hint) in cases {
            let text = text(key, value);
            assert!(text.ends_with(&format!(": Invalid argument; {hint} (generic, [12,22])")), "{text}");
        }
    }

    #[test]
    fn timeout_out_of_range_is_refused() {
        for (seconds, shown) in [
            (Value::from(-1), "-1.0"),
            (f64::NAN.into(), "NaN"),
            (f64::INFINITY.into(), "inf"),
            (1e300.into(), "1e300"),
            ((-0.5).into(), "-0.5"),
            (u64::MAX.into(), "1.8446744073709552e19"),
        ] {
            let text = refusal(&[("idle-timeout", seconds)]);
            assert_eq!(text, format!("idle-timeout of {shown} seconds is not between 0 and 1e9"));
        }
    }

    #[test]
    fn only_process_isolation_is_supported() {
        let isolate = |kind: &str| {
            let args = Value::Map(vec![("spool".into(), "/x".into())]);
            let isolate = Value::Map(vec![("type".into(), kind.into()), ("args".into(), args)]);
            let isolate = read(&[("isolate", isolate)]).unwrap().isolate;
            assert_eq!(isolate, Isolate { kind: kind.into(), kill_timeout: Duration::from_secs(5) });
            isolate.check()
        };
        assert!(isolate("process").is_ok() && isolate("legacy_process").is_ok());
        for kind in ["docker", "porto", "external", "x"] {
            let error = isolate(kind).unwrap_err();
            assert_eq!(error.code(), Some(Code::new(Category::REPOSITORY, 7)));
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{kind}[N7cocaine3api9isolate_tE]: component has not been"))
            );
            assert!(
                error.to_string().contains(&format!("; `isolate.type` is \"{kind}\", and this node has"))
            );
        }
    }
}
