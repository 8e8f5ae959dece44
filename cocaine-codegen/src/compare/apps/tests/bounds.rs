//! Schemas that nobody means well with.

use std::collections::BTreeMap;

use cocaine::schema::{
    AppSchema, ArgumentSchema, Definition, EventSchema, Field, Shape, StructDefinition, Type,
};

use super::super::{AppRule, BUDGET, compare_apps, compare_within, comparer::Budget, difference_table};

fn structure(fields: Vec<Field>) -> Definition {
    let definition = StructDefinition { fields, deny_unknown_fields: false };
    Definition { doc: String::new(), shape: Shape::Struct(definition) }
}

fn named(name: impl Into<String>) -> Type {
    Type::Named(name.into())
}

fn event(ty: Type) -> EventSchema {
    EventSchema { arguments: vec![ArgumentSchema { name: "a".to_owned(), ty }], ..EventSchema::default() }
}

fn schema(events: usize, ty: &Type, types: BTreeMap<String, Definition>) -> AppSchema {
    let events = (0..events).map(|index| (format!("e{index:05}"), event(ty.clone()))).collect();
    AppSchema { events, types, ..AppSchema::default() }
}

#[test]
fn recursive_types_are_compared_once() {
    let tree = |value: Type| {
        let children = Field::new("children", Type::List(Box::new(named("Tree"))));
        let types = [("Tree".to_owned(), structure(vec![Field::new("value", value), children]))];
        schema(1, &named("Tree"), types.into())
    };
    let differences = compare_apps("app", &tree(Type::U8), &tree(Type::U16));
    let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "wire (forward): app.e00000 arguments.a.value: int-widened: the integer holds more values: expected u8, found u16"
        ]
    );
}

/// How many types a chain has.
const DEPTH: usize = 100_000;

/// A name may have no definition, a newtype may be itself, and a chain of types may be longer than a stack is deep.
#[test]
fn senseless_and_deep_types_exhaust_nothing() {
    let newtype = |of: Type| Definition { doc: String::new(), shape: Shape::Newtype(of) };
    let mut types: BTreeMap<_, _> =
        [("Self".to_owned(), newtype(named("Self"))), ("Gone".to_owned(), newtype(named("Nowhere")))].into();
    types.insert(
        "Flat".to_owned(),
        structure(vec![Field { flatten: true, ..Field::new("f", named("Flat")) }]),
    );
    for index in 0..DEPTH {
        let next = Field::new("next", named(format!("T{}", index + 1)));
        types.insert(format!("T{index}"), structure(vec![next]));
    }
    let leaf = |ty: Type| {
        let mut types = types.clone();
        types.insert(format!("T{DEPTH}"), structure(vec![Field::new("leaf", ty)]));
        let arguments = ["Self", "Gone", "Flat", "T0"]
            .map(|name| ArgumentSchema { name: name.to_owned(), ty: named(name) });
        let event = EventSchema { arguments: arguments.into(), ..EventSchema::default() };
        AppSchema { events: [("e".to_owned(), event)].into(), types, ..AppSchema::default() }
    };
    let differences = compare_apps("app", &leaf(Type::U8), &leaf(Type::U16));
    let [difference] = &differences[..] else { panic!("{} differences", differences.len()) };
    assert_eq!(difference.rule, AppRule::IntWidened);
    assert!(
        difference.path.starts_with('…') && difference.path.ends_with(".next.leaf"),
        "{}",
        difference.path
    );
    assert!(difference.path.len() < 200);
}

#[test]
fn too_many_differences_are_no_compatibility() {
    let wide = |ty: &Type| {
        let fields = (0..100).map(|index| Field::new(format!("f{index}"), ty.clone())).collect();
        schema(1_000, &named("Wide"), [("Wide".to_owned(), structure(fields))].into())
    };
    let differences = compare_apps("app", &wide(&Type::U8), &wide(&Type::U16));
    assert_eq!(differences.len(), BUDGET.findings + 1);
    assert!(
        differences
            .iter()
            .any(|difference| difference.rule == AppRule::TooManyDifferences && difference.breaks_callers())
    );
    // Even if none was found.
    let same = wide(&Type::U8);
    assert_eq!(compare_apps("app", &same, &same), []);
    let differences = compare_within("app", &same, &same, Budget { steps: 50, findings: 10 });
    let rules: Vec<_> = differences.iter().map(|difference| difference.rule).collect();
    assert_eq!(rules, [AppRule::TooManyDifferences]);
}

/// Types that differ in nothing are compared once, however many events use them.
#[test]
fn many_events_of_many_types_are_compared() {
    let types = |ty: Type| {
        let fields = |index: usize| {
            let next = Field::new("next", Type::Option(Box::new(named(format!("T{}", (index + 1) % 200)))));
            (0..30).map(|index| Field::new(format!("f{index}"), Type::Text)).chain([next]).collect()
        };
        let mut schema = schema(
            2_000,
            &named("T0"),
            (0..200).map(|index| (format!("T{index}"), structure(fields(index)))).collect(),
        );
        schema.events.insert("z".to_owned(), event(ty));
        schema
    };
    let differences = compare_apps("app", &types(Type::U8), &types(Type::U16));
    let rules: Vec<_> = differences.iter().map(|difference| difference.rule).collect();
    assert_eq!(rules, [AppRule::IntWidened]);
}

#[test]
fn hostile_names_stay_on_their_line() {
    let name = "\n\u{1b}[2J\u{202e}";
    let of = |ty| {
        let types = [(name.to_owned(), structure(vec![Field::new(name, ty)]))];
        let event = EventSchema {
            arguments: vec![ArgumentSchema { name: name.to_owned(), ty: named(name) }],
            ..EventSchema::default()
        };
        AppSchema { events: [(name.to_owned(), event)].into(), types: types.into(), ..AppSchema::default() }
    };
    let differences = compare_apps(name, &of(Type::U8), &of(named(name)));
    assert_eq!(differences.len(), 1);
    for text in
        [differences[0].to_string(), difference_table(&differences).lines().nth(1).unwrap().to_owned()]
    {
        assert!(!text.contains(['\n', '\u{1b}', '\u{202e}']), "{text:?}");
    }
    assert_eq!(difference_table(&differences).lines().count(), 2);
}
