//! Whatever the graph, the output is Rust, says what the metadata says, and is the same again.

use cocaine_codegen::{Catalogue, Options, OutputLayout, compare, generate, read_tables};
use proptest::prelude::*;

use crate::graphs;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_graph_becomes_rust(metadata in graphs::hostile()) {
        let catalogue = Catalogue::builtin();
        for layout in [OutputLayout::SingleFile, OutputLayout::FilePerService] {
            let options = Options { layout, ..Options::default() };
            let output = generate(&metadata, &catalogue, &options).unwrap();
            for file in &output.files {
                let parsed = syn::parse_file(&file.text);
                prop_assert!(parsed.is_ok(), "{}: {:?}", file.name, parsed.err());
            }
            if layout == OutputLayout::SingleFile {
                prop_assert_eq!(&output, &generate(&metadata, &catalogue, &options).unwrap());
                let text = &output.files[0].text;
                prop_assert_eq!(compare(&metadata, &read_tables(text).unwrap()), []);
            }
        }
    }
}
