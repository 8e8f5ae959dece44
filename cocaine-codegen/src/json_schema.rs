//! JSON Schema for what a gateway takes and returns.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    catalogue::Catalogue,
    error::Result,
    json_rpc::{
        self, IntegerType, JsonDefinition, JsonType, MapKeys, MethodResult, ObjectType, Param, Params,
        Property, RpcMethod, RpcModel, TupleType,
    },
    metadata::Metadata,
};

/// Returns a JSON Schema (2020-12) for the apps of `metadata`, and for its services as `catalogue` describes them.
///
/// `$defs` has each type by its name, and for each method `NAME.METHOD.params` and `NAME.METHOD.result`: what a call of
/// JSON-RPC takes and returns. `x-cocaine-type` says what a type is in payloads, `x-cocaine-order` in which order the fields
/// of a struct stand there, and `x-cocaine-name` what a type is called in the schema of the app.
///
/// # Errors
///
/// Those of [`typescript`](crate::typescript()).
pub fn json_schema(metadata: &Metadata, catalogue: &Catalogue) -> Result<String> {
    let model = json_rpc::interface(metadata, catalogue, false)?;
    let writer = SchemaWriter::new(&model, Dialect::Draft202012);
    let mut definitions = writer.definitions(&model);
    for interface in &model.interfaces {
        for method in &interface.methods {
            let name = format!("{}.{}", interface.wire_name, method.wire_name);
            definitions.insert(format!("{name}.params"), writer.params(method));
            definitions.insert(format!("{name}.result"), writer.result(&method.result));
        }
    }
    let schema = "https://json-schema.org/draft/2020-12/schema";
    Ok(text(json!({ "$schema": schema, "$defs": definitions })))
}

/// Returns JSON as text, whose objects are sorted whatever features `serde_json` has.
pub(crate) fn text(value: Value) -> String {
    let written = serde_json::to_string_pretty(&sorted(value));
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default() + "\n"
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.into_iter().collect()
        }
        other => other,
    }
}

/// A version of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The version of 2020-12.
    Draft202012,
    /// Draft 7, which is that of `OpenRPC`.
    Draft7,
}

/// Writes schemas of types.
pub(crate) struct SchemaWriter<'a> {
    dialect: Dialect,
    /// The names of the types whose properties stand beside those of others, and that are therefore never closed.
    parts: BTreeSet<&'a str>,
}

impl<'a> SchemaWriter<'a> {
    pub(crate) fn new(model: &'a RpcModel, dialect: Dialect) -> Self {
        let mut parts = BTreeSet::new();
        model.definitions.iter().for_each(|definition| add_parts(&definition.ty, &mut parts));
        Self { dialect, parts }
    }

    /// Returns the schemas of the defined types by their names.
    pub(crate) fn definitions(&self, model: &RpcModel) -> Map<String, Value> {
        model
            .definitions
            .iter()
            .map(|definition| (definition.name.clone(), self.definition(definition)))
            .collect()
    }

    fn definition(&self, definition: &JsonDefinition) -> Value {
        let JsonDefinition { name, origin, docs, ty, numbers, .. } = definition;
        let schema = match ty {
            JsonType::Object(object) => {
                let is_closed = object.is_closed && !self.parts.contains(&**name);
                self.object(&ObjectType { is_closed, ..object.clone() })
            }
            ty => self.ty(ty),
        };
        let mut schema = described(schema, docs);
        schema.insert("x-cocaine-name".to_owned(), json!(origin));
        if !numbers.is_empty() {
            let numbers = numbers.iter().map(|of| {
                let value = i64::try_from(of.value)
                    .map_or_else(|_| json!(of.value.to_string()), |value| json!(value));
                (of.name.clone(), value)
            });
            schema.insert("x-cocaine-numbers".to_owned(), Value::Object(numbers.collect()));
        }
        Value::Object(schema)
    }

    /// Returns the schema of a type.
    pub(crate) fn ty(&self, ty: &JsonType) -> Value {
        match ty {
            JsonType::Value => json!({ "x-cocaine-type": "any" }),
            JsonType::Null => json!({ "type": "null" }),
            JsonType::Boolean => json!({ "type": "boolean" }),
            JsonType::Integer(integer) => self::integer(integer),
            JsonType::Float => {
                let form = form("$float", &json!({ "enum": ["NaN", "inf", "-inf"] }));
                json!({ "anyOf": [{ "type": "number" }, form], "x-cocaine-type": "float" })
            }
            JsonType::Text => json!({ "type": "string" }),
            JsonType::Character => {
                json!({ "type": "string", "minLength": 1, "maxLength": 1, "x-cocaine-type": "char" })
            }
            JsonType::Base64 => base64(),
            JsonType::RawBytes => json!({ "anyOf": [{ "type": "string" }, form("$bytes", &base64())] }),
            JsonType::Literal(text) => json!({ "const": text }),
            JsonType::Nullable(of) => json!({ "anyOf": [self.ty(of), { "type": "null" }] }),
            JsonType::List(of) => json!({ "type": "array", "items": self.ty(of) }),
            JsonType::Array(of, len) => {
                json!({ "type": "array", "items": self.ty(of), "minItems": len, "maxItems": len })
            }
            JsonType::Tuple(tuple) => self.tuple(tuple),
            JsonType::Map(keys, of) => {
                let mut schema = json!({ "type": "object", "additionalProperties": self.ty(of) });
                if let Some(names) = key_names(*keys) {
                    schema["propertyNames"] = names;
                }
                schema
            }
            JsonType::Pairs(key, value) => self.pairs(key, value),
            JsonType::MapForm(key, value) => {
                let empty = json!({ "type": "object", "maxProperties": 0 });
                json!({ "anyOf": [form("$map", &self.pairs(key, value)), empty] })
            }
            JsonType::Object(object) => self.object(object),
            JsonType::Union(_) => self.union(ty),
            JsonType::Named(name) => self.reference(name),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match self.dialect {
            Dialect::Draft202012 => json!({ "$ref": format!("#/$defs/{name}") }),
            Dialect::Draft7 => json!({ "$ref": format!("#/components/schemas/{name}") }),
        }
    }

    fn union(&self, ty: &JsonType) -> Value {
        let JsonType::Union(alternatives) = ty else { return self.ty(ty) };
        let has_docs = alternatives.iter().any(|alternative| !alternative.docs.is_empty());
        let literal = |ty: &JsonType| if let JsonType::Literal(text) = ty { Some(json!(text)) } else { None };
        let literals: Option<Vec<_>> =
            alternatives.iter().map(|alternative| literal(&alternative.ty)).collect();
        match literals {
            Some(literals) if literals.is_empty() => json!({ "not": {} }),
            Some(literals) if !has_docs => json!({ "enum": literals }),
            _ => {
                let schema = |docs: &[String], ty| Value::Object(described(self.ty(ty), docs));
                let schemas: Vec<_> = alternatives.iter().map(|of| schema(&of.docs, &of.ty)).collect();
                json!({ "anyOf": schemas })
            }
        }
    }

    fn tuple(&self, tuple: &TupleType) -> Value {
        let item = |(name, ty): &(Option<String>, JsonType)| {
            let mut schema = self.ty(ty);
            // Draft 7 reads nothing beside a reference.
            if let (Some(name), None) = (name, schema.get("$ref")) {
                schema["title"] = json!(name);
            }
            schema
        };
        let items: Vec<_> = tuple.items.iter().map(item).collect();
        if items.is_empty() {
            return json!({ "type": "array", "maxItems": 0 });
        }
        let (least, most) = (tuple.required, items.len());
        match self.dialect {
            Dialect::Draft202012 => {
                json!({ "type": "array", "prefixItems": items, "items": false, "minItems": least, "maxItems": most })
            }
            Dialect::Draft7 => {
                json!({ "type": "array", "items": items, "additionalItems": false, "minItems": least, "maxItems": most })
            }
        }
    }

    fn pairs(&self, key: &JsonType, value: &JsonType) -> Value {
        json!({ "type": "array", "items": self.tuple(&pair(key, value)) })
    }

    fn object(&self, object: &ObjectType) -> Value {
        let mut schema = self.properties(&object.properties);
        let further = match &object.rest {
            Some(rest) => Some(self.ty(rest)),
            None => object.is_closed.then_some(Value::Bool(false)),
        };
        if object.parts.is_empty() {
            schema.extend(further.map(|further| ("additionalProperties".to_owned(), further)));
            return Value::Object(schema);
        }
        let parts = object.parts.iter().map(|part| {
            let schema = self.ty(&part.ty);
            if part.is_optional { json!({ "anyOf": [schema, true] }) } else { schema }
        });
        let mut all = schema.remove("allOf").and_then(|all| all.as_array().cloned()).unwrap_or_default();
        all.extend(parts);
        schema.insert("allOf".to_owned(), Value::Array(all));
        // Draft 7 cannot say which properties the parts leave.
        if self.dialect == Dialect::Draft202012 {
            schema.extend(further.map(|further| ("unevaluatedProperties".to_owned(), further)));
        }
        Value::Object(schema)
    }

    fn properties(&self, properties: &[Property]) -> Map<String, Value> {
        let (mut members, mut required, mut aliased) = (Map::new(), Vec::new(), Vec::new());
        for of in properties {
            let schema = self.ty(&of.ty);
            for alias in &of.aliases {
                members.entry(alias).or_insert_with(|| Value::Object(described(schema.clone(), &[])));
            }
            members.insert(of.name.clone(), Value::Object(described(schema, &of.docs)));
            if of.is_required && of.aliases.is_empty() {
                required.push(&of.name);
            } else if of.is_required {
                let names = [&of.name].into_iter().chain(&of.aliases);
                aliased.push(
                    json!({ "anyOf": names.map(|name| json!({ "required": [name] })).collect::<Vec<_>>() }),
                );
            }
        }
        let order: Vec<_> = properties.iter().map(|of| &of.name).collect();
        let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
        if !properties.is_empty() {
            schema.insert("x-cocaine-order".to_owned(), json!(order));
            schema.insert("properties".to_owned(), Value::Object(members));
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !aliased.is_empty() {
            schema.insert("allOf".to_owned(), Value::Array(aliased));
        }
        schema
    }

    /// Returns the schema of the `params` of a call.
    fn params(&self, method: &RpcMethod) -> Value {
        match &method.params {
            Params::Unknown => json!({ "type": "array" }),
            Params::Positional(params) => {
                let items = params.iter().map(|param| (Some(param.name.clone()), param.ty.clone()));
                let required = params.iter().filter(|param| param.is_required).count();
                self.tuple(&TupleType { items: items.collect(), required })
            }
            Params::Named(params) => {
                let mut properties: Vec<_> = params.iter().map(property).collect();
                properties.extend(input(method));
                self.object(&ObjectType { properties, is_closed: true, ..ObjectType::default() })
            }
        }
    }

    /// Returns the schema of the `result` of a call.
    pub(crate) fn result(&self, result: &MethodResult) -> Value {
        match result {
            MethodResult::Nothing(ty) | MethodResult::Value(ty) => self.ty(ty),
            MethodResult::Stream(ty) => json!({ "type": "array", "items": self.ty(ty) }),
        }
    }
}

fn property(param: &Param) -> Property {
    Property { is_required: param.is_required, ..Property::new(&*param.wire_name, param.ty.clone()) }
}

/// Returns the member of `params` with the items that a caller streams.
pub(crate) fn input(method: &RpcMethod) -> Option<Property> {
    let ty = method.input.clone()?;
    Some(Property::new(json_rpc::INPUT, JsonType::List(Box::new(ty))))
}

fn pair(key: &JsonType, value: &JsonType) -> TupleType {
    TupleType { items: vec![(None, key.clone()), (None, value.clone())], required: 2 }
}

/// Adds docs to a schema.
fn described(schema: Value, docs: &[String]) -> Map<String, Value> {
    let mut schema = if let Value::Object(schema) = schema { schema } else { Map::new() };
    let docs = docs.join("\n");
    if !docs.is_empty() {
        schema.insert("description".to_owned(), Value::String(docs));
    }
    schema
}

/// Returns the schema of an object with one member.
fn form(name: &str, content: &Value) -> Value {
    json!({ "type": "object", "properties": { name: content }, "required": [name], "additionalProperties": false })
}

fn base64() -> Value {
    json!({ "type": "string", "contentEncoding": "base64", "x-cocaine-type": "bytes" })
}

fn integer(integer: &IntegerType) -> Value {
    let bound = |bound: i128| match (u64::try_from(bound), i64::try_from(bound)) {
        (Ok(bound), _) => json!(bound),
        (_, bound) => json!(bound.unwrap_or(i64::MIN)),
    };
    let mut schema =
        json!({ "type": "integer", "minimum": bound(integer.min), "maximum": bound(integer.max) });
    if integer.is_nonzero {
        schema["not"] = json!({ "const": 0 });
    }
    if integer.has_text_form {
        let pattern = if integer.min < 0 { "^-?[0-9]+$" } else { "^[0-9]+$" };
        schema = json!({ "anyOf": [schema, { "type": "string", "pattern": pattern }] });
    }
    schema["x-cocaine-type"] = json!(integer.name);
    schema
}

/// Returns the schema of the keys of a map, unless they are any texts.
fn key_names(keys: MapKeys) -> Option<Value> {
    Some(match keys {
        MapKeys::Text => return None,
        MapKeys::Character => json!({ "minLength": 1, "maxLength": 1 }),
        MapKeys::Integer => json!({ "pattern": "^-?[0-9]+$" }),
        MapKeys::Boolean => json!({ "enum": ["false", "true"] }),
    })
}

fn add_parts<'t>(ty: &'t JsonType, parts: &mut BTreeSet<&'t str>) {
    if let JsonType::Object(object) = ty {
        for part in &object.parts {
            if let JsonType::Named(name) = &part.ty {
                parts.insert(name);
            }
        }
    }
    ty.for_each_part(&mut |of| add_parts(of, parts));
}
