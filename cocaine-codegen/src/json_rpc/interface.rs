//! All services and apps, with every name decided.

use super::{
    RpcModel, apps, check, cycles,
    names::{self, Item, ItemNames},
    services,
};
use crate::{
    catalogue::Catalogue,
    error::{Error, Problem, Result},
    metadata::Metadata,
    model::{self, Diagnostics},
};

/// Returns what a gateway offers of the services and apps of `metadata`, the services as `catalogue` describes them.
///
/// # Errors
///
/// Those of the services, as for [`generate`](crate::generate()); a schema that refers to a type and does not define it, or has a name twice.
pub(crate) fn interface(metadata: &Metadata, catalogue: &Catalogue, strict: bool) -> Result<RpcModel> {
    metadata.check_depth()?;
    metadata.check_size()?;
    let mut diagnostics = Diagnostics::default();
    let services: Vec<_> = (metadata.services.iter())
        .map(|(name, service)| model::service(name, String::new(), service, catalogue, &mut diagnostics))
        .collect();
    for (name, schema) in &metadata.apps {
        diagnostics.problems.extend(check::problems(name, schema));
    }
    if strict {
        diagnostics.problems.extend(diagnostics.warnings.iter().cloned().map(Problem::Warning));
    }
    Error::check(diagnostics.problems)?;
    let of_services = services.iter().map(services::wanted_names);
    let wanted =
        of_services.chain(metadata.apps.iter().map(|(name, schema)| apps::wanted_names(name, schema)));
    let mut names = claim(wanted.collect()).into_iter();
    let mut model = RpcModel { warnings: diagnostics.warnings, ..RpcModel::default() };
    for (service, names) in services.iter().zip(names.by_ref()) {
        services::add(service, &names, &mut model);
    }
    for ((name, schema), names) in metadata.apps.iter().zip(names) {
        apps::add(name, schema, &names, &mut model);
    }
    cycles::resolve(&mut model.definitions);
    Ok(model)
}

/// Returns the names of all items, for each service and app in their order.
fn claim(wanted: Vec<Vec<(Item, Vec<String>)>>) -> Vec<ItemNames> {
    let counts: Vec<_> = wanted.iter().map(Vec::len).collect();
    let (items, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().flatten().unzip();
    let mut names = items.into_iter().zip(names::claim_all(&wanted));
    counts.into_iter().map(|count| names.by_ref().take(count).collect()).collect()
}
