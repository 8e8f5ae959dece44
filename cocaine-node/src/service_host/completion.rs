//! The calls that a node finishes although their callers have left.

/// The methods of each service that change something. A change that has begun is finished; all other calls are cancelled with
/// their callers, so that the dead do not occupy what the living wait for.
const CHANGES: &[(&str, &[&str])] = &[
    ("cache", &["put"]),
    ("chrono", &["cancel", "restart"]),
    ("geobase", &["set_service"]),
    ("locator", &["refresh"]),
    ("logging", &["set_verbosity"]),
    ("logging::v2", &["set_verbosity", "emit_ack", "set_filter", "remove_filter", "set_cluster_filter"]),
    ("node", &["start_app", "pause_app"]),
    ("storage", &["write", "remove"]),
    ("unicorn", &["put", "create", "del", "remove", "increment"]),
];

/// Returns the methods of a service whose calls run to their ends.
pub(super) fn methods_to_complete(service: &str) -> &'static [&'static str] {
    CHANGES.iter().find(|(name, _)| *name == service).map_or(&[], |(_, methods)| methods)
}

#[cfg(test)]
mod tests {
    use cocaine::{
        bind::{ServiceClient, ServiceSpec},
        graph::CallKind,
    };
    use cocaine_bindings::{
        CacheClient, ChronoClient, GeobaseClient, LocatorClient, LoggingClient, LoggingV2Client, NodeClient,
        StorageClient, UnicornClient,
    };

    use super::*;

    fn unary_methods(spec: &ServiceSpec) -> Vec<String> {
        let graph = spec.graph();
        let unary = graph
            .methods()
            .filter(|method| CallKind::of(&method.dispatch, &method.upstream) == CallKind::Unary);
        unary.map(|method| method.name.to_string()).collect()
    }

    #[test]
    fn every_change_is_a_unary_method() {
        let specs = [
            CacheClient::SPEC,
            ChronoClient::SPEC,
            GeobaseClient::SPEC,
            LocatorClient::SPEC,
            LoggingClient::SPEC,
            LoggingV2Client::SPEC,
            NodeClient::SPEC,
            StorageClient::SPEC,
            UnicornClient::SPEC,
        ];
        assert_eq!(
            CHANGES.iter().map(|(service, _)| *service).collect::<Vec<_>>(),
            specs.map(|spec| spec.name)
        );
        for spec in specs {
            let (methods, changes) = (unary_methods(spec), methods_to_complete(spec.name));
            assert!(
                changes.iter().all(|change| methods.iter().any(|method| method == change)),
                "{changes:?}"
            );
        }
    }
}
