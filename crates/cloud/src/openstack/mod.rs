//! OpenStack: Keystone v3 and Nova behind the port.

/// The secret part of a token.
#[derive(Debug)]
pub struct TokenInner {}
