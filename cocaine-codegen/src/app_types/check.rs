//! What no Rust can be made of.

use cocaine::schema::AppSchema;

use super::graph::TypeGraph;
use crate::error::{Problem, Result};

/// The most definitions that contain one another. The compiler has a limit of 128 levels for what it infers.
const MAX_DEPTH: usize = 64;

/// Fails for a schema of which no Rust can be made.
pub(super) fn check(app: &str, schema: &AppSchema, graph: &TypeGraph<'_>) -> Result<()> {
    let _ = schema;
    if graph.depth() > MAX_DEPTH {
        let message = format!(
            "its types contain one another {} levels deep; code is generated for at most {MAX_DEPTH}",
            graph.depth()
        );
        return Err(Problem::App { app: app.to_owned(), place: "types".to_owned(), message }.into());
    }
    Ok(())
}
