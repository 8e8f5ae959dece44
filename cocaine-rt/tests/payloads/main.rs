//! Payloads: what apps send each other, and exchange with programs in other languages.

mod conversions;
mod evolution;
mod peers;
mod properties;
mod types;
