//! The rules by which the schemas of an app are compared.

use std::fmt;

use serde::{Serialize, Serializer};

use super::grades::{AppDirection, AppGrade};

macro_rules! rules {
    ($($rule:ident $name:literal $kind:ident $grade:ident $direction:ident $message:literal;)*) => {
        /// What is different between two schemas of an app. Each rule has a name, which does not change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum AppRule {
            $(
                #[doc = concat!("`", $name, "`: ", $message, ".")]
                $rule,
            )*
        }

        impl AppRule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// Returns the name of the rule.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            /// Returns what has happened.
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$rule => $message,)*
                }
            }

            /// Returns the grade and the direction of a difference by this rule, unless [one side does not
            /// read](Self::depends_on_values) what the other writes, which is of the grade [`Wire`](AppGrade::Wire).
            pub fn grade(self) -> (AppGrade, AppDirection) {
                match self {
                    $(Self::$rule => (AppGrade::$grade, AppDirection::$direction),)*
                }
            }

            /// Returns whether the grade depends on whether one side reads what the other writes.
            pub fn depends_on_values(self) -> bool {
                match self {
                    $(Self::$rule => rules!(@ $kind),)*
                }
            }
        }
    };
    (@ fixed) => { false };
    (@ decoded) => { true };
}

rules! {
    AppAdded "app-added" fixed Wire Forward "the app is new, or has a schema now";
    AppRemoved "app-removed" fixed Wire Backward "the app is gone, or has no schema any more";
    EventAdded "event-added" fixed Wire Forward "the event is new";
    EventRemoved "event-removed" fixed Wire Backward "the event is gone";
    EventChanged "event-changed" fixed Wire Both "the types of the event are others: a file of metadata shows what has changed";
    EventKind "event-kind" fixed Wire Both "an HTTP event is a call now, or a call an HTTP event";
    FallbackAdded "fallback-added" fixed Wire Forward "events of any other name are handled now";
    FallbackRemoved "fallback-removed" fixed Wire Backward "events of any other name are errors now";
    FallbackKind "fallback-kind" fixed Wire Both "events of any other name are of another kind";
    ArgumentAdded "argument-added" decoded Json Forward "the argument is new";
    ArgumentRemoved "argument-removed" decoded Json Backward "the argument is gone";
    ArgumentRenamed "argument-renamed" fixed Json Both "the argument has another name";
    ArgumentMoved "argument-moved" fixed Wire Both "the argument has another position, where others read it for another";
    ArgumentForm "argument-form" fixed Wire Both "a single argument is a chunk, and several are an array";
    InputStream "input-stream" fixed Wire Both "the event reads a stream of chunks now, or reads none any more";
    OutputStream "output-stream" fixed Wire Both "the event answers with a stream and not once, or once and not with a stream";
    ChunkEncoding "chunk-encoding" decoded Wire Both "a chunk is bytes as they are and not a value, or a value and not bytes";
    ErrorAdded "error-added" fixed Source Backward "the error is new, and arrives without a name at old callers";
    ErrorRemoved "error-removed" fixed Source Backward "the error is gone";
    ErrorRenamed "error-renamed" fixed Json Both "the error has another name";
    ErrorCode "error-code" fixed Wire Both "the error has another code, under which it is not recognized";
    ErrorsRenamed "errors-renamed" fixed Source Both "the type of the errors has another name";
    OpaqueType "opaque-type" fixed Json Both "one of the types has no schema, so nothing can be said of values";
    AnyType "any-type" decoded Wire Both "any value is sent where only some are, or only some where any was";
    TypeChanged "type-changed" decoded Source Both "the type is another";
    IntWidened "int-widened" decoded Source Both "the integer holds more values";
    IntNarrowed "int-narrowed" decoded Source Both "the integer holds fewer values";
    IntSign "int-sign" decoded Source Both "the integer holds other values";
    IntToFloat "int-to-float" decoded Source Both "an integer is a float now";
    FloatToInt "float-to-int" decoded Source Both "a float is an integer now";
    FloatWidened "float-widened" decoded Source Both "the float is more precise";
    FloatNarrowed "float-narrowed" decoded Source Both "the float is less precise";
    BytesToText "bytes-to-text" decoded Json Both "bytes are a text now";
    TextToBytes "text-to-bytes" decoded Json Both "a text is bytes now";
    BytesOrList "bytes-or-list" decoded Json Both "bytes are a list of integers now, or the list bytes";
    CharOrText "char-or-text" decoded Source Both "a character is a text now, or a text a character";
    OptionToRequired "option-to-required" decoded Source Both "the value has to be there now";
    RequiredToOption "required-to-option" decoded Source Both "the value may be missing now";
    ListOrArray "list-or-array" decoded Source Both "a list has a fixed length now, or an array any length";
    TupleLength "tuple-length" decoded Json Both "there are more elements, or fewer";
    NewtypeChanged "newtype-changed" fixed Source Both "a type with a name of its own is its content now, or the content has such a type";
    TypeRenamed "type-renamed" fixed Source Both "the type has another name";
    FieldAdded "field-added" decoded Source Both "the field is new";
    FieldRemoved "field-removed" decoded Json Backward "the field is gone";
    FieldRenamed "field-renamed" decoded Json Both "the field has another name, and one of the two names is an alias";
    FieldMoved "field-moved" fixed None Both "the fields have another order";
    FieldRequired "field-required" decoded Json Backward "the field has to be there now";
    FieldOptional "field-optional" decoded Source Forward "the field may be missing now";
    FieldWritten "field-written" decoded Json Backward "the field is written more often, or less often";
    AliasRemoved "alias-removed" fixed Json Backward "an alias is no longer read";
    UnknownFieldsDenied "unknown-fields-denied" fixed Json Backward "unknown fields are an error now";
    UnknownFieldsAccepted "unknown-fields-accepted" fixed Json Forward "unknown fields are skipped now";
    FlattenChanged "flatten-changed" decoded Json Both "what stands in place of a flattened field is another";
    VariantAdded "variant-added" decoded Source Both "the variant is new";
    VariantRemoved "variant-removed" decoded Source Backward "the variant is gone";
    VariantRenamed "variant-renamed" decoded Json Both "the variant has another name";
    VariantPresence "variant-presence" decoded Source Both "the variant is written or read now, or is no longer";
    VariantMoved "variant-moved" fixed None Both "the variants have another order";
    VariantContent "variant-content" decoded Json Both "the variant has content now, or has none any more";
    OtherVariant "other-variant" fixed Source Both "another variant, or none any more, stands for unknown names";
    TaggingChanged "tagging-changed" decoded Json Both "the variants are told apart in another way";
    UntaggedOrder "untagged-order" decoded Wire Both "variants without a tag are tried in another order";
    DocsChanged "docs-changed" fixed None Both "the documentation is another";
    TooManyDifferences "too-many-differences" fixed Wire Both "there are more differences than are compared";
}

impl fmt::Display for AppRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for AppRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
