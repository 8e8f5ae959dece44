//! The committed files are what the generator makes of the worker's schema.

use std::{collections::BTreeMap, env, fs, path::Path};

use cocaine_codegen::{Catalogue, Metadata, Options, generate};

use crate::worker::schema;

fn check(file: &str, doubles_of: Option<&str>) {
    let apps = BTreeMap::from([("shop".to_owned(), schema())]);
    let metadata = Metadata { apps, ..Metadata::default() };
    let options = Options { doubles_of: doubles_of.map(str::to_owned), ..Options::default() };
    let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/typed").join(file);
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "generated files are not rewritten where CI is set");
        fs::write(&path, &output.files[0].text).unwrap();
    }
    let is_same = fs::read_to_string(&path).unwrap() == output.files[0].text;
    assert!(is_same, "{file} differs; look at the change, then run with BLESS=1");
}

#[test]
fn client_is_what_the_generator_writes() {
    check("shop.rs", None);
}

#[test]
fn double_is_what_the_generator_writes() {
    check("shop_doubles.rs", Some("crate::shop"));
}
