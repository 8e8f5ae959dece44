use super::*;

fn list(parts: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(parts.into_iter().collect())
}

fn compare(operator: &str, name: &str, value: impl Into<Value>) -> Value {
    list([operator.into(), name.into(), value.into()])
}

/// Attributes of every type.
fn attributes() -> Vec<(&'static str, Scalar)> {
    vec![
        ("text", "mm".into()),
        ("text", "second".into()),
        ("uint", 5_u64.into()),
        ("int", (-5_i64).into()),
        ("float", 2.5.into()),
        ("true", true.into()),
        ("false", false.into()),
        ("nan", f64::NAN.into()),
    ]
}

fn passes_with(filter: &Value, severity: i32, traced: bool) -> bool {
    let attributes = attributes();
    let find = |name: &str| {
        attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| AttributeValue::from(value))
    };
    let parsed = Filter::parse(filter).unwrap();
    assert_eq!(
        Value::from(&parsed).to_string(),
        filter.to_string(),
        "a filter converts to its original value"
    );
    parsed.matches(&LogMessage { severity, traced, attribute: &find })
}

fn passes(filter: &Value) -> bool {
    passes_with(filter, 1, false)
}

#[test]
fn empty_accepts_everything() {
    assert!(passes_with(&list(["empty".into()]), 0, false));
}

#[test]
fn traced_accepts_traced_messages() {
    let traced = list(["traced".into()]);
    assert!(passes_with(&traced, 0, true) && !passes_with(&traced, 3, false));
}

#[test]
fn severity_is_a_minimum() {
    let severity = |minimum: u64| list(["severity".into(), minimum.into()]);
    assert!(!passes_with(&severity(2), 1, false));
    assert!(passes_with(&severity(2), 2, false) && passes_with(&severity(2), i32::MAX, false));
    assert!(passes_with(&severity(0), 0, false));
    assert!(!passes_with(&severity(u64::MAX), i32::MAX, false));
}

#[test]
fn existence_operators_check_attributes() {
    for (name, there) in [("text", true), ("false", true), ("nothing", false)] {
        assert_eq!(passes(&list(["e".into(), name.into()])), there, "{name}");
        assert_eq!(passes(&list(["!e".into(), name.into()])), !there, "{name}");
    }
}

/// The operators, each with its outcome for a value below, equal to and above the constant, and for one that cannot be
/// compared.
const OPERATORS: [(&str, [bool; 4]); 6] = [
    ("==", [false, true, false, false]),
    ("!=", [true, false, true, true]),
    (">", [false, false, true, false]),
    ("<", [true, false, false, false]),
    (">=", [false, true, true, false]),
    ("<=", [true, true, false, false]),
];

#[test]
fn each_operator_compares_values_of_each_type() {
    let cases: [(&str, [Value; 4]); 6] = [
        ("text", ["n".into(), "mm".into(), "m".into(), 5_u64.into()]),
        ("uint", [6_u64.into(), 5_u64.into(), (-7_i64).into(), "5".into()]),
        ("uint", [5.5.into(), 5.0.into(), 4.5.into(), f64::NAN.into()]),
        ("int", [(-4_i64).into(), (-5_i64).into(), (-6_i64).into(), "-5".into()]),
        ("float", [2.75.into(), 2.5.into(), 2.25.into(), "2.5".into()]),
        ("true", [2_u64.into(), 1_u64.into(), 0_u64.into(), "true".into()]),
    ];
    for (name, constants) in cases {
        for (operator, outcomes) in OPERATORS {
            for (constant, outcome) in constants.iter().zip(outcomes) {
                let filter = compare(operator, name, constant.clone());
                assert_eq!(passes(&filter), outcome, "{filter}");
            }
        }
    }
}

#[test]
fn value_is_converted_to_constant_type() {
    assert!(passes(&compare("==", "float", 2_u64)), "a float is truncated");
    assert!(passes(&compare("==", "uint", true)) && passes(&compare("==", "int", true)));
    assert!(passes(&compare("==", "false", false)) && passes(&compare("<", "false", true)));
    assert!(passes(&compare("==", "true", 1.0)));
    assert!(!passes(&compare("==", "nan", 0_u64)) && passes(&compare("!=", "nan", 0_u64)));
    assert!(passes(&compare("<", "uint", u64::MAX)) && passes(&compare(">", "int", i64::MIN)));
}

#[test]
fn missing_attribute_never_matches() {
    for (operator, _) in OPERATORS {
        assert!(!passes(&compare(operator, "nothing", "x")), "{operator}");
    }
}

#[test]
fn first_attribute_of_a_name_counts() {
    assert!(passes(&compare("==", "text", "mm")) && !passes(&compare("==", "text", "second")));
}

#[test]
fn boolean_operators_join_filters() {
    let (yes, no) = (list(["empty".into()]), list(["traced".into()]));
    let table = [
        ("&&", [false, false, false, true]),
        ("||", [false, true, true, true]),
        ("xor", [false, true, true, false]),
    ];
    for (operator, outcomes) in table {
        let pairs = [(&no, &no), (&no, &yes), (&yes, &no), (&yes, &yes)];
        for ((left, right), outcome) in pairs.into_iter().zip(outcomes) {
            let filter = list([operator.into(), left.clone(), right.clone()]);
            assert_eq!(passes(&filter), outcome, "{filter}");
        }
    }
    let nested = list(["&&".into(), list(["severity".into(), 1_u64.into()]), compare(">", "uint", 4_u64)]);
    assert!(passes(&nested) && !passes_with(&nested, 0, false));
}

#[test]
fn malformed_filters_are_refused() {
    let empty = || list(["empty".into()]);
    let wrong = [
        Value::Nil,
        "empty".into(),
        Value::Map(Vec::new()),
        list([]),
        list([5_u64.into()]),
        list(["bogus".into()]),
        list(["severity".into()]),
        list(["empty".into(), 1_u64.into()]),
        list(["traced".into(), true.into()]),
        list(["bogus".into(), "x".into()]),
        list(["severity".into(), "2".into()]),
        list(["severity".into(), (-1_i64).into()]),
        list(["severity".into(), 2.0.into()]),
        list(["e".into(), 5_u64.into()]),
        list(["!e".into(), empty()]),
        list(["e".into(), "a".into(), "b".into()]),
        list(["bogus".into(), "a".into(), "b".into()]),
        list(["==".into(), 5_u64.into(), "b".into()]),
        list(["==".into(), "a".into()]),
        list(["==".into(), "a".into(), Value::Nil]),
        list(["<".into(), "a".into(), list([])]),
        list([">".into(), "a".into(), Value::Map(Vec::new())]),
        list(["==".into(), "a".into(), "b".into(), "c".into()]),
        list(["&&".into(), empty()]),
        list(["&&".into(), empty(), "x".into()]),
        list(["||".into(), list(["bogus".into()]), empty()]),
        list(["xor".into(), empty(), empty(), empty()]),
    ];
    for filter in wrong {
        let refused = Filter::parse(&filter);
        assert!(matches!(refused, Err(FilterError::Malformed(_))), "{filter}: {refused:?}");
    }
}

#[test]
fn filter_limits_are_enforced() {
    let join = |left: Value, right: Value| list(["&&".into(), left, right]);
    let empty = || list(["empty".into()]);
    let deep = |depth| (0..depth).fold(empty(), |filter, _| join(filter, empty()));
    let too_large = |filter: &Value| match Filter::parse(filter) {
        Err(FilterError::TooLarge(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(Filter::parse(&deep(16)).is_ok());
    assert_eq!(too_large(&deep(17)), "filters may lie 16 deep in each other");
    let full = |levels: u32| (0..levels).fold(empty(), |filter, _| join(filter.clone(), filter));
    assert!(Filter::parse(&full(7)).is_ok());
    assert_eq!(too_large(&full(8)), "a filter may be made of 256");
    let text = |length: usize| compare("==", "a", "x".repeat(length).as_str());
    assert!(Filter::parse(&text(4095)).is_ok());
    assert_eq!(too_large(&text(4096)), "the texts of a filter may have 4096 bytes");
}
