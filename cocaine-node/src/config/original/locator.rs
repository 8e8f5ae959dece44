//! The arguments of the service `locator`.

use super::{
    document::{Element, Result, Section},
    mapping::Mapping,
};

const NO_CLUSTER: &str =
    "the node announces itself nowhere and looks for no others: name its address where they are configured";
const NO_GATEWAY: &str =
    "the node does not pass calls on to other nodes: clients resolve names at those themselves";

/// Maps the arguments.
pub(super) fn map(mapping: &mut Mapping, args: &mut Section<'_>) -> Result<()> {
    let cluster = args.take("cluster");
    // An original without a cluster closes `locator.connect` at once.
    mapping.config.cluster = Some(cluster.is_some());
    mapping.warn_if_set(cluster, NO_CLUSTER);
    mapping.warn_if_set(args.take("gateway"), NO_GATEWAY);
    if let Some(restrict) = args.take("restrict") {
        let names =
            restrict.elements()?.iter().map(|name| name.text().map(str::to_owned)).collect::<Result<_>>()?;
        mapping.config.restrict = Some(names);
    }
    for (name, value) in args.take_section("extra_param")?.take_rest() {
        map_parameter(mapping, name, &value);
    }
    Ok(())
}

fn map_parameter(mapping: &mut Mapping, name: &str, value: &Element<'_>) {
    match value.to_toml() {
        Some(value) => {
            mapping.config.extra_param.insert(name.to_owned(), value);
        }
        None => mapping.warn(value.path(), "is left out: null, and numbers of 64 bits, cannot be announced"),
    }
}
