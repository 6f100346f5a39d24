//! The surface of the old service, `/v1.0`: a client of it moves over by changing a URL.
//!
//! Its contract is a table of behaviour rows (B001 to B222), shown row by row in docs/v1.md. Bodies are checked in `wire::v1`; here they meet
//! groups, through the same guarded commits and the same owners as `/v2`.
//!
//! Deliberately absent: deciding (the owner does), stacks, load balancers that are joined.

mod act;
pub(crate) mod capability;
mod edit;
mod error;
mod extract;
mod groups;
mod launches;
mod open;
mod page;
mod policies;
mod servers;
pub(crate) mod service;
mod validate;
mod view;
mod webhooks;

use actix_web::http::Method;

pub(crate) use error::Error;

use crate::routes::Route;

pub(crate) use extract::LARGE as BODY_BYTES_MAX;

/// Whether a path is of this surface.
pub(crate) fn is_v1(path: &str) -> bool {
    path.starts_with("/v1.0/") || path == "/health"
}

/// Where groups are.
const GROUPS: &str = "/v1.0/{tenant}/groups";

/// Its routes: the table of the contract (1.2).
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = of_policies();
    routes.extend(of_groups());
    routes.extend(of_group());
    routes
}

fn of_groups() -> Vec<Route> {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let at = |path: &str| format!("{GROUPS}/{{group}}{path}");
    vec![
        Route::old(get.clone(), GROUPS, "v1ListGroups", groups::list),
        Route::old(post, GROUPS, "v1CreateGroup", groups::create),
        Route::old(get.clone(), &at(""), "v1ShowGroup", groups::show),
        Route::old(delete, &at(""), "v1DeleteGroup", groups::delete),
        Route::old(get.clone(), &at("/state"), "v1ShowState", groups::state),
        Route::old(get.clone(), &at("/config"), "v1ShowConfig", groups::config),
        Route::old(
            put.clone(),
            &at("/config"),
            "v1Configure",
            groups::configure,
        ),
        Route::old(get.clone(), &at("/launch"), "v1ShowLaunch", launches::show),
        Route::old(put, &at("/launch"), "v1PutLaunch", launches::replace),
        Route::old(
            get.clone(),
            "/v1.0/{tenant}/limits",
            "v1Limits",
            groups::limits,
        ),
        Route::old(get, "/health", "v1Health", open::health),
    ]
}

fn of_group() -> Vec<Route> {
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let at = |path: &str| format!("{GROUPS}/{{group}}{path}");
    let (servers, server) = (at("/servers"), at("/servers/{server}"));
    vec![
        Route::old(post.clone(), &at("/converge"), "v1Converge", act::converge),
        Route::old(post.clone(), &at("/pause"), "v1Pause", act::pause),
        Route::old(post, &at("/resume"), "v1Resume", act::resume),
        Route::old(get.clone(), &servers, "v1ListServers", servers::absent),
        Route::old(get, &server, "v1ShowServer", servers::absent),
        Route::old(delete, &server, "v1DeleteServer", servers::remove),
    ]
}

fn of_policies() -> Vec<Route> {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let policies = format!("{GROUPS}/{{group}}/policies");
    let policy = format!("{policies}/{{policy}}");
    let (execute, hooks) = (format!("{policy}/execute"), format!("{policy}/webhooks"));
    let hook = format!("{hooks}/{{webhook}}");
    let capability = "/v1.0/execute/{version}/{hash}";
    vec![
        Route::old(
            post.clone(),
            capability,
            "v1ExecuteCapability",
            open::execute,
        ),
        Route::old(post.clone(), &execute, "v1ExecutePolicy", act::execute),
        Route::old(get.clone(), &policies, "v1ListPolicies", policies::list),
        Route::old(
            post.clone(),
            &policies,
            "v1CreatePolicies",
            policies::create,
        ),
        Route::old(get.clone(), &policy, "v1ShowPolicy", policies::show),
        Route::old(put.clone(), &policy, "v1PutPolicy", policies::replace),
        Route::old(delete.clone(), &policy, "v1DeletePolicy", policies::delete),
        Route::old(get.clone(), &hooks, "v1ListWebhooks", webhooks::list),
        Route::old(post, &hooks, "v1CreateWebhooks", webhooks::create),
        Route::old(get, &hook, "v1ShowWebhook", webhooks::show),
        Route::old(put, &hook, "v1PutWebhook", webhooks::replace),
        Route::old(delete, &hook, "v1DeleteWebhook", webhooks::delete),
    ]
}
