//! Properties of the generator and of what it generates, over random graphs.

mod cloud;
mod compiled;
mod graphs;
mod machine;
mod output;
mod walks;
