//! The names that `rename_all` makes are those that serde makes.

use cocaine::Schema;
use serde::{Deserialize, Serialize};

use crate::conformance::conforms;

macro_rules! rules {
    ($($module:ident: $rule:literal)*) => {
        $(mod $module {
            use cocaine::Schema;
            use serde::Serialize;

            #[allow(non_snake_case, reason = "serde takes any name")]
            #[derive(Default, Serialize, Schema)]
            #[serde(rename_all = $rule)]
            pub(super) struct Names {
                word: u8,
                two_words: u8,
                _odd__name_2: u8,
            }

            #[derive(Serialize, Schema)]
            #[serde(rename_all = $rule, rename_all_fields = $rule)]
            pub(super) enum Variants {
                Word,
                TwoWords,
                HTTPServer2 { two_words: u8 },
            }
        })*

        #[test]
        fn renamed_names_are_those_of_serde() {
            $(
                conforms(&$module::Names::default());
                conforms(&$module::Variants::Word);
                conforms(&$module::Variants::TwoWords);
                conforms(&$module::Variants::HTTPServer2 { two_words: 1 });
            )*
        }
    };
}

rules! {
    lower: "lowercase"
    upper: "UPPERCASE"
    pascal: "PascalCase"
    camel: "camelCase"
    snake: "snake_case"
    screaming_snake: "SCREAMING_SNAKE_CASE"
    kebab: "kebab-case"
    screaming_kebab: "SCREAMING-KEBAB-CASE"
}

/// Whether its variants can be told apart is known where it is used.
#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Either<A, B> {
    Left(A),
    Right(B),
}

#[test]
fn generic_variants_are_checked_where_used() {
    conforms(&Either::<u8, String>::Left(1));
    conforms(&Either::<u8, String>::Right("b".to_owned()));
    conforms(&Either::<f64, Either<bool, Vec<u8>>>::Right(Either::Right(vec![1])));
}
