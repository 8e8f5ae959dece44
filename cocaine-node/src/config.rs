//! The configuration files, in TOML: plain data, below everything that is configured.
//!
//! A part of the node reads its own section and checks the values when it starts. [`NodeConfig::read`] also takes the JSON
//! of an original runtime, and lists in [`NodeConfig::warnings`] what of it has no counterpart.
//!
//! ```toml
//! listen = "127.0.0.1:10053"      # the locator; the other services listen on free ports of the same address
//! data = "/var/lib/cocaine"       # the folder of everything that is kept between runs
//! cluster = true                  # false: `locator.connect` is closed at once, as by a runtime without a cluster
//! hostname = "node-1.example"     # announced in place of an unspecified address such as 0.0.0.0
//! uuid = "…"                      # a new one at each start unless it is set
//! restrict = ["storage"]          # services that are not announced to other nodes
//! runlist = "default"             # the stored list of apps that start together with the node
//! shutdown_timeout = 8            # seconds that a stop may take as a whole; what has not ended by then is cut off
//!
//! [log]
//! level = "info"                  # of the node's own events: off, error, warn, info, debug, trace
//! file = "node.log"               # JSON lines
//! terminal = true                 # lines on the standard error stream, too
//! format = "text"                 # the form of the lines there: text or json
//! verbosity = 0                   # the lowest severity that the service `logging` accepts
//!
//! [apps]
//! startup_timeout = 15            # seconds that an event waits for a worker of an app that fails to start
//! idle_timeout = true             # false: idle workers stay, whatever their profile says
//! restore = true                  # false: the apps that ran when the node ended do not start again with it
//! max_workers = 1024              # that all apps may have together; further ones start as others end
//! cgroups = true                  # false: workers get no control groups of their own
//! crashlogs = 50                  # of one app that are kept; older ones are removed
//! crashlog_bytes = 16777216       # of the crashlogs of one app
//! total_crashlog_bytes = 268435456 # of the crashlogs of all apps
//! crashlog_age = 2592000          # seconds after which a crashlog is removed
//!
//! [http]                          # an HTTP gateway in front of the apps, if this section is there; see `HttpConfig`
//! listen = "127.0.0.1:8080"
//!
//! [cache]
//! max_size = 1000000              # blobs that the service `cache` keeps at once
//! max_bytes = 536870912           # bytes of all their keys and blobs together
//!
//! [chrono]
//! timers = 65536                  # that run at once
//! client_timers = 1024            # of one connection
//!
//! [urlfetch]
//! deny = ["10.0.0.0/8", "::1/128"] # networks that are never connected to, in place of all that are not public
//! allow = ["10.1.0.0/16"]         # exceptions within denied networks
//! max_body = 8388608              # bytes of a response's body
//! max_redirects = 10              # that are followed for one call
//! max_fetches = 64                # calls that fetch at once; further ones wait
//! client_fetches = 16             # of them calls of one connection
//! max_timeout = 300               # the longest time-out of a call in seconds, whatever it asks for
//!
//! [geobase]
//! database = "cities.mmdb"        # in the format of MaxMind, of cities or countries; a sample without it
//!
//! [extra_param]                   # announced to other nodes together with the services
//! weight = 1
//!
//! [limits]                        # of each connection; sizes in bytes
//! max_frame_bytes = 536870912     # the arguments of a longer one are skipped, and its call is answered with an error
//! stream_window_bytes = 524288    # that may be sent on a stream before its reader has read
//! stall_timeout = 30              # seconds for which a channel that keeps others from being read may go unread
//! max_decoded_bytes = 134217728   # of memory that arguments may take beyond their encoding; 8388608 unless it is set
//! max_memory_bytes = 1073741824   # of memory that all connections use together, whatever their clients send or do not read
//! ```

mod access_log;
mod apps;
mod cache;
mod chrono;
mod duration;
mod error;
mod file;
mod gateway;
mod geobase;
mod http;
mod limits;
mod log;
mod merge;
mod node;
mod original;
mod read;
#[cfg(test)]
mod tests;
mod urlfetch;
mod warning;

pub use self::{
    access_log::{AccessLogConfig, AccessLogKind},
    apps::AppsConfig,
    cache::CacheConfig,
    chrono::ChronoConfig,
    error::ConfigError,
    gateway::GatewayConfig,
    geobase::GeobaseConfig,
    http::{HttpConfig, Target},
    limits::LimitsConfig,
    log::{LogConfig, LogFormat, LogLevel},
    node::NodeConfig,
    urlfetch::UrlfetchConfig,
    warning::ConfigWarning,
};
