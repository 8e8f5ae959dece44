//! Definitions at random.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    ops::{Bound, Range},
    time::Duration,
};

use cocaine::schema::{
    Content, Definition, Definitions, EnumDefinition, Field, Presence, Schema, Shape, StructDefinition,
    Tagging, Type, Variant,
};

use super::Choices;

/// Names and docs that could be taken for something else.
const NAMES: &[&str] = &[
    "a",
    "b",
    "type",
    "self",
    "Self",
    "super",
    "fooBar",
    "foo_bar",
    "x-y",
    "",
    "ж",
    "*/ panic!()",
    "\"",
    "Ok",
    "Vec",
    "clone",
    "1",
    "\u{202e}",
    "none",
    "String",
    "\n",
    "value",
];

/// The types of one app, by name. Those in `roots` are worth a test.
pub(crate) struct RandomTypes {
    pub(crate) types: BTreeMap<String, Definition>,
    pub(crate) roots: Vec<String>,
    /// Structs that can stand among the fields of another, or beside a tag.
    flat: Vec<String>,
}

/// Returns `count` definitions, and those of some types of std.
pub(crate) fn random_types(choices: &mut Choices, count: usize) -> RandomTypes {
    let mut std_types = Definitions::default();
    let std_names = [
        Duration::schema(&mut std_types),
        IpAddr::schema(&mut std_types),
        Range::<u8>::schema(&mut std_types),
        Bound::<String>::schema(&mut std_types),
        Result::<u8, String>::schema(&mut std_types),
    ];
    let types = std_types.types().clone();
    let mut this = RandomTypes { types, roots: Vec::new(), flat: Vec::new() };
    for index in 0..count {
        let mut context = TypeChoices { choices, std_names: &std_names, index, count };
        let shape = context.shape(&mut this);
        let doc = context.doc();
        let name = type_name(index);
        this.types.insert(name.clone(), Definition { doc, shape });
        this.roots.push(name);
    }
    this
}

fn type_name(index: usize) -> String {
    format!("shop::T{index}")
}

struct TypeChoices<'c> {
    choices: &'c mut Choices,
    std_names: &'c [Type],
    /// The index of the definition, which contains those before it, and refers to all.
    index: usize,
    count: usize,
}

impl TypeChoices<'_> {
    fn doc(&mut self) -> String {
        let docs = [
            "",
            "",
            "A type.",
            "```\npanic!()\n```",
            "    panic!()",
            "<b> [x] `T` SomeName http://a.b",
            "- x\n  y",
        ];
        (*self.choices.pick(&docs)).to_owned()
    }

    fn shape(&mut self, types: &mut RandomTypes) -> Shape {
        match self.choices.below(12) {
            0 => Shape::UnitStruct,
            1 => Shape::Newtype(self.ty(2)),
            2 => Shape::TupleStruct(self.types(4)),
            3 | 4 => {
                types.flat.push(type_name(self.index));
                let fields = self.flat_fields();
                Shape::Struct(StructDefinition { fields, deny_unknown_fields: false })
            }
            5..=7 => self.structure(types),
            _ => Shape::Enum(self.enumeration(types)),
        }
    }

    fn structure(&mut self, types: &RandomTypes) -> Shape {
        let mut fields = self.fields();
        let mut deny_unknown_fields = self.choices.one_in(4);
        if !types.flat.is_empty() && self.choices.one_in(3) {
            let ty = Type::Named(self.choices.pick(&types.flat).clone());
            fields.push(Field { flatten: true, ..Field::new("flat", ty) });
            deny_unknown_fields = false;
        }
        Shape::Struct(StructDefinition { fields, deny_unknown_fields })
    }

    fn fields(&mut self) -> Vec<Field> {
        use Presence::{Always, Never, Sometimes};
        let names: Vec<_> = NAMES.iter().filter(|_| self.choices.one_in(5)).collect();
        let field = |name: &&str| {
            let mut field = Field::new(*name, self.ty(3));
            if self.choices.one_in(3) {
                field.written = *self.choices.pick(&[Always, Sometimes, Never]);
                field.read = *self.choices.pick(&[Always, Sometimes, Never]);
            }
            if self.choices.one_in(5) {
                field.aliases = vec![format!("alias of {name}")];
            }
            field.doc = self.doc();
            field
        };
        names.into_iter().map(field).collect()
    }

    /// Returns fields that no other definition has, of types that serde can read twice.
    fn flat_fields(&mut self) -> Vec<Field> {
        let count = self.choices.below(4);
        (0..count).map(|at| Field::new(format!("f{} {at}", self.index), self.plain_type(2))).collect()
    }

    fn types(&mut self, end: usize) -> Vec<Type> {
        (0..self.choices.below(end)).map(|_| self.ty(2)).collect()
    }

    fn enumeration(&mut self, types: &RandomTypes) -> EnumDefinition {
        match self.choices.below(6) {
            0 => self.untagged(),
            1 => {
                let tag = "tag".to_owned();
                let mut variants = self.variants(|this| match this.choices.below(3) {
                    0 => Content::Unit,
                    1 if !types.flat.is_empty() => {
                        Content::Newtype(Type::Named(this.choices.pick(&types.flat).clone()))
                    }
                    _ => Content::Struct(this.flat_fields()),
                });
                self.add_other(&mut variants);
                EnumDefinition { tagging: Tagging::Internal { tag }, variants }
            }
            2 => {
                let tagging = Tagging::Adjacent { tag: "t".to_owned(), content: "c".to_owned() };
                EnumDefinition { tagging, variants: self.variants(Self::content) }
            }
            _ => {
                let mut variants = self.variants(Self::content);
                self.add_other(&mut variants);
                EnumDefinition { tagging: Tagging::External, variants }
            }
        }
    }

    fn variants(&mut self, mut content: impl FnMut(&mut Self) -> Content) -> Vec<Variant> {
        let names: Vec<_> = NAMES.iter().filter(|_| self.choices.one_in(6)).collect();
        names.into_iter().map(|name| variant(name, content(self))).collect()
    }

    fn add_other(&mut self, variants: &mut Vec<Variant>) {
        if self.choices.one_in(4) {
            variants.push(Variant { other: true, ..variant("other", Content::Unit) });
        }
    }

    fn content(&mut self) -> Content {
        match self.choices.below(4) {
            0 => Content::Unit,
            1 => Content::Newtype(self.ty(2)),
            2 => Content::Tuple(self.types(4)),
            _ => Content::Struct(self.fields()),
        }
    }

    /// Returns an enum whose variants differ in the kinds of their values.
    fn untagged(&mut self) -> EnumDefinition {
        let plain = self.plain_type(1);
        let all = [
            Content::Newtype(Type::U64),
            Content::Newtype(Type::F64),
            Content::Newtype(Type::Bool),
            Content::Newtype(Type::Text),
            Content::Newtype(Type::List(Box::new(plain))),
            Content::Struct(vec![Field::new("only", Type::I64), Field::new("other", Type::Text)]),
            Content::Struct(vec![Field::new("one", Type::Option(Box::new(Type::U8)))]),
            Content::Unit,
        ];
        let chosen: Vec<_> = all.into_iter().filter(|_| !self.choices.one_in(3)).collect();
        let variants = chosen.into_iter().enumerate();
        let variants = variants.map(|(index, content)| variant(&format!("V{index}"), content)).collect();
        EnumDefinition { tagging: Tagging::Untagged, variants }
    }

    fn ty(&mut self, depth: usize) -> Type {
        let is_deep = depth == 0 || self.choices.one_in(3);
        match if is_deep { 0 } else { self.choices.below(9) } {
            0 => self.simple_type(),
            1 => Type::Option(Box::new(self.ty(depth - 1))),
            2 => Type::List(Box::new(self.ty_on_heap(depth - 1))),
            3 => Type::Array(Box::new(self.ty(depth - 1)), *self.choices.pick(&[0, 1, 3, 33])),
            4 => Type::Tuple((0..self.choices.below(4)).map(|_| self.ty(depth - 1)).collect()),
            5 => Type::Map(Box::new(self.ty(depth - 1)), Box::new(self.ty_on_heap(depth - 1))),
            6 if self.index > 0 => Type::Named(type_name(self.choices.below(self.index))),
            7 => Type::Option(Box::new(Type::Named(type_name(self.choices.below(self.count))))),
            _ => self.choices.pick(self.std_names).clone(),
        }
    }

    /// Returns a type that may be one that contains this.
    fn ty_on_heap(&mut self, depth: usize) -> Type {
        if self.choices.one_in(4) {
            Type::Named(type_name(self.choices.below(self.count)))
        } else {
            self.ty(depth)
        }
    }

    fn simple_type(&mut self) -> Type {
        use Type::{
            Any, Bool, Bytes, Char, F32, F64, I8, I16, I32, I64, Opaque, Text, U8, U16, U32, U64, Unit,
        };
        let all = [
            Any, Opaque, Unit, Bool, U8, U16, U32, U64, I8, I16, I32, I64, F32, F64, Char, Text, Text, Bytes,
        ];
        if self.choices.one_in(10) {
            return Type::NonZero(Box::new(self.choices.pick(&[U8, U64, I16]).clone()));
        }
        self.choices.pick(&all).clone()
    }

    /// Returns a type that serde can read again from what it has put aside.
    fn plain_type(&mut self, depth: usize) -> Type {
        let simple = [Type::U32, Type::I64, Type::F64, Type::Bool, Type::Text, Type::Char];
        match if depth == 0 { 0 } else { self.choices.below(4) } {
            1 => Type::Option(Box::new(self.plain_type(depth - 1))),
            2 => Type::List(Box::new(self.plain_type(depth - 1))),
            3 => Type::Map(Box::new(Type::Text), Box::new(self.plain_type(depth - 1))),
            _ => self.choices.pick(&simple).clone(),
        }
    }
}

fn variant(name: &str, content: Content) -> Variant {
    Variant {
        name: name.to_owned(),
        doc: String::new(),
        aliases: Vec::new(),
        content,
        other: false,
        written: Presence::Always,
        read: Presence::Always,
    }
}
