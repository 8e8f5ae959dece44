//! Programs that must not compile, with the messages of the compiler. `TRYBUILD=overwrite` rewrites the messages.

#[test]
fn errors_point_at_the_call() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
