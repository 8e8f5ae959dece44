//! Metadata in, Rust out, byte by byte. `BLESS=1` rewrites what is expected, but not where `CI` is set.

mod machine;

use std::{env, fs, path::Path};

use cocaine_codegen::{Catalogue, Metadata, Options, OutputLayout, dot, dump, generate};

use self::machine::{Machine, driver::driver};

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

/// Generates `tests/golden/NAME.rs` and `NAME.doubles.rs` from `NAME.json`, and `NAME.catalogue.rs` where there is one.
fn golden(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let metadata = Metadata::from_json(&read(&folder.join(format!("{name}.json")))).unwrap();
    let own = folder.join(format!("{name}.catalogue.rs"));
    let mut catalogue = Catalogue::builtin();
    if own.exists() {
        catalogue =
            Catalogue::parse(&format!("{name}.catalogue.rs"), &read(&own)).unwrap().with_fallback(catalogue);
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
    let doubles = Options { doubles_of: Some(format!("crate::from_{name}")), ..Options::default() };
    let doubles = generate(&metadata, &catalogue, &doubles).unwrap();
    compare(&folder.join(format!("{name}.doubles.rs")), &doubles.files[0].text);
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

/// Apps with every shape of events, with hostile names, and with the name of a service.
#[test]
fn apps() {
    golden("apps");
}

/// The same apps with types of the user's.
#[test]
fn apps_with_own_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let metadata = Metadata::from_json(&read(&folder.join("apps.json"))).unwrap();
    let options = Options { types: Some("crate::dto".to_owned()), ..Options::default() };
    let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
    compare(&folder.join("apps.own_types.rs"), &output.files[0].text);
}

/// Trees that are nested, recursive, wide and deep, and the code with which `properties` walks over them.
#[test]
fn trees() {
    golden("trees");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let machine = Machine::read(&syn::parse_file(&read(&folder.join("trees.rs"))).unwrap());
    compare(&folder.join("trees.walk.rs"), &driver(&machine));
}

/// Every kind of tree as text and as a picture, with names that could break either.
#[test]
fn shown() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let metadata = Metadata::from_json(&read(&folder.join("shown.json"))).unwrap();
    compare(&folder.join("shown.txt"), &dump(&metadata));
    compare(&folder.join("shown.dot"), &dot(&metadata));
}

/// What is committed in `bindings` is what its metadata gives.
#[test]
fn bindings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings");
    let text = read(&folder.join("metadata.json"));
    let metadata = Metadata::from_json(&text).unwrap();
    assert_eq!(metadata.to_json(), text);
    for (doubles_of, part) in [(None, "services"), (Some("crate".to_owned()), "doubles")] {
        let options =
            Options { layout: OutputLayout::FilePerService, strict: true, doubles_of, ..Options::default() };
        let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
        let part = folder.join("src").join(part);
        for file in &output.files {
            compare(&part.join(&file.name), &file.text);
        }
        let files = fs::read_dir(&part).unwrap();
        assert_eq!(output.files.len(), files.count(), "a file too many in {}", part.display());
    }
}
