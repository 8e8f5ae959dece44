//! The kinds of values that a type is written as and read from, which decide at compile time whether serde can tell the
//! variants of an `untagged` enum apart.

/// The kinds of values that a type is written as, and those that it is read from.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    written: u8,
    read: u8,
}

const NIL: u8 = 1;
const BOOL: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
const FLOAT: u8 = 1 << 3;
const RAW: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const MAP: u8 = 1 << 6;

impl Kinds {
    /// Of a type about which nothing is known. It is in nobody's way.
    pub const UNKNOWN: Self = Self::new(0, 0);
    /// Of a type that takes any value. It is for what no other variant takes.
    pub const ANY: Self = Self::new(0, u8::MAX);
    /// Of nil.
    pub const UNIT: Self = Self::new(NIL, NIL);
    /// Of a unit struct.
    pub const UNIT_STRUCT: Self = Self::new(ARRAY, NIL | ARRAY | MAP);
    /// Of booleans.
    pub const BOOL: Self = Self::new(BOOL, BOOL);
    /// Of integers.
    pub const INTEGER: Self = Self::new(INTEGER, INTEGER);
    /// Of floats, for which integers are accepted.
    pub const FLOAT: Self = Self::new(FLOAT, FLOAT | INTEGER);
    /// Of texts.
    pub const TEXT: Self = Self::new(RAW, RAW);
    /// Of bytes, for which arrays are accepted.
    pub const BYTES: Self = Self::new(RAW, RAW | ARRAY);
    /// Of lists and tuples.
    pub const ARRAY: Self = Self::new(ARRAY, ARRAY);
    /// Of maps.
    pub const MAP: Self = Self::new(MAP, MAP);
    /// Of structs, and of enums with a tag within.
    pub const STRUCT: Self = Self::new(MAP, MAP | ARRAY);
    /// Of the names of variants.
    pub const UNIT_VARIANT: Self = Self::new(RAW, RAW | MAP);
    /// Of variants with content.
    pub const VARIANT: Self = Self::new(MAP, RAW | MAP);

    const fn new(written: u8, read: u8) -> Self {
        Self { written, read }
    }

    /// Returns the kinds of an `Option`.
    #[must_use]
    pub const fn or_nil(self) -> Self {
        self.or(Self::UNIT)
    }

    /// Returns the kinds of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self::new(self.written | other.written, self.read | other.read)
    }

    /// Returns whether a value of `later` can be taken for one of this, which is tried before it.
    pub const fn takes(self, later: Self) -> bool {
        self.read & later.written != 0
    }

    /// Returns whether its values are maps, or nil, to which a tag can be added, and which can be flattened.
    pub const fn is_map(self) -> bool {
        self.written & !(MAP | NIL) == 0
    }
}
