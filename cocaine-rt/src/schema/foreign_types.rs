//! The schemas of other crates' types, behind features of their names.

#![cfg_attr(not(any(feature = "chrono", feature = "jiff", feature = "url", feature = "uuid")), allow(unused))]

use super::{
    Schema,
    bounded_hash::{bounded_hashes, hash_parts},
    kinds::Kinds,
    model::{Definition, Shape, Type},
    registry::Definitions,
};

macro_rules! newtypes {
    ($($feature:literal: $($type:ty => $path:literal, $kinds:ident, $of:ident;)*)*) => {$($(
        #[cfg(feature = $feature)]
        impl Schema for $type {
            const KINDS: Kinds = Kinds::$kinds;
            bounded_hashes!(|_parts| hash_parts(Type::$of.simple_name(), &[]););

            fn schema(definitions: &mut Definitions) -> Type {
                definitions.define::<Self>($path, &[], |_| Definition {
                    doc: String::new(),
                    shape: Shape::Newtype(Type::$of),
                })
            }
        }
    )*)*};
}

newtypes! {
    "uuid":
        uuid::Uuid => "uuid::Uuid", TEXT, Bytes;
    "url":
        url::Url => "url::Url", TEXT, Text;
    "jiff":
        jiff::Timestamp => "jiff::Timestamp", TEXT, Text;
        jiff::ZonedDateTime => "jiff::ZonedDateTime", TEXT, Text;
        jiff::SignedDuration => "jiff::SignedDuration", TEXT, Text;
        jiff::Span => "jiff::Span", TEXT, Text;
        jiff::civil::Date => "jiff::civil::Date", TEXT, Text;
        jiff::civil::Time => "jiff::civil::Time", TEXT, Text;
        jiff::civil::DateTime => "jiff::civil::DateTime", TEXT, Text;
    "chrono":
        chrono::NaiveDate => "chrono::NaiveDate", TEXT, Text;
        chrono::NaiveTime => "chrono::NaiveTime", TEXT, Text;
        chrono::NaiveDateTime => "chrono::NaiveDateTime", TEXT, Text;
}

/// A time with any zone is a text of one form.
#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone> Schema for chrono::DateTime<Z> {
    const KINDS: Kinds = Kinds::TEXT;
    bounded_hashes!(|_parts| hash_parts("text", &[]););

    fn schema(definitions: &mut Definitions) -> Type {
        definitions.define::<chrono::DateTime<chrono::Utc>>("chrono::DateTime", &[], |_| Definition {
            doc: String::new(),
            shape: Shape::Newtype(Type::Text),
        })
    }
}
