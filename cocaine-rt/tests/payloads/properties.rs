//! Random values: what is written is read again, by this project and by other readers of named fields.

use std::collections::BTreeMap;

use cocaine::{Value, msgpack};
use proptest::{collection::vec, option, prelude::*};
use serde::{
    Deserialize, Serialize, Serializer, ser::SerializeMap, ser::SerializeStruct, ser::SerializeStructVariant,
};

use crate::types::{Action, Key, Link, Meters, Shape, Tip};

/// Every form that a type can have, nested in itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delta: Option<i64>,
    #[serde(skip)]
    cache: u8,
    #[serde(rename = "Label", default, skip_serializing_if = "String::is_empty")]
    label: String,
    pair: (i8, Option<bool>),
    shape: Shape,
    action: Action,
    tip: Tip,
    key: Key,
    meters: Meters,
    counts: BTreeMap<String, Vec<u8>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inner: Vec<Record>,
}

/// A type none of whose fields is skipped, which has both forms: by name and by position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    number: i64,
    shape: Shape,
    inner: Option<Box<Place>>,
}

fn text() -> impl Strategy<Value = String> + Clone {
    "[a-zé]{0,40}"
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![-1e9..1e9, (-100_i32..100).prop_map(f64::from)]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        float().prop_map(Shape::Circle),
        any::<(i32, i32)>().prop_map(|(from, to)| Shape::Line(from, to)),
        (float(), float()).prop_map(|(width, height)| Shape::Rect { width, height }),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    (text(), text(), option::of(any::<u32>()), vec(text(), 0..3)).prop_map(|(slug, target, ttl, tags)| Link {
        slug,
        target,
        ttl,
        tags,
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (float(), float()).prop_map(|(x, y)| Action::Click { x, y }),
        link().prop_map(Action::Link),
        Just(Action::Close),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let tip = prop_oneof![float().prop_map(Tip::Amount), Just(Tip::Nothing)];
    let key = prop_oneof![any::<u64>().prop_map(Key::Number), text().prop_map(Key::Name)];
    let counts = proptest::collection::btree_map(text(), vec(any::<u8>(), 0..5), 0..3);
    let meters = (-1e6_f32..1e6).prop_map(Meters);
    let simple = (any::<u64>(), option::of(any::<i64>()), text(), any::<(i8, Option<bool>)>());
    let leaf = (simple, shape(), action(), tip, key, meters, counts).prop_map(
        |((id, delta, label, pair), shape, action, tip, key, meters, counts)| Record {
            id,
            delta,
            cache: 0,
            label,
            pair,
            shape,
            action,
            tip,
            key,
            meters,
            counts,
            inner: Vec::new(),
        },
    );
    let leaf = leaf.boxed();
    leaf.clone().prop_recursive(4, 12, 3, move |inner| {
        (leaf.clone(), vec(inner, 0..3)).prop_map(|(record, inner)| Record { inner, ..record })
    })
}

fn place() -> impl Strategy<Value = Place> {
    let leaf = (any::<i64>(), shape()).prop_map(|(number, shape)| Place { number, shape, inner: None });
    leaf.prop_recursive(6, 6, 1, |inner| {
        (any::<i64>(), shape(), option::of(inner.prop_map(Box::new)))
            .prop_map(|(number, shape, inner)| Place { number, shape, inner })
    })
}

/// The names of fields and variants of random types.
const NAMES: [&str; 20] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];

/// A value of a random type.
#[derive(Clone, Debug)]
enum Dynamic {
    Unit,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Some(Box<Dynamic>),
    List(Vec<Dynamic>),
    Tuple(Vec<Dynamic>),
    Newtype(Box<Dynamic>),
    Map(BTreeMap<String, Dynamic>),
    /// A field without a value is skipped.
    Struct(Vec<Option<Dynamic>>),
    UnitVariant,
    NewtypeVariant(Box<Dynamic>),
    TupleVariant(Vec<Dynamic>),
    StructVariant(Vec<Option<Dynamic>>),
}

impl Serialize for Dynamic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{SerializeTuple, SerializeTupleVariant};
        match self {
            Self::Unit => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Some(value) => serializer.serialize_some(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Tuple(items) => {
                let mut tuple = serializer.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Self::Newtype(value) => serializer.serialize_newtype_struct("N", value),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(None)?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::Struct(fields) => {
                let mut output = serializer.serialize_struct("S", fields.iter().flatten().count())?;
                for (name, field) in NAMES.iter().zip(fields) {
                    match field {
                        Some(field) => output.serialize_field(name, field)?,
                        None => output.skip_field(name)?,
                    }
                }
                output.end()
            }
            Self::UnitVariant => serializer.serialize_unit_variant("E", 0, "Unit"),
            Self::NewtypeVariant(value) => serializer.serialize_newtype_variant("E", 1, "Newtype", value),
            Self::TupleVariant(items) => {
                let mut tuple = serializer.serialize_tuple_variant("E", 2, "Tuple", items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::StructVariant(fields) => {
                let len = fields.iter().flatten().count();
                let mut output = serializer.serialize_struct_variant("E", 3, "Struct", len)?;
                for (name, field) in NAMES.iter().zip(fields) {
                    match field {
                        Some(field) => output.serialize_field(name, field)?,
                        None => output.skip_field(name)?,
                    }
                }
                output.end()
            }
        }
    }
}

fn dynamic() -> impl Strategy<Value = Dynamic> {
    let leaf = prop_oneof![
        Just(Dynamic::Unit),
        any::<bool>().prop_map(Dynamic::Bool),
        any::<u64>().prop_map(Dynamic::Unsigned),
        any::<i64>().prop_map(Dynamic::Signed),
        float().prop_map(Dynamic::Float),
        text().prop_map(Dynamic::Text),
        Just(Dynamic::UnitVariant),
    ];
    leaf.prop_recursive(6, 60, 20, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let fields = vec(option::of(inner.clone()), 0..20);
        prop_oneof![
            boxed.clone().prop_map(Dynamic::Some),
            boxed.clone().prop_map(Dynamic::Newtype),
            boxed.prop_map(Dynamic::NewtypeVariant),
            vec(inner.clone(), 0..18).prop_map(Dynamic::List),
            vec(inner.clone(), 0..5).prop_map(Dynamic::Tuple),
            vec(inner.clone(), 2..4).prop_map(Dynamic::TupleVariant),
            proptest::collection::btree_map(text(), inner, 0..4).prop_map(Dynamic::Map),
            fields.clone().prop_map(Dynamic::Struct),
            fields.prop_map(Dynamic::StructVariant),
        ]
    })
}

proptest! {
    #[test]
    fn records_survive_the_round_trip(record in record()) {
        let ours = msgpack::to_vec(&record).unwrap();
        prop_assert_eq!(&msgpack::from_slice::<Record>(&ours).unwrap(), &record);
        prop_assert_eq!(&rmp_serde::from_slice::<Record>(&ours).unwrap(), &record);
        let theirs = rmp_serde::to_vec_named(&record).unwrap();
        prop_assert_eq!(&msgpack::from_slice::<Record>(&theirs).unwrap(), &record);
    }

    #[test]
    fn both_forms_of_a_struct_are_read(place in place()) {
        for bytes in [rmp_serde::to_vec(&place).unwrap(), rmp_serde::to_vec_named(&place).unwrap()] {
            prop_assert_eq!(&msgpack::from_slice::<Place>(&bytes).unwrap(), &place);
        }
    }

    #[test]
    fn random_types_look_like_their_json(value in dynamic()) {
        let json = serde_json::to_value(&value).unwrap();
        let ours = msgpack::to_vec(&value).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<serde_json::Value>(&ours).unwrap(), json);
        let theirs = rmp_serde::to_vec_named(&value).unwrap();
        let [ours, theirs] = [&ours, &theirs].map(|bytes| msgpack::from_slice::<Value>(bytes).unwrap());
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn cut_or_random_payload_is_an_error(record in record(), cut in any::<prop::sample::Index>(), noise in vec(any::<u8>(), 0..40)) {
        let ours = msgpack::to_vec(&record).unwrap();
        prop_assert!(msgpack::from_slice::<Record>(&ours[..cut.index(ours.len())]).is_err());
        let _ = msgpack::from_slice::<(Vec<u8>, f64, Record)>(&noise);
        let _ = msgpack::from_slice::<Vec<Record>>(&noise);
    }
}
