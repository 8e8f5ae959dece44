//! The sections of components that a node does not have, or has one of: `paths`, `storages`, `unicorns` and others.

use std::collections::BTreeSet;

use super::{
    document::{Result, Section},
    mapping::Mapping,
};

const NO_PLUGINS: &str = "the services are built in: nothing is to be done";
const NO_RUNTIME: &str = "sockets are in the data folder: nothing is to be done";
const NO_SPOOL: &str = "packages are unpacked in the data folder: nothing is to be done";
const NO_STORAGE: &str =
    "the node has one store, in its data folder: copy what is still needed through the service `storage`";
const NO_SECOND_STORAGE: &str = "the node has one store: what a second one has is not read";
const NO_ZOOKEEPER: &str =
    "the node uses no ZooKeeper: the tree of `unicorn` is in the data folder and begins empty";
const NO_IDENTITIES: &str =
    "the node checks no identities: whoever reaches its ports may call everything, so limit who does";
const NO_COUNTERPART: &str = "has no counterpart and no effect";

/// The storage that an original's services use unless they are told otherwise.
const DEFAULT_STORAGE: &str = "core";

/// Maps the section `paths`.
pub(super) fn map_paths(mapping: &mut Mapping, mut section: Section<'_>) {
    mapping.warn_if_set(section.take("plugins"), NO_PLUGINS);
    mapping.warn_if_set(section.take("runtime"), NO_RUNTIME);
    mapping.warn_if_set(section.take("spool"), NO_SPOOL);
    mapping.finish(section);
}

/// Maps the section `storages`; `used` is the one of the service `storage`.
pub(super) fn map_storages(
    mapping: &mut Mapping,
    mut section: Section<'_>,
    used: Option<&str>,
) -> Result<()> {
    let used = BTreeSet::from([DEFAULT_STORAGE, used.unwrap_or(DEFAULT_STORAGE)]);
    for (name, element) in section.take_rest() {
        let mut component = element.section()?;
        let kind = component.take_text("type")?;
        let mut args = component.take_section("args")?;
        mapping.finish(component);
        let path = args.take("path");
        match path {
            _ if !used.contains(name) => mapping.warn(element.path(), NO_SECOND_STORAGE),
            Some(path) if kind == Some("files") => {
                let folder = path.text()?;
                let message = format!(
                    "the node has a store of its own, in its data folder: `cocaine-node import {folder}` fills it from there"
                );
                mapping.warn(path.path(), message);
                mapping.finish(args);
            }
            _ => mapping.warn(element.path(), NO_STORAGE),
        }
    }
    Ok(())
}

/// Lists what is left in the document: groups of components, and unknown keys.
pub(super) fn map_rest(mapping: &mut Mapping, mut root: Section<'_>) -> Result<()> {
    warn_of_components(mapping, root.take_section("unicorns")?, None, NO_ZOOKEEPER)?;
    warn_of_components(mapping, root.take_section("authentications")?, Some("promiscuous"), NO_IDENTITIES)?;
    warn_of_components(mapping, root.take_section("authorizations")?, Some("disabled"), NO_IDENTITIES)?;
    for key in ["metrics", "postgres", "senders", "tracing"] {
        match root.take(key) {
            Some(group) if group.is_object() => {
                warn_of_components(mapping, group.section()?, None, NO_COUNTERPART)?;
            }
            other => mapping.warn_if_set(other, NO_COUNTERPART),
        }
    }
    mapping.finish(root);
    Ok(())
}

/// Lists the components of a group but those of a type that does nothing.
fn warn_of_components(
    mapping: &mut Mapping,
    mut section: Section<'_>,
    idle_type: Option<&str>,
    message: &str,
) -> Result<()> {
    for (_, element) in section.take_rest() {
        let is_idle = element.is_object() && {
            let kind = element.section()?.take_text("type")?;
            kind.is_some() && kind == idle_type
        };
        if !is_idle {
            mapping.warn(element.path(), message);
        }
    }
    Ok(())
}
