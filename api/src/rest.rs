//! What a refusal leaves unread of a body. A small one is read to its end, so that the client keeps its connection: who is told to try again
//! in a second should not have to open another one for that. Larger ones are not worth reading; there the connection is closed.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as Tasks, Poll};
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::context::Context;

/// Bodies up to this are read after a refusal.
const BYTES_MAX: usize = 16 * 1024;
/// They have this long to arrive.
const WITHIN: Duration = Duration::from_secs(1);

/// The body of a request, in two hands: whoever reads it, and the envelope.
#[derive(Clone)]
pub(crate) struct Rest(Rc<RefCell<Payload>>);

impl Rest {
    /// Keeps a hand on the body of a request, if it has a small one.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        let length = request.headers().get(header::CONTENT_LENGTH)?;
        let length: usize = length.to_str().ok()?.parse().ok()?;
        if !(1..=BYTES_MAX).contains(&length) {
            return None;
        }
        let rest = Self(Rc::new(RefCell::new(request.take_payload())));
        let payload = Box::pin(rest.clone());
        request.set_payload(Payload::Stream { payload });
        Some(rest)
    }

    /// Reads what is left.
    pub(crate) async fn read(mut self, context: &Context) {
        let mut all = pin!(async { while let Some(Ok(_)) = self.next().await {} });
        // It came with the head, as a rule.
        if futures_util::poll!(&mut all).is_ready() {
            return;
        }
        // Too slow: the connection is closed instead.
        let clock = &context.process.clock;
        clock.timeout(WITHIN, all).await.unwrap_or_default();
    }
}

impl Stream for Rest {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, tasks: &mut Tasks<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(tasks)
    }
}
