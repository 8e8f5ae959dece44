//! The generator on 1,000 services.

use anyhow::{Result, ensure};
use cocaine_codegen::{Catalogue, Metadata, Options, generate};

const SERVICES: usize = 1000;
const METHODS: usize = 20;

/// Generates bindings for 1,000 services of 20 methods that no catalogue describes.
pub fn generate_bindings() -> Result<()> {
    let metadata = Metadata::from_json(&metadata())?;
    let output = generate(&metadata, &Catalogue::builtin(), &Options::default())?;
    let methods = output.files[0].text.matches("upstream:").count();
    ensure!(methods == SERVICES * METHODS, "{methods} methods were generated");
    Ok(())
}

fn metadata() -> String {
    let primitive = r#"{"0": ["value", {}], "1": ["error", {}]}"#;
    let streaming = r#"{"0": ["write", null], "1": ["error", {}], "2": ["close", {}]}"#;
    let method = |id: usize| {
        let upstream = if id.is_multiple_of(4) { streaming } else { primitive };
        let dispatch = if id.is_multiple_of(10) { streaming } else { "{}" };
        format!(r#""{id}": ["method_{id}", {dispatch}, {upstream}]"#)
    };
    let graph = (0..METHODS).map(method).collect::<Vec<_>>().join(", ");
    let service = |id| format!(r#""service_{id}": {{"version": 1, "graph": {{{graph}}}}}"#);
    let services = (0..SERVICES).map(service).collect::<Vec<_>>().join(", ");
    format!(r#"{{"services": {{{services}}}}}"#)
}
