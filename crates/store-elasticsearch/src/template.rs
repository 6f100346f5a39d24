//! The template of the months' indices: which fields there are, and how they are looked at. `holt history apply` alone changes it; a month's index
//! takes the template of the day on which it is made.

use serde_json::{Value, json};

use crate::client::CallError;
use crate::{Elastic, Settings};

/// The newest version of the template.
pub const VERSION: u64 = 1;

/// Why documents cannot be put yet.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is none, or an older one: run `holt history apply`.
    #[error(
        "the index of history has template version {0}, this build needs {VERSION}: run `holt history apply`"
    )]
    Older(u64),
    /// A newer build made it: use that build.
    #[error(
        "the index of history has template version {0}, this build knows versions up to {VERSION}"
    )]
    Newer(u64),
    /// The cluster gave no answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Elastic {
    /// The version of the template; 0 if there is none.
    ///
    /// # Errors
    /// The cluster gave no answer.
    pub async fn template(&self) -> Result<u64, CallError> {
        let index = &self.inner.settings.index;
        let found = self.inner.client.template(index).await?;
        let version = |found: &Value| {
            found
                .pointer("/index_templates/0/index_template/version")?
                .as_u64()
        };
        Ok(found.as_ref().and_then(version).unwrap_or(0))
    }

    /// Brings the template to this build's version. Gives the versions before and after.
    ///
    /// # Errors
    /// [`TemplateError`]; nothing was changed, or it can be repeated.
    pub async fn apply(&self) -> Result<(u64, u64), TemplateError> {
        let before = self.template().await?;
        if before > VERSION {
            return Err(TemplateError::Newer(before));
        }
        let settings = &self.inner.settings;
        let body = template(settings);
        self.inner
            .client
            .put_template(&settings.index, body)
            .await?;
        Ok((before, VERSION))
    }

    /// Refuses a template that this build does not know: documents without it could not be found.
    pub(crate) async fn expect_current(&self) -> Result<(), TemplateError> {
        match self.template().await? {
            VERSION => Ok(()),
            found if found < VERSION => Err(TemplateError::Older(found)),
            found => Err(TemplateError::Newer(found)),
        }
    }
}

fn template(settings: &Settings) -> Value {
    // Longer values are kept, and not found by this field.
    let word = json!({"type": "keyword", "ignore_above": 1024});
    let kept = json!({"type": "keyword", "index": false, "doc_values": false});
    json!({
        "index_patterns": [format!("{}-*", settings.index)],
        "version": VERSION,
        "priority": 500,
        "template": {
            "settings": {
                "number_of_shards": 1,
                "number_of_replicas": settings.copies,
                "refresh_interval": "1s",
            },
            "mappings": {
                "dynamic": "strict",
                "_source": {"excludes": ["pieces"]},
                "properties": {
                    "tenant": {"type": "keyword"},
                    "group": {"type": "keyword"},
                    "epoch": {"type": "long", "index": false},
                    "rev": {"type": "long"},
                    "at": {"type": "date", "format": "epoch_millis"},
                    "cause": word, "actor": word, "request": word,
                    "server": word, "verdict": word,
                    "before": {"type": "long"}, "after": {"type": "long"},
                    "record": kept, "detail": kept, "previous": kept, "hash": kept,
                    // Not sorted or counted by: only found.
                    "pieces": {"type": "keyword", "doc_values": false},
                },
            },
        },
    })
}
