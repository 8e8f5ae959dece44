//! A whole Cocaine cloud in one process: `locator`, `storage`, `logging`, `node` with the apps that it runs, and the
//! plugins `cache`, `chrono`, `echo`, `geobase`, `logging::v2`, `metrics`, `unicorn`, `uniresis` and `urlfetch`, as the
//! original runtime serves them.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cocaine::Client;
//! use cocaine_bindings::{Storage, StorageClient};
//! use cocaine_node::Node;
//!
//! let node = Node::builder().listen("127.0.0.1:0").in_memory().start().await?;
//! let cloud = Client::new(&node.locator_addr().to_string())?;
//! let storage: StorageClient = cloud.service().await?;
//! assert!(storage.find("greetings", &["english"]).await?.is_empty());
//! node.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where it differs from the original
//!
//! - `locator.connect` answers in full; [`NodeBuilder::cluster`] switches that off.
//! - Stored keys may be any text: `..`, `/` and names of tags are nothing special, and removing a key removes its
//!   entries in the index at once.
//! - An error of `storage` names the collection and the key, not a path.
//! - A name that is published twice stays known until both publications are withdrawn.
//! - A routing group of more than 4,096 members is refused, and one that cannot be used does not keep the node from
//!   starting.
//! - An app's folder and socket lie in the node's own data folder, whatever the profile's `spool` says, and nobody else
//!   can enter them. Archives are tar, plain or with gzip; what would reach outside of the folder is refused.
//! - Workers are watched by their processes too: one that is gone is replaced although its socket lives on.
//! - A process that is to end gets SIGTERM, and SIGKILL after the isolate's `kill_timeout` (5 s). Both go to its whole
//!   process group. No worker outlives the node, even one that is killed.
//! - A worker that has nothing to do ends after its profile's `idle-timeout`, unless [`NodeBuilder::idle_timeout`] or
//!   `apps.idle_timeout` of the configuration switches that off.
//! - The manifest's `environment` takes precedence over the node's own.
//! - An event whose `request_timeout` is not eight bytes is refused when it arrives, and holds up nobody.
//! - An event that waits for an app whose workers do not start is answered with the reason and the end of their output
//!   after [`NodeBuilder::startup_timeout`]; `info` has the same as `failure`, and the log tells of every crash.
//! - An event of which more is unread than [`cocaine::Limits::unread`] is cut off: both sides get `[12, 105]`.
//! - The name of an app is taken until its last worker has ended; `info` says `stopped` meanwhile.
//! - A `pool-limit` or `grow-threshold` of 0 is an error of the profile, and an app whose name is taken removes nobody
//!   else's service when it is stopped.
//! - A plugin's service gives way to an app of its name for as long as the app runs; beside the other services an app
//!   cannot be started under their names, as with the original.
//! - The isolates `docker`, `porto` and `external` are not there.
//! - `cache` is bounded by bytes too (`cache.max_bytes` of the configuration). What has no place even alone is refused
//!   with `[12, 27]`.
//! - `chrono` refuses more timers than `chrono.timers` and `chrono.client_timers` of the configuration with `[12, 11]`,
//!   and what is no time, or more than 365 days, with `[12, 22]`. A negative period is one of 0: one tick. A period is a
//!   millisecond at least, and does not drift; who reads too slowly gets one tick for all that were missed. Ids are
//!   random and of 53 bits.
//! - `uniresis` says what the node's process may use: its affinity and its cgroups count. Nothing is announced under
//!   `/resources` of `unicorn`.
//! - `urlfetch` fetches from addresses alone that the section `urlfetch` of the configuration does not deny, wherever a
//!   name or a redirect leads to; others are answered with `[12, 13]` and the rule. Bodies, redirects, and calls at once
//!   have limits, a call takes at most `max_timeout`, and 0 or negative milliseconds are the 5,000 of the default. What
//!   is personal (`Authorization`, `Cookie`, `Proxy-Authorization`, `Host`) is not carried to another server, nor back.
//!   Names of headers come with their words begun by capitals; of several with one name comes the first.
//! - A consumer of `locator.connect` that falls 1,024 changes behind is cut off with an error, and a router that is
//!   slow gets the newest table alone.
//! - Filters of `logging::v2` hold for what is emitted through it, not for the node's own messages. One that is set holds
//!   for named loggers that are open already. Those for the cluster are kept in the node's storage, in the collection
//!   `cocaine/logging_v2/filters`. `!=` does not hold for an attribute that is not there, and `traced` holds for every
//!   call with a trace whose trace bit is not 0. 1,024 filters may be set, and as many named loggers be open on a
//!   connection; more of them are refused.
//! - `metrics` knows of no messages for the connection itself (`timer[ping]` and the like), counts the calls of every
//!   service, and tells the node's own age and log lines, too. Times are those of the last five to ten minutes.
//! - The tree of `unicorn` is this node's own: it lies in its storage and in no other machine's. A value of more than
//!   1 MiB and a path of more than 1,024 bytes are refused.
//! - A subscriber of `unicorn` gets each change, where the original may leave some out. One for whom more than
//!   [`cocaine::Limits::unread`] waits is cut off with `[12, 105]`, and so is one of a connection whose subscriptions keep
//!   more than [`cocaine::Limits::held`]. If the storage fails in such a way that nobody can say whether a node was
//!   changed, its subscribers get `[11, 10]`.
//! - `unicorn.increment` is one step: nobody comes between.
//! - A lock node of `unicorn` is kept in memory: when the node stops, all locks end with their connections, and the
//!   storage counts their nodes as gone. Whose lock node is removed by somebody else loses the lock, with `[11, 8]`; other
//!   nodes beside it disturb nobody.
//!
//! # Regions
//!
//! Of the original's `geobase` nothing is public but the names of its methods (`services.md` 22). What they mean here is
//! this project's reading:
//!
//! - The database is a file in the format of `MaxMind`, with cities or countries ([`NodeBuilder::geobase`]). It is read
//!   into memory once, when the node starts. Without a file, a sample is served: the address ranges set aside for
//!   documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, `2001:db8::/32`), as if they were in eleven towns.
//! - A region's number is that of `GeoNames`, as in the database. Continents are below the earth, 6295630; countries,
//!   subdivisions of any depth and cities are below them. If records contradict each other, a region is the largest that
//!   one calls it, and lies in the smallest that such a record has it in.
//! - An address is of the smallest region that is known for it. Of no known region, it is in none, and `region_id` is
//!   an error.
//! - `coordinates` are those of the first network of which no smaller region is known, and so is the time zone. A region
//!   without a time zone has that of the regions below it, if they have but one.
//! - `chief_region_id` is the city with the most networks in the database.
//! - `region_id_by_location` is the nearest of the regions that have nothing below them, however far away it is.
//! - `names` are in the order of their languages, each once; `linguistics_for_region` knows one form of a name.
//!   `region_ids_by_name` takes names in any language and case: those that are the name, then those that start with
//!   it; the larger regions first, and 1,000 at most.
//! - `codes` are those of ISO 3166 for countries and subdivisions, and of `MaxMind` for continents; cities have none.
//! - What `set_service` sets is stored, under the region's number in the collection `geobase`: at most 256 services of a
//!   region, with names of at most 256 bytes. Regions below do not have the services of those above.
//! - `region_data` is a map with `id`, `type` (`earth`, `continent`, `country`, `subdivision` or `city`), `parent`,
//!   `chief`, `names` by language, `codes`, `coordinates`, `timezone` and `services`, but for what is not known.
//! - `pinpoint_geolocation` takes `latitude` and `longitude` in degrees or, without one of them, `ip`. It is a map with
//!   `region_id`, `parents` and, as far as they are known, `coordinates` and `timezone`; for a place also `distance` to
//!   the region's own, for an address `radius`, within which it may be, both in kilometres, and `postal`, a code.
//! - Time zones are those of the IANA, whatever their letters' case; their rules are part of the program.
//! - What is not known is answered with category 12, code 22, and so is what is no address, place, time or time zone.

pub(crate) mod apps;
pub mod config;
mod errno;
mod filters;
pub mod gateway;
pub mod helper;
pub mod log;
mod metrics;
mod node;
pub mod registry;
pub mod routing;
mod service_host;
mod services;
pub mod store;

pub use node::{Node, NodeBuilder, StartError};
pub use services::geobase::GeobaseError;
