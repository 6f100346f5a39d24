//! The two ports between the roles: `submit` (api to the owner of a group) and `ops` (worker to supervisor). Each has an in-process
//! implementation (the supervisor itself) and an HTTP one (`http` beside this file, behind a shared key for now).

pub mod ops;
pub mod submit;
