//! What every answer has: a request id, a body for every refusal, and headers that keep caches and browsers away.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use wire::problem::{Code, MEDIA_TYPE};

use crate::auth::right::Left;
use crate::colos::{self, NOT_BEGUN, Pass};
use crate::context::Context;
use crate::failure::Failure;
use crate::rest::Rest;

/// What one tenant may ask, and when it may ask again (draft-ietf-httpapi-ratelimit-headers).
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How much of it is left.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header with the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header with the transaction id of the old surface.
const RESPONSE_ID: HeaderName = HeaderName::from_static("x-response-id");
/// Most problems are no longer.
const PROBLEM_BYTES: usize = 512;
/// Longest id that is taken over from the caller.
const REQUEST_ID_MAX: usize = 64;

/// Names a request in answers, records and logs: the caller's own, if it has a decent form, else one made here.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id of `request`.
    #[must_use]
    pub fn of(request: &HttpRequest) -> String {
        let extensions = request.extensions();
        let id = extensions.get::<Self>().and_then(|id| id.0.to_str().ok());
        id.unwrap_or_default().to_owned()
    }

    fn given(request: &ServiceRequest) -> Option<Self> {
        let given = request.headers().get(&REQUEST_ID)?;
        let decent = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        let bytes = given.as_bytes();
        (!bytes.is_empty() && bytes.len() <= REQUEST_ID_MAX && bytes.iter().all(decent))
            .then(|| Self(given.clone()))
    }

    fn made(context: &Context) -> Self {
        let bytes = context.process.entropy.u64().to_be_bytes();
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        let text: [u8; 16] = std::array::from_fn(|at| {
            let byte = bytes[at / 2];
            digit(if at % 2 == 0 { byte >> 4 } else { byte & 15 })
        });
        Self(HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("none")))
    }
}

/// The middleware round every route.
///
/// # Errors
/// None of its own: those of inner services are rendered like all others.
pub async fn envelope<B: MessageBody + 'static>(
    context: web::Data<Context>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let id = RequestId::given(&request).unwrap_or_else(|| RequestId::made(&context));
    request.extensions_mut().insert(id.clone());
    let in_hand = context.enter();
    // Counted before it is asked, so that a stop either sees the request or refuses it; health is answered to the end.
    let stopping = context.is_closed() && !request.path().starts_with("/health/");
    let mut answer = if stopping {
        let stopping = Failure::new(Code::Unavailable, "the service is stopping; try again");
        let mut refusal = refusal(&context, request.path(), &stopping, &id);
        refusal
            .head_mut()
            .set_connection_type(ConnectionType::Close);
        refusal.headers_mut().insert(NOT_BEGUN, yes());
        request.into_response(refusal).map_into_right_body()
    } else {
        let rest = Rest::of(&mut request);
        let answer = handled(&context, request, next, &id).await?;
        if let Some(rest) = rest.filter(|_| answer.response().error().is_some()) {
            rest.read(&context).await;
        }
        let old = crate::v1::is_v1(answer.request().path());
        let error = answer.response().error();
        match error.map(|error| render(&context, error, &id, old)) {
            Some(problem) => answer.into_response(problem).map_into_right_body(),
            None => {
                context.counts.done();
                answer
            }
        }
    };
    drop(in_hand);
    if context.process.stop.is_requested() {
        // Whoever asks again asks another one.
        let head = answer.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let old = crate::v1::is_v1(answer.request().path());
    tell_left(&context, &mut answer, old);
    let headers = answer.headers_mut();
    if old {
        // As the old service named its answers (row B012).
        let random = context.process.entropy.u128();
        if let Ok(transaction) = HeaderValue::from_str(&domain::ids::uuid4(random)) {
            headers.insert(RESPONSE_ID, transaction);
        }
        headers.insert(header::SERVER, HeaderValue::from_static("holt"));
    }
    if !context.stores.home.is_serving() && answer.status() == StatusCode::MISDIRECTED_REQUEST {
        // Another control plane of the colo may do it.
        answer.headers_mut().insert(NOT_BEGUN, yes());
    }
    let headers = answer.headers_mut();
    // Another colo that answered said so itself.
    if context.colos.is_some() && !headers.contains_key(colos::COLO) {
        let here = HeaderValue::from_str(&context.colo.0.to_string());
        headers.insert(colos::COLO, here.unwrap_or(HeaderValue::from_static("0")));
    }
    headers.insert(REQUEST_ID, id.0);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(answer)
}

/// What a header says that is a flag.
const fn yes() -> HeaderValue {
    HeaderValue::from_static("1")
}

/// Says how much the tenant may still ask; the old service did not.
fn tell_left<B>(context: &Context, answer: &mut ServiceResponse<B>, old: bool) {
    let extensions = answer.request().extensions();
    let left = extensions.get::<Left>().map(|left| left.0);
    drop(extensions);
    let headers = answer.headers_mut();
    if let Some(left) = left.filter(|_| !old && !headers.contains_key(RATE_LIMIT)) {
        headers.insert(RATE_LIMIT_POLICY, context.rate_policy.clone());
        if let Ok(value) = HeaderValue::from_str(&format!("\"tenant\";r={left}")) {
            headers.insert(RATE_LIMIT, value);
        }
    }
}

/// Has the request answered: here within the time that it has, or by its home in another colo.
async fn handled<B: MessageBody + 'static>(
    context: &web::Data<Context>,
    mut request: ServiceRequest,
    next: Next<B>,
    id: &RequestId,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let within = match colos::pass(context, &mut request).await {
        Ok(Pass::Here(within)) => within,
        Ok(Pass::Answered(answer)) => {
            return Ok(request.into_response(answer).map_into_right_body());
        }
        Err(refused) => return Ok(request.error_response(refused).map_into_right_body()),
    };
    let Some(within) = within else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let path = request.path().to_owned();
    match context
        .process
        .clock
        .timeout(within, next.call(request))
        .await
    {
        Ok(answer) => Ok(answer?.map_into_left_body()),
        Err(_late) => {
            let detail = "its time was over before it was done, and it may have been done";
            let late = Failure::new(Code::OutcomeUnknown, detail);
            let refusal = refusal(context, &path, &late, id);
            Err(InternalError::from_response(detail, refusal).into())
        }
    }
}

fn render(context: &Context, error: &Error, id: &RequestId, old: bool) -> HttpResponse {
    if let Some(error) = error.as_error::<crate::v1::Error>() {
        context.counts.refused(error.code);
        return error.answer();
    }
    if let Some(failure) = error.as_error::<Failure>().filter(|_| old) {
        context.counts.refused(failure.code);
        return crate::v1::Error::from(failure).answer();
    }
    let Some(failure) = error.as_error::<Failure>() else {
        // Nothing of ours fails in another way; its words may be anything, so they go to the log only.
        tracing::error!(error = %error, "a request failed in an unforeseen way");
        let unforeseen = Failure::new(Code::Internal, "the request id leads support to the cause");
        return answer(context, &unforeseen, id);
    };
    answer(context, failure, id)
}

/// A refusal in the words of the surface that was asked.
fn refusal(context: &Context, path: &str, failure: &Failure, id: &RequestId) -> HttpResponse {
    if crate::v1::is_v1(path) {
        context.counts.refused(failure.code);
        crate::v1::Error::from(failure).answer()
    } else {
        answer(context, failure, id)
    }
}

fn answer(context: &Context, failure: &Failure, id: &RequestId) -> HttpResponse {
    use actix_web::ResponseError;
    context.counts.refused(failure.code);
    let mut problem = (*failure.problem).clone();
    problem
        .request_id
        .push_str(id.0.to_str().unwrap_or_default());
    let mut answer = HttpResponse::build(failure.status_code());
    answer.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
    if failure.code.status() == 401 {
        answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if failure.code == Code::MethodNotAllowed
        && let Some(methods) = &problem.rule
    {
        answer.insert_header((header::ALLOW, &**methods));
    }
    if let Some(wait) = failure.retry_after {
        // Whole seconds, rounded up, never zero: "at once" is no answer to "too much".
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        if failure.code == Code::TooManyRequests {
            answer.insert_header((RATE_LIMIT_POLICY, context.rate_policy.clone()));
            answer.insert_header((RATE_LIMIT, format!("\"tenant\";r=0;t={seconds}")));
        }
    }
    let mut body = Vec::with_capacity(PROBLEM_BYTES);
    serde_json::to_writer(&mut body, &problem).unwrap_or_default();
    answer.body(body)
}
