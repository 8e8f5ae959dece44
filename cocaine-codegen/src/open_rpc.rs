//! `OpenRPC`, the description of what a gateway offers as JSON-RPC.

use serde_json::{Map, Value, json};

use crate::{
    catalogue::Catalogue,
    error::Result,
    json_rpc::{self, DeclaredError, ErrorType, Interface, Param, Params, RpcMethod, RpcModel},
    json_schema::{Dialect, SchemaWriter, input, text},
    metadata::Metadata,
};

/// The version of `OpenRPC`.
const VERSION: &str = "1.3.2";

/// Returns a document of `OpenRPC` for the apps of `metadata`, and for its services as `catalogue` describes them.
///
/// Arguments of apps are by name, and of services by position. What JSON-RPC cannot call is left out. Types are those of
/// [`json_schema`](crate::json_schema()), in the version of JSON Schema that `OpenRPC` uses.
///
/// # Errors
///
/// Those of [`typescript`](crate::typescript()).
pub fn open_rpc(metadata: &Metadata, catalogue: &Catalogue) -> Result<String> {
    let model = json_rpc::interface(metadata, catalogue, false)?;
    let writer = SchemaWriter::new(&model, Dialect::Draft7);
    let names: Vec<_> = model.interfaces.iter().map(|interface| &*interface.wire_name).collect();
    let methods: Vec<_> = (model.interfaces.iter())
        .flat_map(|interface| interface.methods.iter().map(move |method| (interface, method)))
        .map(|(interface, method)| describe(interface, method, &model, &writer))
        .collect();
    Ok(text(json!({
        "openrpc": VERSION,
        "info": {
            "title": names.join(", "),
            "description": "Each request needs the header `X-Cocaine-JSON-RPC`.",
            "version": "1",
        },
        "methods": methods,
        "components": { "schemas": writer.definitions(&model) },
    })))
}

fn describe(interface: &Interface, method: &RpcMethod, model: &RpcModel, writer: &SchemaWriter<'_>) -> Value {
    let mut document = Map::new();
    let mut add = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
    add("name", json!(format!("{}.{}", interface.wire_name, method.wire_name)));
    let (structure, mut params) = match &method.params {
        Params::Named(params) => ("by-name", descriptors(params, writer)),
        Params::Positional(params) => ("by-position", descriptors(params, writer)),
        Params::Unknown => {
            add("x-cocaine-params", json!("any"));
            ("by-position", Vec::new())
        }
    };
    if let Some(input) = input(method) {
        let description = "The items that the caller streams.";
        params.push(json!({
            "name": input.name, "description": description, "required": true, "schema": writer.ty(&input.ty),
        }));
    }
    add("paramStructure", json!(structure));
    add("params", Value::Array(params));
    add("result", json!({ "name": "result", "schema": writer.result(&method.result) }));
    if let Some(summary) = method.docs.first() {
        add("summary", json!(summary));
        add("description", json!(method.docs.join("\n")));
    }
    let error = model.errors.iter().find(|error| Some(&error.name) == method.error.as_ref());
    if let Some(error) = error {
        add("errors", errors(error));
    }
    Value::Object(document)
}

fn descriptors(params: &[Param], writer: &SchemaWriter<'_>) -> Vec<Value> {
    let descriptor = |param: &Param| json!({ "name": param.wire_name, "required": param.is_required, "schema": writer.ty(&param.ty) });
    params.iter().map(descriptor).collect()
}

fn errors(error: &ErrorType) -> Value {
    let declared = |DeclaredError { name, docs, category, code }: &DeclaredError| {
        let message = docs.first().unwrap_or(name);
        json!({ "code": code, "message": message, "data": { "category": category, "code": code, "name": name } })
    };
    error.variants.iter().map(declared).collect()
}
