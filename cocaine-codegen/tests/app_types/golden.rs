//! The table of types: schemas in, Rust out. `BLESS=1` rewrites what is expected, but not where `CI` is set.

use std::{collections::BTreeMap, env, fs, path::Path};

use cocaine::schema::{AppSchema, TypeSchema};
use cocaine_codegen::generate_types;

/// Returns the runtime's table of types.
pub(crate) fn schemas() -> BTreeMap<String, TypeSchema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cocaine-rt/tests/schema/golden.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Compares `text` with the golden file `expected`.
pub(crate) fn compare(expected: &Path, text: &str) {
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(expected, text).unwrap();
    }
    let same = fs::read_to_string(expected).is_ok_and(|expected| expected == text);
    assert!(same, "{} differs; look at the change, then run with BLESS=1", expected.display());
}

#[test]
fn table_becomes_rust_as_recorded() {
    let types = schemas().into_values().flat_map(|schema| schema.types).collect();
    let schema = AppSchema { types, ..AppSchema::default() };
    let text = generate_types("table", &schema).unwrap();
    assert_eq!(generate_types("table", &schema).unwrap(), text);
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/types.rs"), &text);
}
