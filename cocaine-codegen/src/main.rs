//! Typed Rust for every service of a Cocaine cloud, from what its locator says.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    cocaine_codegen::program::run("cocaine-codegen", env::args_os().skip(1))
}
