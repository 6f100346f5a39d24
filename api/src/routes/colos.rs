//! Which control plane serves a colo, and taking over, for operators (safety 3.10, ADR 0020).
//!
//! A control plane is asked about itself: these requests are never forwarded, and need neither the cloud nor the colo's other control planes.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::home::{Act, Claim};
use domain::ids::HomeEpoch;
use store::home::{Published, Shared, Wish};
use wire::problem::Code;
use wire::v2::colo::{ColoView, Doing, Since, TakeoverSpec};
use wire::v2::time::Moment;

use crate::auth::right::{Operate, Staff};
use crate::body::Body;
use crate::context::Context;
use crate::failure::Failure;
use crate::looks;
use crate::openapi::{Keyed, OfBody, OfColo, OfWrite, Refusals};
use crate::write::{Answer, once};

/// What this control plane knows of its colo: whether it serves it, who has it, and for how long that one has been silent.
#[utoipa::path(
    get, path = "/v2/colos/{colo}", operation_id = "showColo", tag = "operators",
    params(("colo" = u16, Path, description = "The number of the colo that is asked")),
    responses((status = 200, description = "As this control plane sees it", body = ColoView), Refusals, OfColo),
    security(("token" = [])),
)]
pub async fn show(
    _staff: Staff<Operate>,
    context: web::Data<Context>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let shared = of(&context, &path)?;
    let published = shared.published(context.colo).await?;
    Ok(HttpResponse::Ok().json(view(&context, shared, published.as_ref())))
}

/// Makes this control plane take the colo over from whichever has it: at once, whether that one lives or not. To hand a colo back is to make its
/// own control plane take over.
///
/// It is taken over when the key pair of the next epoch is won in the colo's own Nova, the workers of the other control planes have stopped (30 s), and
/// the groups are carried over. Where the colo is this control plane's already, nothing happens.
#[utoipa::path(
    post, path = "/v2/colos/{colo}/takeover", operation_id = "takeOverColo", tag = "operators",
    params(("colo" = u16, Path, description = "The number of the colo that is asked"), Keyed),
    request_body = TakeoverSpec,
    responses((status = 202, description = "It is noted; look how far it is", body = ColoView), Refusals, OfBody, OfColo, OfWrite),
    security(("token" = [])),
)]
pub async fn take_over(
    staff: Staff<Operate>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Body<TakeoverSpec>,
) -> Result<HttpResponse, Failure> {
    let why = body.value.parse()?;
    let shared = of(&context, &path)?;
    let who = &staff.caller.subject;
    once(&context, None, (&request, body.hash), async |_seed| {
        let published = shared.published(context.colo).await?;
        let status = shared.status();
        let holder = status.holder.as_ref();
        if !holder.is_some_and(|holder| holder.is_of(shared.plane())) {
            let row = published.as_ref().map_or(HomeEpoch(0), |row| row.claim.epoch);
            let ends = holder.map_or(row, |holder| holder.epoch.max(row));
            let wish = Wish {
                ends,
                who: who.to_string(),
                why: why.clone(),
                at: context.wall(),
            };
            let now = (context.wall(), &context.process.entropy);
            let look = looks::look(now, &request, who, None);
            looks::keep(&*context.stores.notes, &look).await?;
            shared.wish(context.colo, &wish).await?;
            tracing::warn!(colo = context.colo.0, plane = %shared.plane(), %who, why, "a takeover of the colo is asked for");
        }
        let view = view(&context, shared, published.as_ref());
        Ok(Answer::of(StatusCode::ACCEPTED, &view))
    })
    .await
}

/// The control plane at hand, if it is one of several of that colo.
fn of<'c>(context: &'c Context, colo: &str) -> Result<&'c Shared, Failure> {
    let Ok(colo) = colo.parse::<u16>() else {
        let failure = Failure::new(Code::NotFound, "a colo is a whole number up to 65535");
        return Err(failure.at("colo", "u16"));
    };
    if colo != context.colo.0 {
        let detail = format!(
            "this is a control plane of colo {}: ask one of the colo that you mean",
            context.colo.0
        );
        let failure = Failure::new(Code::Misdirected, detail);
        return Err(failure.at("colo", context.colo.0.to_string()));
    }
    context.stores.home.shared().ok_or_else(|| {
        let detail = "the colo has one control plane (section `plane` of the configuration)";
        Failure::new(Code::NotFound, detail)
    })
}

fn view(context: &Context, shared: &Shared, published: Option<&Published>) -> ColoView {
    let status = shared.status();
    let (doing, why) = match status.act {
        None => (Doing::Starts, None),
        Some(Act::Serve(_)) => (Doing::Serves, None),
        Some(Act::Open(_)) => (Doing::Opens, None),
        Some(Act::Claim(_)) => (Doing::Claims, None),
        Some(Act::Stand(why)) => (Doing::StandsBy, Some(why.as_str().to_owned())),
    };
    let holder: Option<&Claim> = status.holder.as_ref();
    ColoView {
        colo: context.colo.0,
        plane: shared.plane().to_string(),
        doing,
        why,
        epoch: holder.map_or(0, |holder| holder.epoch.0),
        holder: holder.and_then(|holder| holder.plane.as_ref().map(ToString::to_string)),
        silent_seconds: status.silent.as_secs(),
        read_seconds_ago: status.read.map(|age| age.as_secs()),
        since: published.map(|row| Since {
            at: Moment(row.at),
            who: row.who.clone(),
            why: row.why.clone(),
        }),
    }
}
