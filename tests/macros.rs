//! What the compiler says about the attributes: the messages for wrong uses, and its silence about
//! right ones. What the attributed functions do when they run is the matter of `attributes.rs`.
#![cfg(all(feature = "macros", not(loom)))]

/// The expected messages stand beside the wrong programs; `TRYBUILD=overwrite` writes them anew.
#[test]
fn wrong_use_of_the_attributes_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn right_use_of_the_attributes_compiles_and_runs() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
