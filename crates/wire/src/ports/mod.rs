//! The ports between the roles: `submit` (api to the owner of a group), `ops` (worker to supervisor) and `hooks` (hooks lane to supervisor).
//!
//! Each has an in-process implementation (the supervisor itself) and an HTTP one (behind a shared key, certificates that name roles, or both).

pub mod hooks;
mod http;
pub mod http_hooks;
pub mod http_ops;
pub mod http_submit;
pub mod ops;
mod role;
pub mod submit;

pub use http::{Guard, PeerError};
pub use role::{Credentials, CredentialsError, Role};
