//! Nothing secret reaches a log, at any level (safety S21, S22).

use std::io;
use std::sync::PoisonError;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Where the log goes.
#[derive(Clone, Default)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sheet.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sheet {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_reaches_a_log_whatever_the_cloud_answers() {
    let sheet = Sheet::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(sheet.clone())
        .finish();
    let _logs = tracing::subscriber::set_default(subscriber);
    let answers: [fn() -> Say; 6] = [
        accepted,
        || Say::json(500, r#"{"computeFault": {"message": "x"}}"#),
        || Say::json(401, "{}"),
        || Say::Bytes(Vec::new()),
        || Say::json(403, r#"{"forbidden": {"message": "Policy"}}"#),
        // Nova repeats the request that breaks its schema.
        || {
            Say::json(
                400,
                r#"{"badRequest": {"message": "Invalid input for field/attribute server. Value: {'adminPass': 'CANARY'}. Additional properties are not allowed ('x' was unexpected)"}}"#,
            )
        },
    ];
    for answer in answers {
        let (cloud, _double) = cloud(move |_| answer()).await;
        let token = cloud.token(&tenant()).await.expect("a token");
        let created = cloud.create(&token, &new_server()).await;
        tracing::info!(?token, ?created, ?cloud, "done");
        let read = cloud.get(&tenant(), ServerId::from_u128(1)).await;
        tracing::info!(?read, "done");
        let listed = cloud.list(&tenant()).await;
        tracing::info!(?listed, "done");
    }
    let text = String::from_utf8_lossy(&sheet.0.lock().expect("not poisoned")).into_owned();
    assert!(text.contains("the cloud says no"), "{text}");
    for secret in ["CANARY", "0123456789abcdef0123456789abcdef"] {
        let at = text
            .find(secret)
            .map(|at| &text[at.saturating_sub(300)..at]);
        assert_eq!(at, None, "{secret}");
    }
}
