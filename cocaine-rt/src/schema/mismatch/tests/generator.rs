//! Values that fit a type, but for a few places.

use std::collections::BTreeMap;

use crate::{
    schema::{Content, Definition, EnumDefinition, Field, Presence, Shape, Tagging, Type},
    wire::value::Value,
};

/// Makes values of a seed (`SplitMix64`).
pub(super) struct Generator<'s> {
    state: u64,
    types: &'s BTreeMap<String, Definition>,
}

impl<'s> Generator<'s> {
    pub(super) fn new(seed: u64, types: &'s BTreeMap<String, Definition>) -> Self {
        Self { state: seed, types }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn any(&mut self, depth: usize) -> Value {
        const NAMES: [&str; 9] = ["", "a", "b", "type", "value", "Unit", "Newtype", "xy", "z"];
        match self.below(if depth == 0 { 7 } else { 9 }) {
            0 => Value::Nil,
            1 => true.into(),
            2 => self.below(3).into(),
            3 => [255_u64, 300, 70_000, u64::MAX][usize::try_from(self.below(4)).unwrap()].into(),
            4 => [-1_i64, -200, i64::MIN][usize::try_from(self.below(3)).unwrap()].into(),
            5 => 1.5_f64.into(),
            6 => NAMES[usize::try_from(self.below(9)).unwrap()].into(),
            7 => Value::Array((0..self.below(4)).map(|_| self.any(depth - 1)).collect()),
            _ => {
                let entries = (0..self.below(3)).map(|_| (self.any(0), self.any(depth - 1))).collect();
                Value::Map(unique(entries))
            }
        }
    }

    /// Returns a value that mostly fits `ty`.
    pub(super) fn value(&mut self, ty: &Type, depth: usize) -> Value {
        if depth == 0 || self.one_in(25) {
            return self.any(depth.min(2));
        }
        let depth = depth - 1;
        match ty {
            Type::Unit => Value::Nil,
            Type::Bool => self.one_in(2).into(),
            Type::F32 | Type::F64 => {
                if self.one_in(2) {
                    7_u8.into()
                } else {
                    0.5_f64.into()
                }
            }
            Type::Char => "x".into(),
            Type::Text => "text".into(),
            Type::Bytes => {
                if self.one_in(2) {
                    "raw".into()
                } else {
                    Value::Array(vec![1_u8.into(), 2_u8.into()])
                }
            }
            Type::Option(_) if self.one_in(3) => Value::Nil,
            Type::Option(of) | Type::NonZero(of) => self.value(of, depth),
            Type::List(of) if **of == Type::U8 && self.one_in(2) => "raw".into(),
            Type::List(of) => Value::Array((0..self.below(3)).map(|_| self.value(of, depth)).collect()),
            Type::Array(of, len) => self.items(std::iter::repeat_n(&**of, *len), depth),
            Type::Tuple(types) => self.items(types, depth),
            Type::Map(key, of) => {
                let count = self.below(3);
                let entries = (0..count).map(|_| (self.value(key, 1), self.value(of, depth))).collect();
                Value::Map(unique(entries))
            }
            Type::Named(name) => self.named(name, depth),
            Type::Opaque | Type::Any => self.any(2),
            _ => self.below(3).into(),
        }
    }

    fn items<'t>(&mut self, types: impl IntoIterator<Item = &'t Type>, depth: usize) -> Value {
        let mut items: Vec<_> = types.into_iter().map(|of| self.value(of, depth)).collect();
        match self.below(12) {
            0 => drop(items.pop()),
            1 => items.push(self.any(1)),
            _ => {}
        }
        Value::Array(items)
    }

    fn named(&mut self, name: &str, depth: usize) -> Value {
        let types = self.types;
        match &types[name].shape {
            Shape::UnitStruct => {
                if self.one_in(2) {
                    Value::Nil
                } else {
                    Value::Array(Vec::new())
                }
            }
            Shape::Newtype(of) => self.value(of, depth),
            Shape::TupleStruct(types) => self.items(types, depth),
            Shape::Struct(definition) => self.fields(&definition.fields, Vec::new(), depth),
            Shape::Enum(definition) => self.variant(definition, depth),
        }
    }

    /// Returns a map of fields, or an array of them if nothing is optional or flattened.
    fn fields(&mut self, fields: &[Field], mut entries: Vec<(Value, Value)>, depth: usize) -> Value {
        let is_plain = fields.iter().all(|field| field.read == Presence::Always && !field.flatten);
        if is_plain && entries.is_empty() && self.one_in(4) {
            return self.items(fields.iter().map(|field| &field.ty), depth);
        }
        for (index, field) in fields.iter().enumerate() {
            if self.one_in(if field.read == Presence::Always { 30 } else { 3 }) {
                continue;
            }
            let value = self.value(&field.ty, depth);
            match value {
                Value::Map(inner) if field.flatten => entries.extend(inner),
                value => {
                    let key = match self.below(20) {
                        0 => Value::from(u64::try_from(index).unwrap()),
                        1 => self.any(0),
                        _ if self.one_in(2) => field.aliases.first().unwrap_or(&field.name).as_str().into(),
                        _ => field.name.as_str().into(),
                    };
                    entries.push((key, value));
                }
            }
        }
        if self.one_in(4) {
            entries.push(("unknown".into(), self.any(1)));
        }
        if self.one_in(2) {
            entries.reverse();
        }
        // The same field under two names is an error that a schema knows nothing of.
        let mut seen = Vec::new();
        entries.retain(|(key, _)| {
            let known = fields.iter().position(|field| {
                key.as_str()
                    .is_some_and(|key| field.name == key || field.aliases.iter().any(|alias| alias == key))
            });
            let readable = || fields.iter().enumerate().filter(|(_, field)| field.read != Presence::Never);
            let counted = || readable().nth(usize::try_from(key.as_u64()?).ok()?).map(|(index, _)| index);
            let field = known.or_else(counted);
            let is_new = field.is_none() || !seen.contains(&field);
            seen.push(field);
            is_new
        });
        Value::Map(unique(entries))
    }

    fn variant(&mut self, definition: &EnumDefinition, depth: usize) -> Value {
        let index = usize::try_from(self.below(definition.variants.len().try_into().unwrap())).unwrap();
        let variant = &definition.variants[index];
        let name = match self.below(20) {
            0 => Value::from(u64::try_from(index).unwrap()),
            1 => self.any(0),
            _ => variant.aliases.first().unwrap_or(&variant.name).as_str().into(),
        };
        if let (Tagging::Internal { tag }, Content::Struct(fields)) = (&definition.tagging, &variant.content)
        {
            return self.fields(fields, vec![(tag.as_str().into(), name)], depth);
        }
        let content = match &variant.content {
            Content::Unit if definition.tagging == Tagging::External && !self.one_in(4) => return name,
            Content::Unit => Value::Nil,
            Content::Newtype(of) => self.value(of, depth),
            Content::Tuple(types) => self.items(types, depth),
            Content::Struct(fields) => self.fields(fields, Vec::new(), depth),
        };
        match &definition.tagging {
            Tagging::External => Value::Map(vec![(name, content)]),
            Tagging::Untagged => content,
            Tagging::Internal { tag } => {
                let mut entries = if let Value::Map(entries) = content { entries } else { Vec::new() };
                entries.insert(usize::from(!entries.is_empty()), (tag.as_str().into(), name));
                Value::Map(unique(entries))
            }
            Tagging::Adjacent { .. } if self.one_in(6) => Value::Array(vec![name, content]),
            Tagging::Adjacent { tag, content: key } => {
                let mut entries = vec![(tag.as_str().into(), name), (key.as_str().into(), content)];
                match self.below(6) {
                    0 => drop(entries.pop()),
                    1 | 2 => entries.reverse(),
                    _ => {}
                }
                Value::Map(entries)
            }
        }
    }
}

/// Returns the entries without those of a key that is there before.
fn unique(entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let mut unique = Vec::<(Value, Value)>::new();
    for entry in entries {
        if unique.iter().all(|(key, _)| *key != entry.0) {
            unique.push(entry);
        }
    }
    unique
}
