//! Random types, the same in each run.

use cocaine::schema::{
    Content, Definition, EnumDefinition, Field, Presence, Shape, StructDefinition, Tagging, Type, Variant,
};

/// How deep types lie within one another, beside those that have names.
const DEPTH: usize = 3;

const SCALARS: [Type; 15] = [
    Type::Unit,
    Type::Bool,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::F64,
    Type::Char,
    Type::Text,
    Type::Bytes,
    Type::Any,
];

/// Names that are none in some language.
const NAMES: [&str; 12] =
    ["a", "b", "type", "max-size", "Ж", "0", "constructor", "a b", "\"", "$ref", "Class", "x_y"];

/// Makes types.
pub(crate) struct TypeGenerator {
    state: u64,
}

impl TypeGenerator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns a number below `limit` (the generator is that of Steele and others, `splitmix`).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap_or_default()
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Returns a type that refers to `named`.
    fn ty(&mut self, depth: usize, named: &[String]) -> Type {
        if depth == 0 {
            return self.pick(&SCALARS);
        }
        let of = |generator: &mut Self| Box::new(generator.ty(depth - 1, named));
        match self.below(12) {
            0 => Type::Option(of(self)),
            1 => Type::List(of(self)),
            2 => Type::Array(of(self), 1 + self.below(3)),
            3 => Type::Tuple(vec![*of(self), *of(self)]),
            4 => Type::Map(Box::new(self.pick(&[Type::Text, Type::Char, Type::U16, Type::Bool])), of(self)),
            5 => Type::Map(Box::new(Type::Tuple(vec![Type::U8, Type::Text])), of(self)),
            6 => Type::NonZero(Box::new(self.pick(&[Type::U8, Type::I32, Type::U64]))),
            7..=9 if !named.is_empty() => Type::Named(self.pick(named)),
            _ => self.pick(&SCALARS),
        }
    }

    /// Returns fields with different names. One that may be missing is never written as missing, so that an echo of it is
    /// what was sent.
    fn fields(&mut self, named: &[String]) -> Vec<Field> {
        let first = self.below(NAMES.len());
        let count = self.below(4);
        (0..count)
            .map(|index| {
                let name = NAMES[(first + index) % NAMES.len()];
                let mut field = Field::new(name, self.ty(DEPTH, named));
                if self.below(4) == 0 {
                    field.read = Presence::Sometimes;
                }
                field
            })
            .collect()
    }

    fn variants(&mut self, tagging: &Tagging, named: &[String]) -> Vec<Variant> {
        let count = 1 + self.below(3);
        let mut variant = |index: usize| {
            let content = match self.below(4) {
                0 => Content::Unit,
                1 => Content::Struct(self.fields(named)),
                _ if matches!(tagging, Tagging::Internal { .. }) => Content::Unit,
                2 => Content::Newtype(self.ty(DEPTH, named)),
                _ => Content::Tuple(vec![self.ty(1, named), self.ty(1, named)]),
            };
            Variant {
                name: NAMES[index].to_owned(),
                doc: String::new(),
                aliases: Vec::new(),
                content,
                other: false,
                written: Presence::Always,
                read: Presence::Always,
            }
        };
        (0..count).map(&mut variant).collect()
    }

    /// Returns a definition that refers to `named`.
    pub(crate) fn definition(&mut self, named: &[String]) -> Definition {
        let shape = match self.below(6) {
            0 => Shape::Newtype(self.ty(DEPTH, named)),
            1 => Shape::TupleStruct(vec![self.ty(DEPTH, named), self.ty(DEPTH, named)]),
            2 | 3 => {
                let deny_unknown_fields = self.below(2) == 0;
                Shape::Struct(StructDefinition { fields: self.fields(named), deny_unknown_fields })
            }
            _ => {
                let tagging = self.pick(&[
                    Tagging::External,
                    Tagging::Internal { tag: "kind".to_owned() },
                    Tagging::Adjacent { tag: "kind".to_owned(), content: "content".to_owned() },
                ]);
                let variants = self.variants(&tagging, named);
                Shape::Enum(EnumDefinition { tagging, variants })
            }
        };
        Definition { doc: String::new(), shape }
    }
}
