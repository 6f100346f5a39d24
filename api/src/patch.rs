//! Merge patches (RFC 7396): a body that names only what changes.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::ids::RequestHash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::{self, Body};
use crate::failure::Failure;

/// Its media type.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A merge patch, with the hash of its bytes.
#[derive(Debug)]
pub struct Patch {
    changes: Map<String, Value>,
    /// SHA-256 of its bytes.
    pub(crate) hash: RequestHash,
}

impl FromRequest for Patch {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = body::read::<Map<String, Value>>(request, payload, &[MERGE_PATCH, body::JSON]);
        Box::pin(async move {
            let Body { value, hash } = read.await?;
            Ok(Self {
                changes: value,
                hash,
            })
        })
    }
}

impl Patch {
    /// What is there with the changes made, read as strictly as a whole body.
    ///
    /// # Errors
    /// As for a body: the field is named that breaks a rule.
    pub(crate) fn apply<T: Serialize + DeserializeOwned>(&self, there: &T) -> Result<T, Failure> {
        let mut value = serde_json::to_value(there).unwrap_or_default();
        merge(&mut value, &Value::Object(self.changes.clone()));
        let bytes = web::Bytes::from(serde_json::to_vec(&value).unwrap_or_default());
        body::parse(&bytes)
    }
}

/// Makes the changes: an object goes into an object, null takes away, all else takes the place of what is there.
fn merge(there: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        there.clone_from(changes);
        return;
    };
    if !there.is_object() {
        *there = Value::Object(Map::new());
    }
    let Value::Object(members) = there else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests;
