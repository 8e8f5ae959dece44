//! TypeScript for the JSON-RPC of a gateway: types, a client for each service and app, and what they call with.
//!
//! The output needs nothing but `fetch`, and so runs in browsers, Node.js and Deno. Its types have only syntax that can be
//! erased.

mod clients;
mod text;
mod types;

use crate::{
    catalogue::Catalogue,
    emit::format::HEADER,
    error::Result,
    generate::{GeneratedFile, Output},
    json_rpc,
    metadata::Metadata,
};

/// What all clients call with.
const CORE: &str = include_str!("typescript/core.ts");

/// Returns TypeScript for the services of `metadata`, as `catalogue` describes them, and for its apps: one file, whose
/// clients call them through the JSON-RPC of a gateway.
///
/// Methods that JSON-RPC cannot call are left out, and named in the docs of the client. The same input gives the same bytes.
///
/// # Errors
///
/// Those of [`generate`](crate::generate()); `strict` makes warnings errors. A schema that refers to a type and does not
/// define it.
pub fn typescript(metadata: &Metadata, catalogue: &Catalogue, strict: bool) -> Result<Output> {
    let model = json_rpc::interface(metadata, catalogue, strict)?;
    let mut text = format!("{HEADER}{CORE}");
    for definition in &model.definitions {
        text.push('\n');
        text.push_str(&types::definition(definition));
    }
    for error in &model.errors {
        text.push('\n');
        text.push_str(&types::error(error));
    }
    for interface in &model.interfaces {
        text.push('\n');
        text.push_str(&clients::client(interface));
    }
    Ok(Output { files: vec![GeneratedFile { name: String::new(), text }], warnings: model.warnings })
}
