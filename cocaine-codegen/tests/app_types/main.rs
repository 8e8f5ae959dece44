//! The types of apps in Rust.

#[path = "../compilers/mod.rs"]
mod compilers;
mod forms;
mod golden;
mod random;
mod refused;
mod round_trip;
mod table;

/// What is generated from the runtime's table of types.
#[allow(dead_code, unreachable_pub, reason = "as in the modules that are generated for apps")]
mod generated {
    include!("../golden/types.rs");
}
