//! Values of the wire as JSON: by their own kind, and by the schema of an app (`docs/apps.md` 6).

mod conversion;
mod event_params;
mod forms;

pub use conversion::{Conversion, ConversionDirection, Misfit, PlainJson};
pub use event_params::{INPUT, ParamsError, encode_params};
pub use forms::{AsJson, resolve_forms, write_forms};
