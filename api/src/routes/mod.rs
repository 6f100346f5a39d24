//! The table of contents: every route, what it needs, and the handler behind it. The router, the `OpenAPI` document and the access
//! matrix of the tests are all made from it.

pub mod answers;
pub mod colos;
pub mod config;
pub mod deliveries;
pub mod events;
pub mod groups;
pub mod history;
pub mod hooks;
pub mod inputs;
pub mod ledger;
pub mod open;
pub mod policies;
pub mod quotas;
pub mod revocations;
pub mod staff;
pub mod switches;
pub mod verdicts;
pub mod webhooks;

use std::fmt;
use std::pin::Pin;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};
use domain::access::Right;
use utoipa::openapi::HttpMethod;
use utoipa_actix_web::OpenApiFactory;
use wire::problem::Code;
use wire::v2::Page;

use crate::auth::right::{Guarded, Open};
use crate::failure::Failure;

/// All routes. A new one is a line here; its method and path stand at its handler. The router tries paths in this order, so the one
/// that most requests take comes first.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::new(events::__path_send, events::send),
        Route::new(groups::__path_create, groups::create),
        Route::new(groups::__path_list, groups::list),
        Route::new(groups::__path_show, groups::show),
        Route::new(groups::__path_delete, groups::delete),
        Route::new(groups::__path_pause, groups::pause),
        Route::new(groups::__path_resume, groups::resume),
        Route::new(config::__path_show, config::show),
        Route::new(config::__path_replace, config::replace),
        Route::new(config::__path_patch, config::patch),
        Route::new(events::__path_dry_run, events::dry_run),
        Route::new(events::__path_show, events::show),
        Route::new(verdicts::__path_list, verdicts::list),
        Route::new(ledger::__path_list, ledger::list),
        Route::new(history::__path_list, history::list),
        Route::new(quotas::__path_show, quotas::show),
        Route::new(hooks::__path_list, hooks::list),
        Route::new(hooks::__path_show, hooks::show),
        Route::new(hooks::__path_put, hooks::put),
        Route::new(hooks::__path_delete, hooks::delete),
        Route::new(hooks::__path_rotate, hooks::rotate),
        Route::new(deliveries::__path_list, deliveries::list),
        Route::new(deliveries::__path_redeliver, deliveries::redeliver),
        Route::new(deliveries::__path_skip, deliveries::skip),
        Route::new(answers::__path_answer, answers::answer),
        Route::new(switches::__path_list, switches::list),
        Route::new(switches::__path_history, switches::history),
        Route::new(switches::__path_set, switches::set),
        Route::new(switches::__path_clear, switches::clear),
        Route::new(revocations::__path_list, revocations::list),
        Route::new(revocations::__path_create, revocations::create),
        Route::new(colos::__path_show, colos::show),
        Route::new(colos::__path_take_over, colos::take_over),
        Route::new(staff::__path_search, staff::search),
        Route::new(staff::__path_looks, staff::looks),
        // After the switches, whose path would fit it too.
        Route::new(history::__path_search, history::search),
        Route::new(open::__path_document, open::document),
        Route::new(open::__path_docs, open::docs),
        Route::new(open::__path_error, open::error),
        Route::new(open::__path_live, open::live),
        Route::new(open::__path_ready, open::ready),
    ]
    .into_iter()
    .chain(of_policies())
    .chain(of_inputs())
    .chain(crate::v1::routes())
    .collect()
}

/// Policies and their webhooks.
fn of_policies() -> Vec<Route> {
    vec![
        Route::new(policies::__path_list, policies::list),
        Route::new(policies::__path_create, policies::create),
        Route::new(policies::__path_show, policies::show),
        Route::new(policies::__path_replace, policies::replace),
        Route::new(policies::__path_patch, policies::patch),
        Route::new(policies::__path_delete, policies::delete),
        Route::new(policies::__path_schedules, policies::schedules),
        Route::new(webhooks::__path_list, webhooks::list),
        Route::new(webhooks::__path_create, webhooks::create),
        Route::new(webhooks::__path_show, webhooks::show),
        Route::new(webhooks::__path_replace, webhooks::replace),
        Route::new(webhooks::__path_patch, webhooks::patch),
        Route::new(webhooks::__path_rotate, webhooks::rotate),
        Route::new(webhooks::__path_delete, webhooks::delete),
    ]
}

/// Inputs for alerts, and the alerts.
fn of_inputs() -> Vec<Route> {
    vec![
        Route::new(crate::intake::__path_receive, crate::intake::receive),
        Route::new(inputs::__path_list, inputs::list),
        Route::new(inputs::__path_create, inputs::create),
        Route::new(inputs::__path_show, inputs::show),
        Route::new(inputs::__path_replace, inputs::replace),
        Route::new(inputs::__path_delete, inputs::delete),
        Route::new(inputs::__path_rotate, inputs::rotate),
        Route::new(inputs::__path_rejected, inputs::rejected),
        Route::new(inputs::__path_test, inputs::test),
    ]
}

/// A page of at most `limit` out of all items that are left.
pub(crate) fn cut<T>(mut all: Vec<T>, limit: u32, name: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let rest = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| rest).map(name);
    Page { items: all, next }
}

/// One route.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: String,
    /// The right that it needs; none for what is open to everybody.
    pub right: Option<Right>,
    /// What names it in tests: the id of its operation.
    pub operation: String,
    /// Its part of the `OpenAPI` document; the old surface has its own contract instead.
    pub(crate) described: Option<Box<dyn OpenApiFactory>>,
    mount: Box<dyn Fn(Resource) -> Resource>,
}

impl Route {
    /// A route whose method and path are those of its description, and whose right is that of its handler's signature.
    fn new<D, F, A>(described: D, handler: F) -> Self
    where
        D: utoipa::Path + OpenApiFactory + 'static,
        F: Handler<A>,
        A: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let method = D::methods().first().map_or(Method::GET, method);
        let mounted = method.clone();
        Self {
            method,
            path: D::path(),
            right: A::RIGHT,
            operation: String::new(),
            described: Some(Box::new(described)),
            mount: Box::new(move |resource| {
                resource.route(web::method(mounted.clone()).to(Apart(handler.clone())))
            }),
        }
    }
}

/// A handler whose future is made only when the request is let in. Without it every refusal would pay for the room that the whole way of an
/// event needs.
#[derive(Clone)]
struct Apart<F>(F);

impl<F: Handler<A>, A> Handler<A> for Apart<F> {
    type Output = F::Output;
    type Future = Pin<Box<F::Future>>;

    fn call(&self, arguments: A) -> Self::Future {
        Box::pin(self.0.call(arguments))
    }
}

impl Route {
    /// A route of the old surface, which its own contract describes (docs/v1.md).
    pub(crate) fn old<F, A>(method: Method, path: &str, operation: &str, handler: F) -> Self
    where
        F: Handler<A>,
        A: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let mounted = method.clone();
        Self {
            method,
            path: path.to_owned(),
            right: A::RIGHT,
            operation: operation.to_owned(),
            described: None,
            mount: Box::new(move |resource| {
                let handler = Apart(handler.clone());
                let resource = resource.route(web::method(mounted.clone()).to(handler.clone()));
                // Where GET works, HEAD does (contract 1.1).
                if mounted == Method::GET {
                    resource.route(web::head().to(handler))
                } else {
                    resource
                }
            }),
        }
    }

    /// The patterns that lead to it: on the old surface a slash at the end is as good as none (row B031).
    fn patterns(path: &str) -> Vec<String> {
        if crate::v1::is_v1(path) {
            vec![path.to_owned(), format!("{path}/")]
        } else {
            vec![path.to_owned()]
        }
    }

    /// Its method, and HEAD where that comes with it.
    fn allows(&self) -> Vec<String> {
        let head = self.described.is_none() && self.method == Method::GET;
        let head = head.then(|| Method::HEAD.to_string());
        head.into_iter().chain([self.method.to_string()]).collect()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} needs {:?}", self.method, self.path, self.right)
    }
}

fn method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

/// Makes the router out of the table.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let routes = routes();
    let mut paths: Vec<&str> = routes.iter().map(|route| route.path.as_str()).collect();
    paths.dedup();
    for (at, path) in paths.iter().enumerate() {
        if paths[..at].contains(path) {
            continue;
        }
        let mut resource = web::resource(Route::patterns(path));
        let mut allowed = Vec::new();
        for route in routes.iter().filter(|route| route.path == *path) {
            resource = (route.mount)(resource);
            allowed.extend(route.allows());
        }
        let allowed = allowed.join(", ");
        config.service(
            resource.default_service(web::to(move |_: Open| wrong_method(allowed.clone()))),
        );
    }
    config.default_service(web::to(|_: Open| async {
        Err::<HttpResponse, _>(Failure::not_found())
    }));
}

async fn wrong_method(allowed: String) -> Result<HttpResponse, Failure> {
    let detail = format!("the methods here are {allowed}");
    Err(Failure::new(Code::MethodNotAllowed, detail).at("method", allowed))
}
