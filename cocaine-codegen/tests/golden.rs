//! Metadata in, Rust out, byte by byte. `BLESS=1` rewrites what is expected, but not where `CI` is set.

use std::{env, fs, path::Path};

use cocaine_codegen::{Catalogue, Layout, Metadata, Options, generate};

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compare(expected: &Path, text: &str) {
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(expected, text).unwrap();
    }
    let same = read(expected) == text;
    assert!(same, "{} differs; look at the change, then run with BLESS=1", expected.display());
}

/// Generates `tests/golden/NAME.rs` from `NAME.json`, and `NAME.catalogue.rs` where there is one.
fn golden(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let metadata = Metadata::from_json(&read(&folder.join(format!("{name}.json")))).unwrap();
    let own = folder.join(format!("{name}.catalogue.rs"));
    let mut catalogue = Catalogue::builtin();
    if own.exists() {
        catalogue = Catalogue::parse(&format!("{name}.catalogue.rs"), &read(&own)).unwrap().over(catalogue);
    }
    let output = generate(&metadata, &catalogue, &Options::default()).unwrap();
    let again = generate(&metadata, &catalogue, &Options::default()).unwrap();
    assert_eq!(output, again);
    compare(&folder.join(format!("{name}.rs")), &output.files[0].text);
    let mut warnings = String::new();
    for warning in &output.warnings {
        warnings.push_str(&warning.to_string());
        warnings.push('\n');
    }
    compare(&folder.join(format!("{name}.warnings")), &warnings);
}

#[test]
fn recorded() {
    golden("recorded");
}

#[test]
fn isolate() {
    golden("isolate");
}

/// Names that are keywords, that clash, or that no Rust name can be.
#[test]
fn hostile() {
    golden("hostile");
}

/// Trees that are nested, recursive, wide and deep, which `properties` walks over.
#[test]
fn trees() {
    golden("trees");
}

/// What is committed in `bindings` is what its metadata gives.
#[test]
fn bindings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings");
    let text = read(&folder.join("metadata.json"));
    let metadata = Metadata::from_json(&text).unwrap();
    assert_eq!(metadata.to_json(), text);
    let options = Options { layout: Layout::Folder, strict: true };
    let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
    for file in output.files {
        compare(&folder.join("src/services").join(file.name), &file.text);
    }
}
