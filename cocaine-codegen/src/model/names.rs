//! The names of a service's items.

use super::TypeNames;
use crate::naming::{self, NameScope};

/// Names the traits, the client, the serving side and the double; `camel` is the service's name, `sessions` whether a second
/// trait is needed.
///
/// They are named together, so that `Storage` never goes with `StorageClient2`.
pub(super) fn service(camel: &str, sessions: bool, types: &mut NameScope) -> TypeNames {
    let mut stem = camel.to_owned();
    let mut repeat = 1;
    loop {
        let candidate = candidate_names(&stem, sessions);
        let TypeNames { caller_trait, server, client, serve, double, table } = &candidate;
        let all: Vec<_> = [caller_trait, client, serve, double, table].into_iter().chain(server).collect();
        let hides_runtime = all.iter().any(|name| naming::is_taken_type(name));
        if !hides_runtime && types.are_free(all.iter().copied()) {
            for name in all {
                types.claim(name.clone(), "");
            }
            return candidate;
        }
        repeat += 1;
        stem = if repeat == 2 { format!("{camel}Service") } else { format!("{camel}Service{repeat}") };
    }
}

fn candidate_names(stem: &str, sessions: bool) -> TypeNames {
    let table = naming::snake(stem, "table").to_ascii_uppercase();
    TypeNames {
        caller_trait: stem.to_owned(),
        server: sessions.then(|| format!("{stem}Server")),
        client: format!("{stem}Client"),
        serve: format!("Serve{stem}"),
        double: format!("{stem}Double"),
        // `A` can name a trait and a static, but a link to it in docs would be ambiguous.
        table: if table == stem { format!("{table}_SPEC") } else { table },
    }
}

/// Claims `wanted` for a type.
pub(super) fn state(wanted: String, types: &mut NameScope) -> String {
    let wanted = if naming::is_taken_type(&wanted) { format!("{wanted}State") } else { wanted };
    types.claim(wanted, "")
}
