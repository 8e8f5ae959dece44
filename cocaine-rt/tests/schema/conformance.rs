//! A payload looks as the schema of its type says.

use std::{
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    num::NonZero,
    ops::Bound,
    time::{Duration, SystemTime},
};

use cocaine::{
    Bytes, Schema, Value, msgpack,
    schema::{
        Content, EnumDefinition, Field, Presence, Shape as SchemaShape, Tagging, Type, TypeSchema, Variant,
    },
};
use serde::Serialize;

use crate::types::{
    Action, Borrowed, Chain, Color, Empty, Folder, Foreign, Generic, Key, Link, List, Message, Meta, Meters,
    Names, Node, Page, Pages, Plain, Settings, Shape, Standard, Tree, Unit, Version,
};

#[track_caller]
pub(crate) fn conforms<T: Serialize + Schema>(value: &T) {
    let schema = TypeSchema::of::<T>();
    let payload: Value = msgpack::from_slice(&msgpack::to_vec(value).unwrap()).unwrap();
    assert!(Checker(&schema).fits(&schema.root, &payload), "{payload} is no {schema:#?}");
}

/// Checks payloads against a schema.
struct Checker<'s>(&'s TypeSchema);

impl Checker<'_> {
    fn fits(&self, ty: &Type, value: &Value) -> bool {
        let int = |bits: u32| {
            value
                .as_i64()
                .is_some_and(|int| bits == 64 || (-(1 << (bits - 1))..1 << (bits - 1)).contains(&int))
        };
        let uint = |bits: u32| value.as_u64().is_some_and(|uint| bits == 64 || uint < 1 << bits);
        match ty {
            Type::Opaque | Type::Any => true,
            Type::Unit => value.is_nil(),
            Type::Bool => value.as_bool().is_some(),
            Type::U8 => uint(8),
            Type::U16 => uint(16),
            Type::U32 => uint(32),
            Type::U64 => uint(64),
            Type::I8 => int(8),
            Type::I16 => int(16),
            Type::I32 => int(32),
            Type::I64 => int(64),
            Type::NonZero(of) => self.fits(of, value) && value.as_u64() != Some(0),
            Type::F32 | Type::F64 => value.as_f64().is_some(),
            Type::Char => value.as_str().is_some_and(|text| text.chars().count() == 1),
            Type::Text => value.as_str().is_some(),
            Type::Bytes => value.as_bytes().is_some(),
            Type::Option(of) => value.is_nil() || self.fits(of, value),
            Type::List(of) => {
                value.as_array().is_some_and(|items| items.iter().all(|item| self.fits(of, item)))
            }
            Type::Array(of, len) => value
                .as_array()
                .is_some_and(|items| items.len() == *len && items.iter().all(|item| self.fits(of, item))),
            Type::Tuple(types) => self.fits_tuple(types, value),
            Type::Map(key, of) => value.as_map().is_some_and(|entries| {
                entries.iter().all(|entry| self.fits(key, &entry.0) && self.fits(of, &entry.1))
            }),
            Type::Named(name) => self.fits_shape(&self.0.types[name].shape, value),
            other => panic!("{other} is unknown"),
        }
    }

    fn fits_tuple(&self, types: &[Type], value: &Value) -> bool {
        value.as_array().is_some_and(|items| {
            items.len() == types.len() && types.iter().zip(items).all(|(of, item)| self.fits(of, item))
        })
    }

    fn fits_shape(&self, shape: &SchemaShape, value: &Value) -> bool {
        match shape {
            SchemaShape::UnitStruct => self.fits_tuple(&[], value),
            SchemaShape::Newtype(of) => self.fits(of, value),
            SchemaShape::TupleStruct(types) => self.fits_tuple(types, value),
            SchemaShape::Struct(definition) => self.fits_fields(&definition.fields, value, &[]),
            SchemaShape::Enum(definition) => {
                let mut variants =
                    definition.variants.iter().filter(|variant| variant.written == Presence::Always);
                variants.any(|variant| self.fits_variant(definition, variant, value))
            }
            other => panic!("{other:?} is unknown"),
        }
    }

    /// Checks that a map has these fields and no others, but for those in `beside`.
    fn fits_fields(&self, fields: &[Field], value: &Value, beside: &[&str]) -> bool {
        let Some(entries) = value.as_map() else { return false };
        if fields.iter().any(|field| field.flatten) {
            // What is flattened is a struct or a map: the others are checked alone.
            let mut named = fields.iter().filter(|field| !field.flatten);
            return named
                .all(|field| value.get(&field.name).is_some_and(|value| self.fits(&field.ty, value)));
        }
        let expected =
            |key: &str| fields.iter().find(|field| field.name == key && field.written != Presence::Never);
        let known = entries.iter().all(|(key, value)| {
            let key = key.as_str().unwrap();
            beside.contains(&key) || expected(key).is_some_and(|field| self.fits(&field.ty, value))
        });
        let mut required = fields.iter().filter(|field| field.written == Presence::Always);
        known && required.all(|field| value.get(&field.name).is_some())
    }

    fn fits_variant(&self, definition: &EnumDefinition, variant: &Variant, value: &Value) -> bool {
        let name = |value: Option<&Value>| value.and_then(Value::as_str) == Some(&variant.name);
        match &definition.tagging {
            Tagging::External if variant.content == Content::Unit => name(Some(value)),
            Tagging::External => {
                let content = value.get(&variant.name);
                content.is_some_and(|content| self.fits_content(&variant.content, content, &[]))
            }
            Tagging::Internal { tag } => {
                name(value.get(tag)) && self.fits_content(&variant.content, value, &[tag])
            }
            Tagging::Adjacent { tag, content } => {
                let content = value.get(content).unwrap_or(&Value::Nil);
                name(value.get(tag)) && self.fits_content(&variant.content, content, &[])
            }
            Tagging::Untagged => self.fits_content(&variant.content, value, &[]),
        }
    }

    fn fits_content(&self, content: &Content, value: &Value, beside: &[&str]) -> bool {
        match content {
            Content::Unit => value.is_nil() || !beside.is_empty(),
            Content::Newtype(Type::Named(name)) if !beside.is_empty() => match &self.0.types[name].shape {
                SchemaShape::Struct(definition) => self.fits_fields(&definition.fields, value, beside),
                _ => false,
            },
            Content::Newtype(of) => self.fits(of, value),
            Content::Tuple(types) => self.fits_tuple(types, value),
            Content::Struct(fields) => self.fits_fields(fields, value, beside),
        }
    }
}

fn link() -> Link {
    Link {
        slug: "s".to_owned(),
        target: "t".to_owned(),
        note: None,
        clicks: 1 << 40,
        tags: vec![],
        cache: 1,
        secret: 2,
        computed: 3,
    }
}

#[test]
fn structs_look_as_described() {
    conforms(&link());
    conforms(&Link { note: Some("n".to_owned()), tags: vec!["a".to_owned()], ..link() });
    conforms(&Settings { max_size: 1, r#type: 'é' });
    conforms(&Unit);
    conforms(&Meters(1.5));
    conforms(&Names { names: vec!["a".to_owned()] });
    conforms(&Color(1, 2, 255));
    conforms(&Empty {});
    let meta = Meta { title: "t".to_owned() };
    conforms(&Page { number: 1, settings: meta.clone(), rest: [("a".to_owned(), -1)].into() });
    conforms(&Borrowed { text: "a", cow: "b".into() });
    conforms(&Version { major: 1, minor: 2 });
    conforms(&Foreign { plain: Plain(1), plains: vec![Plain(2)], with: 3, known: 255, hidden: 4 });
    let texts = Pages::<String, 1> { items: vec!["a".to_owned()], next: Some(1), marker: PhantomData };
    let more = Pages::<String, 2> { items: vec![], next: None, marker: PhantomData };
    let links = Pages::<_, 1> { items: vec![meta], next: None, marker: PhantomData };
    conforms(&Generic { links, texts, more });
}

#[test]
fn enums_look_as_described() {
    for shape in [
        Shape::NoPoint,
        Shape::Circle(1.0),
        Shape::Line(-1, 70_000),
        Shape::Rect { upper_left: 1.0, width: None },
        Shape::Own { own_rule: true },
        Shape::Unknown,
    ] {
        conforms(&shape);
    }
    for action in
        [Action::Click { x: -1, y: 300 }, Action::Linked(Meta { title: "t".to_owned() }), Action::Close]
    {
        conforms(&action);
    }
    for message in
        [Message::Text("t".to_owned()), Message::Pair(1, 2), Message::Fields { a: 1 }, Message::End]
    {
        conforms(&message);
    }
    let name = "n".to_owned();
    for key in [
        Key::Number(1),
        Key::Ratio(0.5),
        Key::Name(name.clone()),
        Key::Flag(true),
        Key::Pair(1, 2),
        Key::Both { name: name.clone(), number: 1 },
        Key::One { name },
        Key::Nothing,
    ] {
        conforms(&key);
    }
}

#[test]
fn recursive_types_look_as_described() {
    let list = List { head: 1, tail: Some(Box::new(List { head: -1, tail: None })) };
    conforms(&list);
    conforms(&Tree(vec![Tree(vec![]), Tree(vec![Tree(vec![])])]));
    conforms(&Chain(Some(Box::new(Chain(None)))));
    let inner = Node::Folder(Folder { entries: BTreeMap::new() });
    let entries = [("f".to_owned(), Node::File("x".into())), ("d".to_owned(), inner)];
    conforms(&Folder { entries: entries.into() });
}

#[test]
fn standard_types_look_as_described() {
    let standard = |text: &str, address: &str| Standard {
        integers: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, i8::MIN, i16::MIN, i32::MIN, i64::MIN),
        sizes: (usize::MAX, isize::MIN, NonZero::<u8>::MIN),
        others: ((), true, 'c', 0.5, 0.25),
        texts: (text.to_owned(), text.into(), text.to_owned().into()),
        nested: Some(None),
        list: vec![1, 2],
        bytes: Bytes::from([0xff].as_slice()),
        array: [1, 2, 3, 4],
        set: [-1, 1].into(),
        map: HashMap::from([(1, vec![text.to_owned()])]),
        keys: [((1, true), Value::Nil)].into(),
        duration: Duration::from_millis(1500),
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
        address: address.parse().unwrap(),
        socket: (address.parse::<std::net::IpAddr>().unwrap(), 80).into(),
        range: 1..2,
        bound: Bound::Included(1),
        result: Err(text.to_owned()),
        marker: PhantomData,
    };
    conforms(&standard("t", "127.0.0.1"));
    conforms(&Standard { bound: Bound::Unbounded, result: Ok(1), nested: None, ..standard("t", "::1") });
}
