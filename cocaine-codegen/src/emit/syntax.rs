//! Syntax trees of what there is one of for each method.
//!
//! The rest is quoted. Quoted tokens have to be parsed before they can be laid out, and for a cloud of a thousand
//! services that would be most of the work.

mod expr;
mod function;
mod ty;

pub(super) use expr::*;
pub(super) use function::*;
pub(super) use ty::*;
