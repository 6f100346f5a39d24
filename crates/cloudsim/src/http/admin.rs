//! The admin endpoint: set faults, read the ground truth, play the others.
//!
//! | Call | Body | Answer |
//! |---|---|---|
//! | GET, PUT `/admin/faults` (PUT: `?region=`) | [`Faults`] | the faults |
//! | GET `/admin/log?since=&limit=` | | `{"entries": [..]}` of [`crate::LogEntry`] |
//! | POST `/admin/log/clear` | | 204 |
//! | GET `/admin/counts` | | [`crate::Counts`] with `creates_per_tag_max` and `servers_living` |
//! | GET `/admin/servers?living=true` | | `{"servers": [..]}` of [`crate::Server`] |
//! | POST `/admin/servers/{id}` | [`Outside`] | 204 |
//! | POST `/admin/foreign` | [`Plant`] | `{"id": ..}` |
//! | POST `/admin/sign-in` | `{"user", "project"}` | `{"token": ..}` |
//! | POST `/admin/tokens/revoke` | `{"user"}` | 204 |
//! | POST `/admin/tokens/expire` | | 204 |
//! | POST `/admin/reset` | | 204 |

use std::fmt::Display;

use actix_web::dev::HttpServiceFactory;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Shared;
use crate::{Counts, Faults, Outside, Plant};

/// The routes, under `/admin`.
pub fn routes() -> impl HttpServiceFactory + use<> {
    web::scope("/admin")
        .route("/faults", web::get().to(faults))
        .route("/faults", web::put().to(set_faults))
        .route("/log", web::get().to(log))
        .route("/log/clear", web::post().to(clear_log))
        .route("/counts", web::get().to(counts))
        .route("/servers", web::get().to(servers))
        .route("/servers/{id}", web::post().to(outside))
        .route("/foreign", web::post().to(foreign))
        .route("/sign-in", web::post().to(sign_in))
        .route("/tokens/revoke", web::post().to(revoke))
        .route("/tokens/expire", web::post().to(expire))
        .route("/reset", web::post().to(reset))
}

type Cloud = web::Data<Shared>;

async fn faults(cloud: Cloud) -> HttpResponse {
    HttpResponse::Ok().json(cloud.sim().faults())
}

#[derive(Debug, Deserialize)]
struct Where {
    region: Option<String>,
}

async fn set_faults(
    cloud: Cloud,
    place: web::Query<Where>,
    new: web::Json<Faults>,
) -> HttpResponse {
    let mut sim = cloud.sim();
    match &place.region {
        None => sim.set_faults(&new),
        Some(region) => {
            if let Err(unknown) = sim.set_faults_in(region, new.clone()) {
                return missing(&unknown);
            }
        }
    }
    HttpResponse::Ok().json(new.0)
}

#[derive(Debug, Deserialize)]
struct Which {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

async fn log(cloud: Cloud, which: web::Query<Which>) -> HttpResponse {
    let limit = which.limit.unwrap_or(usize::MAX);
    let sim = cloud.sim();
    let entries: Vec<_> = sim.log(which.since).take(limit).collect();
    HttpResponse::Ok().json(json!({"entries": entries}))
}

async fn clear_log(cloud: Cloud) -> HttpResponse {
    cloud.sim().clear_log();
    HttpResponse::NoContent().finish()
}

#[derive(Debug, Serialize)]
struct Totals<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    creates_per_tag_max: u64,
    servers_living: usize,
}

async fn counts(cloud: Cloud) -> HttpResponse {
    let now_ms = cloud.now_ms();
    let mut sim = cloud.sim();
    sim.advance(now_ms);
    HttpResponse::Ok().json(Totals {
        counts: sim.counts(),
        creates_per_tag_max: sim.counts().creates_per_tag_max(),
        servers_living: sim.living().count(),
    })
}

#[derive(Debug, Deserialize)]
struct Scope {
    #[serde(default)]
    living: bool,
}

async fn servers(cloud: Cloud, scope: web::Query<Scope>) -> HttpResponse {
    let now_ms = cloud.now_ms();
    let mut sim = cloud.sim();
    sim.advance(now_ms);
    let servers: Vec<_> = if scope.living {
        sim.living().collect()
    } else {
        sim.servers().iter().collect()
    };
    HttpResponse::Ok().json(json!({"servers": servers}))
}

async fn outside(cloud: Cloud, id: web::Path<String>, what: web::Json<Outside>) -> HttpResponse {
    let now_ms = cloud.now_ms();
    match cloud.sim().outside(now_ms, &id, &what) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(unknown) => missing(&unknown),
    }
}

async fn foreign(cloud: Cloud, plant: web::Json<Plant>) -> HttpResponse {
    let now_ms = cloud.now_ms();
    match cloud.sim().plant(now_ms, plant.into_inner()) {
        Ok(id) => HttpResponse::Created().json(json!({"id": id})),
        Err(unknown) => missing(&unknown),
    }
}

#[derive(Debug, Deserialize)]
struct Person {
    user: String,
    #[serde(default)]
    project: String,
}

async fn sign_in(cloud: Cloud, who: web::Json<Person>) -> HttpResponse {
    let now_ms = cloud.now_ms();
    match cloud.sim().sign_in(now_ms, &who.user, &who.project) {
        Ok(token) => HttpResponse::Created().json(json!({"token": token})),
        Err(unknown) => missing(&unknown),
    }
}

async fn revoke(cloud: Cloud, who: web::Json<Person>) -> HttpResponse {
    let now_ms = cloud.now_ms();
    cloud.sim().revoke_tokens(now_ms, &who.user);
    HttpResponse::NoContent().finish()
}

async fn expire(cloud: Cloud) -> HttpResponse {
    let now_ms = cloud.now_ms();
    cloud.sim().expire_tokens(now_ms);
    HttpResponse::NoContent().finish()
}

async fn reset(cloud: Cloud) -> HttpResponse {
    cloud.sim().reset();
    HttpResponse::NoContent().finish()
}

fn missing(unknown: &impl Display) -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": unknown.to_string()}))
}
