//! How a field of a struct is written in Rust, given when it travels.
//!
//! A schema says of a field when the app writes it and whether the app has to read it. The generated type is used on the
//! other side, and on both: what the app writes has to be read, and what it reads has to be written.

use cocaine::schema::{Field, Presence, Type};

/// The form of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldForm {
    /// A value of its type, which is always written.
    Plain,
    /// A value of its type, which is the default where it is missing.
    Default,
    /// As before, and left out where this function returns true.
    SkippedIf(&'static str),
    /// An `Option` of its type, which is left out where it is `None`.
    Optional,
}

impl FieldForm {
    /// Returns the form of `field`, whose type has a default or not, in a struct that may deny unknown fields.
    pub(crate) fn of(field: &Field, deny_unknown_fields: bool, has_default: bool) -> Self {
        use Presence::{Always, Never, Sometimes};
        let if_none = Self::SkippedIf("::core::option::Option::is_none");
        let is_option = matches!(field.ty, Type::Option(_));
        match (field.written, field.read) {
            _ if field.flatten => Self::Plain,
            (Always, Always) => Self::Plain,
            (Always, Sometimes) if is_option => Self::Plain,
            (Always, Sometimes) if has_default => Self::Default,
            // The app does not read it, and ignores or refuses what it does not read.
            (Always, Never) if is_option && !deny_unknown_fields => Self::Plain,
            (_, _) if is_option => if_none,
            (Sometimes, Sometimes) => Self::skipped_if_empty(&field.ty).unwrap_or(Self::Optional),
            _ => Self::Optional,
        }
    }

    /// Returns whether a value can be without `field`.
    pub(super) fn may_be_none(field: &Field) -> bool {
        Self::of(field, false, false) == Self::Optional
    }

    /// Returns whether a value without `field` is refused.
    pub(super) fn is_required(field: &Field) -> bool {
        let is_always_there = (field.written, field.read) == (Presence::Always, Presence::Always);
        is_always_there && !field.flatten && !matches!(field.ty, Type::Option(_))
    }

    /// Returns the form of a field that is usually left out where it is empty.
    fn skipped_if_empty(ty: &Type) -> Option<Self> {
        Some(Self::SkippedIf(match ty {
            Type::Bool => "::core::ops::Not::not",
            Type::Text => "::std::string::String::is_empty",
            Type::List(_) => "::std::vec::Vec::is_empty",
            Type::Bytes => "<[u8]>::is_empty",
            _ => return None,
        }))
    }
}
