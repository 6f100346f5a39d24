//! Reading bodies and query parameters: bounded, strict, and with the field named that is wrong.

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use domain::ids::RequestHash;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use wire::problem::Code;
use wire::v2::Invalid;
use wire::v2::object::Object;

use crate::context::Context;
use crate::failure::Failure;

/// The largest body on `/v2` (design 11).
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// A body has so long to arrive after its head (safety S10).
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How deep a body may nest.
pub const DEPTH_MAX: usize = 32;

/// A JSON body, with the hash of its bytes.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of its bytes: the same idempotency key with another body is refused.
    pub hash: RequestHash,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        Box::pin(read(request, payload, &[JSON]))
    }
}

/// The media type of bodies.
pub(crate) const JSON: &str = "application/json";

/// Reads a body of one of these media types.
pub(crate) fn read<T: DeserializeOwned + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    media: &[&str],
) -> impl Future<Output = Result<Body<T>, Failure>> + use<T> {
    let checked = check_headers(request, media);
    let context = request.app_data::<web::Data<Context>>().cloned();
    let payload = payload.take();
    async move {
        checked?;
        let context = context.ok_or_else(|| Failure::new(Code::Internal, "no context"))?;
        let bytes = arrive(&context, payload, BODY_BYTES_MAX).await?;
        check_depth(&bytes)?;
        Ok(Body {
            value: parse(&bytes)?,
            hash: RequestHash(Sha256::digest(&bytes).into()),
        })
    }
}

fn too_large() -> Failure {
    Failure::new(
        Code::BodyTooLarge,
        "a body may have 256 KiB, and 2 MB where /v1.0 takes a launch configuration",
    )
}

/// The whole body, of at most `most` bytes, in time.
pub(crate) async fn arrive(
    context: &Context,
    payload: Payload,
    most: usize,
) -> Result<web::Bytes, Failure> {
    let clock = &context.process.clock;
    let late = |_elapsed| Failure::new(Code::BodyTimeout, "a body has 10 s to arrive");
    let arriving = clock.timeout(BODY_DEADLINE, collect(payload, most));
    arriving.await.map_err(late)?
}

fn check_headers(request: &HttpRequest, accepted: &[&str]) -> Result<(), Failure> {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    let media = text(header::CONTENT_TYPE).unwrap_or(JSON);
    let media = media.split(';').next().unwrap_or_default().trim();
    if !accepted.iter().any(|it| media.eq_ignore_ascii_case(it)) {
        let detail = format!("send the body as {}", accepted.join(" or "));
        return Err(Failure::new(Code::UnsupportedMediaType, detail));
    }
    let coded = text(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"));
    if coded {
        return Err(Failure::new(
            Code::UnsupportedMediaType,
            "send the body without content encoding",
        ));
    }
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    Ok(())
}

async fn collect(mut payload: Payload, most: usize) -> Result<web::Bytes, Failure> {
    let broken = |_error| Failure::new(Code::MalformedJson, "the body ended early");
    let Some(first) = payload.next().await else {
        return Ok(web::Bytes::new());
    };
    let first = first.map_err(broken)?;
    let Some(second) = payload.next().await else {
        // Most bodies come in one piece and are not copied.
        return if first.len() > most {
            Err(too_large())
        } else {
            Ok(first)
        };
    };
    let mut whole = web::BytesMut::from(&first[..]);
    whole.extend_from_slice(&second.map_err(broken)?);
    while let Some(chunk) = payload.next().await {
        whole.extend_from_slice(&chunk.map_err(broken)?);
        if whole.len() > most {
            return Err(too_large());
        }
    }
    if whole.len() > most {
        return Err(too_large());
    }
    Ok(whole.freeze())
}

/// Brackets that are open at once, outside of texts.
fn check_depth(bytes: &[u8]) -> Result<(), Failure> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(Failure::new(Code::TooDeep, "a body may nest 32 deep"));
        }
    }
    Ok(())
}

/// Reads the body; only a body that cannot be read is read a second time, to find the field at fault.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice::<Object<T>>(bytes)
        .map(|object| object.0)
        .map_err(|error| {
            if error.is_data() {
                blame::<T>(bytes)
            } else {
                let place = format!("line {}, column {}", error.line(), error.column());
                Failure::new(
                    Code::MalformedJson,
                    format!("the body is not JSON: {place}"),
                )
            }
        })
}

fn blame<T: DeserializeOwned>(bytes: &[u8]) -> Failure {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, Object<T>>(&mut reader) else {
        return Failure::new(Code::MalformedJson, "the body has more than one JSON value");
    };
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let inner = error.inner().to_string();
    // Without the place, which `field` says better.
    let rule = inner.split(" at line ").next().unwrap_or_default();
    if rule.starts_with("unknown field") {
        return Failure::new(
            Code::UnknownField,
            format!("the field `{path}` is not known here"),
        )
        .at(path, "is not known here");
    }
    // Serde names these fields in its text only.
    let named = [
        ("missing field", "is missing"),
        ("duplicate field", "is given twice"),
    ];
    let named = named.into_iter().find(|(start, _)| rule.starts_with(start));
    let (field, rule) = match named {
        Some((_, ours)) => {
            let name = rule.split('`').nth(1).unwrap_or_default();
            let dot = if path.is_empty() { "" } else { "." };
            (format!("{path}{dot}{name}"), ours.to_owned())
        }
        None => (path, cut(rule)),
    };
    if field.is_empty() {
        return Failure::new(Code::InvalidField, format!("the body does not fit: {rule}"));
    }
    Failure::from(Invalid::new(field, rule))
}

/// Serde repeats what it was given; a whole body must not come back in an error.
fn cut(rule: &str) -> String {
    rule.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// How many rows a page has.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// If the caller does not say.
    pub default: u32,
    /// The most that the caller may ask for.
    pub most: u32,
}

impl Rows {
    /// Of things that a customer configured.
    pub const SHORT: Self = Self {
        default: 20,
        most: 100,
    };
    /// Of things that happened.
    pub const LONG: Self = Self {
        default: 50,
        most: 500,
    };
}

/// The query parameters of a request, all of which must be known.
#[derive(Debug)]
pub struct Params(Vec<(String, String)>);

impl FromRequest for Params {
    type Error = Failure;
    type Future = std::future::Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let unreadable = |_error| Failure::parameter("", "cannot be read");
        std::future::ready(
            pairs
                .map(|pairs| Self(pairs.into_inner()))
                .map_err(unreadable),
        )
    }
}

impl Params {
    /// Refuses every parameter but these, and each that comes twice.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn only(self, known: &[&str]) -> Result<Self, Failure> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Failure::parameter(&cut(name), "is not known here"));
            }
            if self.0[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Failure::parameter(name, "must not be given twice"));
            }
        }
        Ok(self)
    }

    /// The parameter of that name, if it is given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same, understood.
    ///
    /// # Errors
    /// 400 naming the parameter and `rule`.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        rule: &str,
    ) -> Result<Option<T>, Failure> {
        let understood = |value: &str| {
            value
                .parse()
                .map_err(|_error| Failure::parameter(name, rule))
        };
        self.text(name).map(understood).transpose()
    }

    /// A number that counts something: up to 2^63 - 1, as the document says (`int64`) and stores can count.
    ///
    /// # Errors
    /// 400 naming the parameter and `rule`.
    pub fn number(&self, name: &str, rule: &str) -> Result<Option<u64>, Failure> {
        let number = self.parsed::<u64>(name, rule)?;
        if number.is_some_and(|number| i64::try_from(number).is_err()) {
            return Err(Failure::parameter(name, rule));
        }
        Ok(number)
    }

    /// How many rows.
    ///
    /// # Errors
    /// 400.
    pub fn limit(&self, rows: Rows) -> Result<u32, Failure> {
        let rule = "must be a whole number from 1 to its maximum";
        match self.parsed::<u32>("limit", rule)? {
            Some(limit) if (1..=rows.most).contains(&limit) => Ok(limit),
            Some(_) => Err(Failure::parameter("limit", rule)),
            None => Ok(rows.default),
        }
    }
}

#[cfg(test)]
mod tests;
