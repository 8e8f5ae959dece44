//! Types of different kinds, and those without parts.

use cocaine::schema::{Content, EnumDefinition, Presence, Tagging, Type};

use super::{
    comparer::{Place, TypeComparer, TypeSide, Ways},
    node::{IntValues, Node, Types, Verdict},
    rules::AppRule,
};

impl<'s> TypeComparer<'s, '_> {
    /// Compares two types that have no parts, or are of different kinds.
    pub(super) fn compare_scalars(&mut self, [old, new]: [TypeSide<'s>; 2], place: Place) {
        let Some(rule) = rule(old.node, new.node) else {
            return;
        };
        let verdicts = Ways::new(
            self.reads(old.node, [old, new], Ways::new(true, false), place),
            self.reads(new.node, [old, new], Ways::new(false, true), place),
        );
        self.report_types(place, rule, verdicts, [old, new]);
    }

    /// Returns whether the other side reads what `writer` writes, which is one of `sides`.
    fn reads(
        &mut self,
        writer: Node<'s>,
        sides: [TypeSide<'s>; 2],
        ways: Ways<bool>,
        place: Place,
    ) -> Verdict {
        let [old, new] = sides;
        let (reader, types, reader_types) =
            if ways.old_to_new { (new.node, self.old, self.new) } else { (old.node, self.new, self.old) };
        if let Node::Enum(definition) = reader
            && definition.tagging == Tagging::Untagged
        {
            return self.reads_untagged(definition, sides, Place { ways, ..place });
        }
        match (writer, reader) {
            (_, Node::Any) => Verdict::Reads,
            (Node::Enum(definition), _) => reads_enum(definition, reader, reader_types),
            (_, Node::Enum(definition)) => reads_as_enum(writer, definition),
            (Node::Fixed(elements), Node::Struct(fields)) => {
                let read = fields.fields.iter().filter(|field| field.read != Presence::Never);
                let has_flatten = fields.fields.iter().any(|field| field.flatten);
                let mut missing = read.skip(elements.len());
                if has_flatten || missing.any(|field| field.read == Presence::Always) {
                    Verdict::Fails
                } else {
                    Verdict::Unknown
                }
            }
            (Node::List(_) | Node::Map(..), Node::Struct(fields)) => {
                let is_required = fields.fields.iter().any(|field| field.read == Presence::Always);
                if is_required { Verdict::Fails } else { Verdict::Unknown }
            }
            (Node::Struct(_), Node::Map(..)) => Verdict::Unknown,
            _ => reads_scalar(writer, reader, [types, reader_types], place.is_buffered),
        }
    }

    /// Returns whether a variant of the untagged enum, which is one of `sides`, reads all that the other side writes, and no
    /// other variant comes before it.
    fn reads_untagged(
        &mut self,
        definition: &'s EnumDefinition,
        [old, new]: [TypeSide<'s>; 2],
        place: Place,
    ) -> Verdict {
        let place = Place { is_buffered: true, ..place };
        for (index, variant) in definition.variants.iter().enumerate() {
            let types = if place.ways.old_to_new { self.new } else { self.old };
            let Some(node) = Node::of_content(types, &variant.content) else {
                continue;
            };
            let content = TypeSide { node, ty: content_type(&variant.content) };
            let sides = if place.ways.old_to_new { [old, content] } else { [content, new] };
            if self.probe(sides, place) == Verdict::Reads {
                return if index == 0 { Verdict::Reads } else { Verdict::Unknown };
            }
        }
        Verdict::Unknown
    }
}

fn content_type(content: &Content) -> Option<&Type> {
    match content {
        Content::Newtype(of) => Some(of),
        _ => None,
    }
}

/// Returns the rule for two types, of which one is not like the other; `None` if they are the same.
fn rule(old: Node<'_>, new: Node<'_>) -> Option<AppRule> {
    Some(match (old, new) {
        (Node::Unit, Node::Unit)
        | (Node::Bool, Node::Bool)
        | (Node::F32, Node::F32)
        | (Node::F64, Node::F64)
        | (Node::Char, Node::Char)
        | (Node::Text, Node::Text)
        | (Node::Bytes, Node::Bytes) => return None,
        (Node::Any, _) | (_, Node::Any) => AppRule::AnyType,
        (Node::Int(old), Node::Int(new)) => match (new.contain(old), old.contain(new)) {
            (true, true) => return None,
            (true, false) => AppRule::IntWidened,
            (false, true) => AppRule::IntNarrowed,
            (false, false) => AppRule::IntSign,
        },
        (Node::Int(_), Node::F32 | Node::F64) => AppRule::IntToFloat,
        (Node::F32 | Node::F64, Node::Int(_)) => AppRule::FloatToInt,
        (Node::F32, Node::F64) => AppRule::FloatWidened,
        (Node::F64, Node::F32) => AppRule::FloatNarrowed,
        (Node::Bytes, Node::Text) => AppRule::BytesToText,
        (Node::Text, Node::Bytes) => AppRule::TextToBytes,
        (Node::Bytes, Node::List(_) | Node::Fixed(_)) | (Node::List(_) | Node::Fixed(_), Node::Bytes) => {
            AppRule::BytesOrList
        }
        (Node::Char, Node::Text) | (Node::Text, Node::Char) => AppRule::CharOrText,
        _ => AppRule::TypeChanged,
    })
}

/// Returns whether `reader` reads each value of `writer`. Neither is an enum, and they are of different kinds or have no parts.
fn reads_scalar(
    writer: Node<'_>,
    reader: Node<'_>,
    [types, reader_types]: [&Types; 2],
    is_buffered: bool,
) -> Verdict {
    let is_u8 = |types: &Types, of: &Type| matches!(Node::of(types, of), Node::Int(values) if IntValues::U8.contain(values));
    let is_any_u8 = |types: &Types, of: &Type| matches!(Node::of(types, of), Node::Int(IntValues::U8));
    let reads = match (writer, reader) {
        // An integer becomes the nearest float.
        (Node::Int(_), Node::F32 | Node::F64)
        | (Node::F32, Node::F64)
        | (Node::Char | Node::Text | Node::Bytes, Node::Bytes)
        | (Node::Char, Node::Text) => true,
        (Node::F64, Node::F32) => return Verdict::Unknown,
        (Node::Int(values), Node::Int(reader)) => reader.contain(values),
        (Node::Char | Node::Text | Node::Bytes, Node::List(of)) => {
            !is_buffered && is_any_u8(reader_types, of)
        }
        (Node::List(of), Node::Bytes) => is_u8(types, of),
        (Node::Fixed(elements), Node::Bytes) => elements.types().all(|of| is_u8(types, of)),
        // A character has at least one byte.
        (Node::Char, Node::Fixed(elements)) if elements.len() > 0 => return Verdict::Unknown,
        (Node::Unit, Node::Fixed(elements)) => elements.len() == 0,
        _ => false,
    };
    if reads { Verdict::Reads } else { Verdict::Fails }
}

/// Returns whether `reader`, which is no enum, reads each value of an enum.
fn reads_enum(definition: &EnumDefinition, reader: Node<'_>, reader_types: &Types) -> Verdict {
    let mut written =
        definition.variants.iter().filter(|variant| variant.written != Presence::Never).peekable();
    if written.peek().is_none() {
        return Verdict::Reads;
    }
    let has_only_names = written.all(|variant| variant.content == Content::Unit);
    match (&definition.tagging, reader) {
        (Tagging::External, Node::Text | Node::Bytes) if has_only_names => Verdict::Reads,
        (Tagging::External, Node::List(of)) if has_only_names => {
            reads_scalar(Node::Text, Node::List(of), [reader_types; 2], false).min(Verdict::Unknown)
        }
        (Tagging::External, Node::Char | Node::Fixed(_)) if has_only_names => Verdict::Unknown,
        (Tagging::Untagged, _) | (_, Node::Struct(_) | Node::Map(..)) => Verdict::Unknown,
        _ => Verdict::Fails,
    }
}

/// Returns whether an enum with tags reads each value of `writer`, which is none.
fn reads_as_enum(writer: Node<'_>, definition: &EnumDefinition) -> Verdict {
    let has_other = definition.variants.iter().any(|variant| variant.other);
    match (&definition.tagging, writer) {
        // What is a name, or a map of one name, may be that of a variant.
        (Tagging::External, Node::Text | Node::Char | Node::Bytes | Node::Int(_)) if has_other => {
            Verdict::Unknown
        }
        (Tagging::External, Node::Struct(fields)) if fields.fields.len() == 1 => Verdict::Unknown,
        (Tagging::Internal { .. } | Tagging::Adjacent { .. }, Node::Struct(_) | Node::Fixed(_)) => {
            Verdict::Unknown
        }
        _ => Verdict::Fails,
    }
}
