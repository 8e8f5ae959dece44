//! The schemas of all types of the table, compared with golden files. `BLESS=1` rewrites them, but not where `CI` is set.

use std::{collections::BTreeMap, env, fs, path::Path};

use cocaine::{
    Schema,
    schema::{Definitions, TypeSchema},
};

use crate::types::{
    Action, Borrowed, Chain, Color, Empty, Folder, Foreign, Generic, Key, Link, List, Message, Meters, Names,
    Namesakes, Never, Page, Settings, Shape, Standard, Tree, Unit, Version,
};

type Table = BTreeMap<&'static str, TypeSchema>;

macro_rules! table {
    ($($type:ty),* $(,)?) => { Table::from([$((stringify!($type), TypeSchema::of::<$type>())),*]) };
}

#[test]
fn schemas_are_as_recorded() {
    let table = table!(
        Action,
        Borrowed<'static>,
        Chain,
        Color,
        Empty,
        Folder,
        Foreign,
        Generic,
        Key,
        Link,
        List,
        Message,
        Meters,
        Names,
        Namesakes,
        Never,
        Page,
        Settings,
        Shape,
        Standard,
        Tree,
        Unit,
        Version
    );
    let text = serde_json::to_string_pretty(&table).unwrap() + "\n";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/golden.json");
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(&golden, &text).unwrap();
    }
    let same = fs::read_to_string(&golden).is_ok_and(|expected| expected == text);
    assert!(same, "{} differs; look at the change, then run with BLESS=1", golden.display());
    let read: BTreeMap<String, TypeSchema> = serde_json::from_str(&text).unwrap();
    assert!(read.values().eq(table.values()), "what is read is what was written");
}

#[test]
fn schema_travels_in_a_payload() {
    for schema in table!(Action, Standard, Shape, List, Key).into_values() {
        let bytes = cocaine::msgpack::to_vec(&schema).unwrap();
        assert_eq!(cocaine::msgpack::from_slice::<TypeSchema>(&bytes).unwrap(), schema);
    }
}

#[test]
fn namesakes_within_functions_are_told_apart() {
    #[derive(Schema)]
    struct Local(u16);
    fn define_inner(definitions: &mut Definitions) {
        #[derive(Schema)]
        struct Local(u32);
        Local::schema(definitions);
    }
    let mut definitions = Definitions::default();
    Local::schema(&mut definitions);
    define_inner(&mut definitions);
    Local::schema(&mut definitions);
    let names: Vec<_> = definitions.types().keys().collect();
    assert_eq!(names, ["schema::golden::Local", "schema::golden::Local#2"]);
}
