//! The types of other crates.

use cocaine::{Schema, schema::Type, schema::TypeSchema};
use serde::Serialize;

use crate::conformance::conforms;

/// Checks a type that has a name of its own, and travels as `ty`.
fn assert_travels_as<T: Serialize + Schema>(value: &T, ty: &Type) {
    conforms(value);
    let schema = TypeSchema::of::<T>();
    assert_eq!(schema.hash(), TypeSchema { root: ty.clone(), types: schema.types.clone() }.hash());
    let name = schema.root.to_string();
    assert_eq!(name.split_once("::").unwrap().0, std::any::type_name::<T>().split_once("::").unwrap().0);
}

#[test]
fn ids_are_bytes_and_addresses_are_texts() {
    assert_travels_as(&uuid::Uuid::from_u128(1), &Type::Bytes);
    assert_travels_as(&url::Url::parse("https://example.org/a").unwrap(), &Type::Text);
}

#[test]
fn times_are_texts() {
    let text = &Type::Text;
    assert_travels_as(&jiff::Timestamp::UNIX_EPOCH, text);
    assert_travels_as(&jiff::Timestamp::UNIX_EPOCH.in_tz("UTC").unwrap(), text);
    assert_travels_as(&jiff::SignedDuration::from_secs(1), text);
    assert_travels_as(&jiff::Span::new(), text);
    let midnight = jiff::civil::date(2026, 11, 30).at(0, 0, 0, 0);
    assert_travels_as(&midnight, text);
    assert_travels_as(&midnight.date(), text);
    assert_travels_as(&midnight.time(), text);
    let epoch = chrono::DateTime::<chrono::Utc>::UNIX_EPOCH;
    assert_travels_as(&epoch, text);
    assert_travels_as(&epoch.fixed_offset(), text);
    assert_travels_as(&epoch.naive_utc(), text);
    assert_travels_as(&epoch.date_naive(), text);
    assert_travels_as(&epoch.time(), text);
}
