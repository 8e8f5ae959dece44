//! The section `services`.

use std::collections::BTreeSet;

use super::{
    document::{Result, Section},
    locator,
    mapping::Mapping,
};

/// The types of an original's services, and the names under which a node has them.
const SERVICES: &[(&str, &str)] = &[
    ("cache", "cache"),
    ("chrono", "chrono"),
    ("echo", "echo"),
    ("geobase", "geobase"),
    ("locator", "locator"),
    ("logging", "logging"),
    ("logging::v2", "logging::v2"),
    ("metrics", "metrics"),
    ("node", "node"),
    ("node::v2", "node"),
    ("storage", "storage"),
    ("unicorn", "unicorn"),
    ("uniresis", "uniresis"),
    ("urlfetch", "urlfetch"),
];

const NO_DATABASE: &str = "the original's data cannot be read: give a database in the format of MaxMind with \
    `--geobase`, or have a sample";
const NO_SENDERS: &str =
    "figures are sent nowhere: read them at `/metrics` of the gateway, or with the service `metrics`";
const NO_ZOOKEEPER: &str =
    "the tree of `unicorn` is in the data folder and begins empty: what ZooKeeper holds is not read";
const NO_FILTERS: &str = "is ignored: set filters with the methods of `logging::v2`";
const NO_ANNOUNCEMENT: &str = "resources are not announced to others: `uniresis` answers for this machine";

/// Returns the names of a node's services but the locator.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let names: BTreeSet<_> = SERVICES.iter().map(|(_, name)| *name).collect();
    names.into_iter().filter(|name| *name != "locator")
}

/// What the services say about other sections.
#[derive(Debug, Default)]
pub(super) struct ServiceSettings<'d> {
    /// The storage of the service `storage`.
    pub(super) storage: Option<&'d str>,
    /// The log of the service `logging`.
    pub(super) log: Option<&'d str>,
    /// The least severity of the service `logging`.
    pub(super) verbosity: Option<i32>,
}

/// Maps the section. An app list of version 2 is named `default` where the configuration does not name it.
pub(super) fn map<'d>(
    mapping: &mut Mapping,
    mut section: Section<'d>,
    runlist: Option<&str>,
) -> Result<ServiceSettings<'d>> {
    let mut settings = ServiceSettings::default();
    let mut absent: Vec<_> = names().collect();
    let path = section.path().to_owned();
    for (name, element) in section.take_rest() {
        let mut component = element.section()?;
        let kind = component.take_text("type")?.unwrap_or("unspecified");
        let mut args = component.take_section("args")?;
        mapping.finish(component);
        let Some((_, own)) = SERVICES.iter().find(|(known, _)| *known == kind) else {
            let message = format!(
                "the node has no service of the type `{kind}`: its clients need an original, or an app of this name"
            );
            mapping.warn(element.path(), message);
            continue;
        };
        absent.retain(|absent| absent != own);
        if *own != name {
            let message = format!("the service is named `{own}` here: its clients must use that name");
            mapping.warn(element.path(), message);
        }
        if kind == "geobase" {
            mapping.warn(element.path(), NO_DATABASE);
            args.take_rest();
        }
        map_args(mapping, kind, &mut args, &mut settings, runlist)?;
        mapping.finish(args);
    }
    if !absent.is_empty() {
        let message =
            format!("the node also has {}, which the configuration does not list", absent.join(", "));
        mapping.warn(path, message);
    }
    Ok(settings)
}

fn warn_of_keys(mapping: &mut Mapping, args: &mut Section<'_>, keys: &[&'static str], message: &str) {
    for key in keys {
        mapping.warn_if_set(args.take(key), message);
    }
}

fn map_args<'d>(
    mapping: &mut Mapping,
    kind: &str,
    args: &mut Section<'d>,
    settings: &mut ServiceSettings<'d>,
    runlist: Option<&str>,
) -> Result<()> {
    match kind {
        "locator" => locator::map(mapping, args)?,
        "logging" => {
            settings.log = args.take_text("backend")?;
            settings.verbosity = args.take("verbosity").map(|verbosity| verbosity.number()).transpose()?;
        }
        "logging::v2" => {
            args.take("backend");
            mapping.warn_if_set(args.take("unicorn_path"), NO_FILTERS);
            let filters = args.take("default_metafilter");
            let is_empty = filters.as_ref().map_or(Ok(true), |filters| Ok(filters.elements()?.is_empty()))?;
            mapping.warn_if_set(filters.filter(|_| !is_empty), NO_FILTERS);
        }
        "storage" => settings.storage = args.take_text("backend")?,
        "node" | "node::v2" => {
            let name = args.take_text("runlist")?.or(runlist).filter(|name| !name.is_empty());
            mapping.config.runlist = name.map(str::to_owned);
        }
        "cache" => {
            mapping.config.cache.max_size = args.take("max-size").map(|size| size.number()).transpose()?;
        }
        "urlfetch" => {
            let limit = args.take("connections-limit").map(|limit| limit.number()).transpose()?;
            mapping.config.urlfetch.max_fetches = limit;
        }
        "unicorn" => mapping.warn_if_set(args.take("backend"), NO_ZOOKEEPER),
        "metrics" => warn_of_keys(mapping, args, &["senders", "filter_ast"], NO_SENDERS),
        "uniresis" => warn_of_keys(mapping, args, &["prefix", "restrictions", "unicorn"], NO_ANNOUNCEMENT),
        _ => {}
    }
    Ok(())
}
