//! Everything that crosses a process border: the two ports between the roles, the public API's types, the typed client, and the
//! break-glass file.
//!
//! Deliberately absent: decisions and rows. Domain types never derive serde; here they meet JSON, once.
#![warn(missing_docs)]

pub mod client;
pub mod glass;
pub mod hooks;
pub mod ports;
pub mod problem;
pub mod trace;
pub mod v1;
pub mod v2;
