//! The types of a schema as JSON.

use std::collections::BTreeSet;

use cocaine::schema::{
    AppSchema, Content, Definition, EnumDefinition, Field, Presence, Shape, Tagging, Type, Variant,
};

use super::{Alternative, Direction, IntegerType, JsonType, MapKeys, ObjectType, Part, Property, doc_lines};

/// How many options around a flattened type are looked through.
const MAX_OPTIONS: usize = 32;

/// Turns types of one app, for one direction, into types of JSON.
pub(super) struct Forms<'a> {
    schema: &'a AppSchema,
    direction: Direction,
    /// Returns the name of a definition in this direction.
    name: &'a dyn Fn(&str) -> String,
}

impl<'a> Forms<'a> {
    pub(super) fn new(schema: &'a AppSchema, direction: Direction, name: &'a dyn Fn(&str) -> String) -> Self {
        Self { schema, direction, name }
    }

    /// Returns what a value of a type is.
    pub(super) fn ty(&self, ty: &Type) -> JsonType {
        match ty {
            Type::Unit => JsonType::Null,
            Type::Bool => JsonType::Boolean,
            Type::F32 | Type::F64 => JsonType::Float,
            Type::Char => JsonType::Character,
            Type::Text => JsonType::Text,
            Type::Bytes => JsonType::Base64,
            Type::NonZero(of) => match self.ty(of) {
                JsonType::Integer(integer) => JsonType::Integer(IntegerType { is_nonzero: true, ..integer }),
                other => other,
            },
            Type::Option(of) => self.ty(of).or_null(),
            Type::List(of) => JsonType::List(Box::new(self.ty(of))),
            Type::Array(of, len) => JsonType::Array(Box::new(self.ty(of)), *len),
            Type::Tuple(items) => JsonType::tuple(items.iter().map(|item| self.ty(item))),
            Type::Map(key, value) => match self.map_keys(key) {
                Some(keys) => JsonType::Map(keys, Box::new(self.ty(value))),
                None => JsonType::Pairs(Box::new(self.ty(key)), Box::new(self.ty(value))),
            },
            Type::Named(name) => JsonType::Named((self.name)(name)),
            other => integer(other).map_or(JsonType::Value, JsonType::Integer),
        }
    }

    /// Returns what a value of a defined type is.
    pub(super) fn definition(&self, definition: &Definition) -> JsonType {
        match &definition.shape {
            Shape::UnitStruct => JsonType::Null,
            Shape::Newtype(of) => self.ty(of),
            Shape::TupleStruct(items) => JsonType::tuple(items.iter().map(|item| self.ty(item))),
            Shape::Struct(definition) => {
                let mut object = self.object(Vec::new(), &definition.fields);
                object.is_closed = definition.deny_unknown_fields && self.direction == Direction::Sent;
                object.into()
            }
            Shape::Enum(definition) => self.union(definition, true),
            _ => JsonType::Value,
        }
    }

    /// Returns what the keys of a map are, if they are texts in JSON.
    fn map_keys(&self, key: &Type) -> Option<MapKeys> {
        match self.content_of(key) {
            Type::Text => Some(MapKeys::Text),
            Type::Char => Some(MapKeys::Character),
            Type::Bool => Some(MapKeys::Boolean),
            Type::NonZero(_) => Some(MapKeys::Integer),
            other => integer(other).map(|_| MapKeys::Integer),
        }
    }

    /// Returns a type without the newtypes around it.
    fn content_of<'t>(&self, ty: &'t Type) -> &'t Type
    where
        'a: 't,
    {
        let mut visited = BTreeSet::new();
        let mut content = ty;
        while let Type::Named(name) = content
            && visited.insert(name)
            && let Some(Definition { shape: Shape::Newtype(of), .. }) = self.schema.types.get(name)
        {
            content = of;
        }
        content
    }

    /// Returns the object of these fields, behind some properties.
    fn object(&self, properties: Vec<Property>, fields: &[Field]) -> ObjectType {
        let mut object = ObjectType { properties, ..ObjectType::default() };
        for field in fields {
            let presence = self.presence(field.written, field.read);
            if presence == Presence::Never {
                continue;
            }
            if field.flatten {
                self.flatten(&field.ty, presence == Presence::Sometimes, &mut object);
                continue;
            }
            let aliases = if self.direction == Direction::Sent { field.aliases.clone() } else { Vec::new() };
            object.properties.push(Property {
                name: field.name.clone(),
                docs: doc_lines(&field.doc),
                ty: self.ty(&field.ty),
                is_required: presence == Presence::Always,
                aliases,
            });
        }
        object
    }

    /// Adds what a flattened field adds to an object.
    fn flatten(&self, ty: &Type, mut is_optional: bool, object: &mut ObjectType) {
        let mut content = self.content_of(ty);
        // A newtype of an option of itself has no end.
        for _ in 0..MAX_OPTIONS {
            let Type::Option(of) = content else { break };
            (content, is_optional) = (self.content_of(of), true);
        }
        let mut part = |ty| object.parts.push(Part { ty, is_optional });
        match content {
            Type::Unit | Type::Option(_) => {}
            Type::Map(_, value) => object.rest = Some(Box::new(self.ty(value))),
            Type::Named(name) => match self.schema.types.get(name).map(|definition| &definition.shape) {
                Some(Shape::UnitStruct) | None => {}
                // A variant without content is a field with nil then, and not its name alone.
                Some(Shape::Enum(definition)) if definition.tagging == Tagging::External => {
                    part(self.union(definition, false));
                }
                Some(_) => part(JsonType::Named((self.name)(name))),
            },
            _ => object.rest = Some(Box::new(JsonType::Value)),
        }
    }

    /// Returns the union of the variants of an enum; `bare` says whether one without content is its name alone.
    fn union(&self, definition: &EnumDefinition, bare: bool) -> JsonType {
        let variants = definition
            .variants
            .iter()
            .filter(|variant| self.presence(variant.written, variant.read) != Presence::Never);
        let alternatives = variants.map(|variant| {
            let ty = match &definition.tagging {
                Tagging::External if bare && variant.content == Content::Unit => self.variant_name(variant),
                Tagging::External if self.is_any_name(variant) => JsonType::Value,
                Tagging::External => ObjectType {
                    properties: vec![Property {
                        aliases: self.aliases(variant),
                        ..Property::new(&*variant.name, self.content(&variant.content))
                    }],
                    ..ObjectType::default()
                }
                .into(),
                Tagging::Internal { tag } => self.tagged(tag, variant),
                Tagging::Adjacent { tag, content } => {
                    let mut properties = vec![Property::new(&**tag, self.variant_name(variant))];
                    if variant.content != Content::Unit {
                        properties.push(Property::new(&**content, self.content(&variant.content)));
                    }
                    ObjectType { properties, ..ObjectType::default() }.into()
                }
                Tagging::Untagged => self.content(&variant.content),
            };
            Alternative { docs: doc_lines(&variant.doc), ty }
        });
        JsonType::Union(alternatives.collect())
    }

    /// Returns an object with the name of the variant beside its content.
    fn tagged(&self, tag: &str, variant: &Variant) -> JsonType {
        let properties = vec![Property::new(tag, self.variant_name(variant))];
        match &variant.content {
            Content::Struct(fields) => self.object(properties, fields).into(),
            Content::Newtype(of) => {
                let mut object = ObjectType { properties, ..ObjectType::default() };
                self.flatten(of, false, &mut object);
                object.into()
            }
            Content::Unit | Content::Tuple(_) => ObjectType { properties, ..ObjectType::default() }.into(),
        }
    }

    fn content(&self, content: &Content) -> JsonType {
        match content {
            Content::Unit => JsonType::Null,
            Content::Newtype(of) => self.ty(of),
            Content::Tuple(items) => JsonType::tuple(items.iter().map(|item| self.ty(item))),
            Content::Struct(fields) => self.object(Vec::new(), fields).into(),
        }
    }

    /// Returns the names under which a variant travels.
    fn variant_name(&self, variant: &Variant) -> JsonType {
        if self.is_any_name(variant) {
            return JsonType::Text;
        }
        let aliases = self.aliases(variant);
        let own = JsonType::Literal(variant.name.clone());
        if aliases.is_empty() {
            return own;
        }
        JsonType::any_of([own].into_iter().chain(aliases.into_iter().map(JsonType::Literal)))
    }

    fn aliases(&self, variant: &Variant) -> Vec<String> {
        if self.direction == Direction::Sent { variant.aliases.clone() } else { Vec::new() }
    }

    /// Returns whether a variant is read under every name that no other has.
    fn is_any_name(&self, variant: &Variant) -> bool {
        variant.other && self.direction == Direction::Sent
    }

    fn presence(&self, written: Presence, read: Presence) -> Presence {
        match self.direction {
            Direction::Sent => read,
            Direction::Received => written,
        }
    }
}

fn integer(ty: &Type) -> Option<IntegerType> {
    let has_text_form = matches!(ty, Type::U64 | Type::I64);
    let name = match ty {
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        _ => return None,
    };
    Some(IntegerType::new(name, has_text_form))
}
