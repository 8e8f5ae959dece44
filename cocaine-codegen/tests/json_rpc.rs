//! Metadata in, TypeScript, JSON Schema and `OpenRPC` out, byte by byte. `BLESS=1` rewrites what is expected, but not where `CI` is set. Whether it
//! compiles and does what it says is tested by `.ci/typescript`.

use std::{collections::BTreeMap, env, fs, path::Path};

use cocaine::schema::{AppSchema, ArgumentSchema, EventOutput, EventSchema, TypeSchema};
use cocaine_codegen::{Catalogue, Metadata, json_schema, open_rpc, typescript};

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/json_rpc").join(name);
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(&path, text).unwrap();
    }
    let same = fs::read_to_string(&path).is_ok_and(|expected| expected == text);
    assert!(same, "{} differs; look at the change, then run with BLESS=1", path.display());
}

fn metadata(name: &str) -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    Metadata::from_json(&read(&path)).unwrap()
}

fn generated(metadata: &Metadata) -> String {
    let output = typescript(metadata, &Catalogue::builtin(), false).unwrap();
    assert_eq!(output, typescript(metadata, &Catalogue::builtin(), false).unwrap());
    output.files.into_iter().map(|file| file.text).collect()
}

/// Compares all that is made of `NAME.json`.
fn compare(name: &str) {
    let metadata = metadata(&format!("json_rpc/{name}.json"));
    golden(&format!("{name}.ts"), &generated(&metadata));
    golden(&format!("{name}.schema.json"), &json_schema(&metadata, &Catalogue::builtin()).unwrap());
    golden(&format!("{name}.openrpc.json"), &open_rpc(&metadata, &Catalogue::builtin()).unwrap());
}

#[test]
fn app() {
    compare("shortener");
}

/// Flattened fields, aliases, one-way variants, keys that are texts, and lengths that are no part of a type.
#[test]
fn forms_that_the_table_lacks() {
    compare("forms");
}

#[test]
fn names_that_are_code_elsewhere() {
    compare("hostile");
}

#[test]
fn services() {
    golden("services.ts", &generated(&metadata("../../../bindings/metadata.json")));
}

/// An app with an event for each type of the table with which the schemas are tested.
fn table() -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cocaine-rt/tests/schema/golden.json");
    let types: BTreeMap<String, TypeSchema> = serde_json::from_str(&read(&path)).unwrap();
    let mut app = AppSchema::default();
    for (name, TypeSchema { root, types, .. }) in types {
        let event = EventSchema {
            arguments: vec![ArgumentSchema { name: "value".to_owned(), ty: root.clone() }],
            output: EventOutput::Reply(root),
            ..EventSchema::default()
        };
        app.events.insert(name, event);
        app.types.extend(types);
    }
    Metadata { apps: BTreeMap::from([("table".to_owned(), app)]), ..Metadata::default() }
}

#[test]
fn each_type() {
    let table = table();
    golden("table.ts", &generated(&table));
    golden("table.schema.json", &json_schema(&table, &Catalogue::builtin()).unwrap());
}

#[test]
fn mistakes_of_a_schema_are_named() {
    let json = r#"{"services": {}, "apps": {"shop": {"schema": 1, "events": {
        "buy": {"output": {"reply": {"list": {"named": "Receipt"}}}, "error": "BuyError"},
        "sell": {"arguments": [{"name": "$input", "type": "u8"}], "input": "u8"}
    }, "types": {
        "Item": {"shape": {"struct": {"fields": [
            {"name": "id", "type": {"option": {"named": "Id"}}}, {"name": "key", "aliases": ["id"], "type": "u8"}
        ]}}}
    }}}}"#;
    let metadata = Metadata::from_json(json).unwrap();
    let error = typescript(&metadata, &Catalogue::default(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "app `shop`, event `buy`: the type `Receipt` is not defined\n\
         app `shop`, event `buy`: the errors `BuyError` are not defined\n\
         app `shop`, event `sell`: two arguments are called `$input`\n\
         app `shop`, type `Item`: the type `Id` is not defined\n\
         app `shop`, type `Item`: two fields are called `id`"
    );
}
