//! What must not compile, and what the compiler says of it. `TRYBUILD=overwrite` rewrites what is expected.

#[test]
fn mistakes_are_found_at_their_tokens() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
