//! From a request to its endpoint: paths, methods, query parameters; limits, panics and headers around it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use poem::endpoint::{BoxEndpoint, DynEndpoint};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Route};
use poem_openapi::__private::UrlQuery;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaOperation, MetaParamIn};

use crate::app::{App, Limits};
use crate::extract::Reading;
use crate::problem::{Problem, framework, rejection, shortened};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole service.
pub struct Router {
    app: Arc<App>,
    routes: Route,
    ids: RequestIds,
}

impl Router {
    /// Routes for every operation of `api`, and for `pages` beside it.
    pub fn new<A: OpenApi>(app: Arc<App>, api: A, pages: Vec<(&str, BoxEndpoint<'static>)>) -> Self {
        let mut queries = query_names::<A>();
        let mut table = HashMap::new();
        api.add_routes(&mut table);
        let mut routes = Route::new();
        for (path, methods) in table {
            let names = queries.remove(&path).unwrap_or_default();
            routes = routes.at(path, Methods::new(methods.into_iter().collect(), names));
        }
        for (path, page) in pages {
            routes = routes.at(path, Methods::new(vec![(Method::GET, page)], HashMap::new()));
        }
        Self { app, routes, ids: RequestIds::new() }
    }

    /// The limits that connections are held to.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.app.limits
    }

    /// Answers a request, whatever becomes of it.
    pub async fn respond(&self, mut request: Request) -> Response {
        let id = self.ids.of(&request);
        let method = request.method().clone();
        let reading = Reading::default();
        request.extensions_mut().insert(Arc::clone(&self.app));
        request.extensions_mut().insert(reading.clone());
        let work = AssertUnwindSafe(Endpoint::call(&self.routes, request)).catch_unwind();
        let mut response = match tokio::time::timeout(self.app.limits.request, work).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => framework::answer(error),
            Ok(Err(_panic)) => {
                tracing::error!(%method, request_id = ?id, "a handler panicked");
                framework::internal().into_response()
            }
            Err(_elapsed) => timed_out(&method, reading.now()).into_response(),
        };
        if !method.is_safe() && response.status().is_success() {
            self.app.happened.notify_one();
        }
        tracing::debug!(%method, status = response.status().as_u16(), request_id = ?id, "answered");
        finish(&mut response, id);
        response
    }
}

/// A body that does not arrive and a read that takes too long have done nothing; of a change that takes too long
/// nobody knows.
fn timed_out(method: &Method, reading: bool) -> Problem {
    if reading {
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time");
        // What may still arrive of it is not the next request.
        return problem.with_header(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if method.is_safe() {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "request_timeout", "this took too long; try again");
    }
    rejection::outcome_unknown()
}

fn finish(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}

/// The endpoints of one path, and the query parameters that each knows.
struct Methods {
    endpoints: Vec<(Method, BoxEndpoint<'static>, Vec<String>)>,
    allow: HeaderValue,
}

impl Methods {
    fn new(endpoints: Vec<(Method, BoxEndpoint<'static>)>, mut names: HashMap<Method, Vec<String>>) -> Self {
        let mut allowed: Vec<String> = endpoints.iter().map(|(method, _)| method.to_string()).collect();
        if allowed.iter().any(|method| method == "GET") {
            allowed.push("HEAD".to_owned());
        }
        allowed.sort();
        let with_names = |(method, endpoint)| {
            let names = names.remove(&method).unwrap_or_default();
            (method, endpoint, names)
        };
        Self {
            endpoints: endpoints.into_iter().map(with_names).collect(),
            // Method names are always header text.
            allow: HeaderValue::from_str(&allowed.join(", ")).unwrap_or(HeaderValue::from_static("")),
        }
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        // The body of an answer to HEAD is left out by the connection.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let Some((_, endpoint, names)) = self.endpoints.iter().find(|(allowed, _, _)| allowed == method) else {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "not with this method");
            return Err(problem.with_header(header::ALLOW, self.allow.clone()).into());
        };
        let query = parse_query(&request, names)?;
        request.extensions_mut().insert(query);
        DynEndpoint::call(&**endpoint, request).await
    }
}

/// The query, if every parameter is known and given once.
fn parse_query(request: &Request, known: &[String]) -> Result<UrlQuery, Problem> {
    let Some(text) = request.uri().query().filter(|text| !text.is_empty()) else { return Ok(UrlQuery(Vec::new())) };
    let malformed = |detail: &str| Problem::bad_request("invalid_parameter", detail);
    let pairs: Vec<(String, String)> = request.params().map_err(|_| malformed("the query cannot be read"))?;
    for (at, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(name) {
            let problem = Problem::bad_request("unknown_parameter", "there is no such query parameter here");
            return Err(problem.with("parameter", shortened(name.clone())).with("known", known));
        }
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(malformed("a query parameter is given twice").with("parameter", name.as_str()));
        }
    }
    tracing::trace!(query = text, "query");
    Ok(UrlQuery(pairs))
}

/// The names of the query parameters of each operation, by route and method.
fn query_names<A: OpenApi>() -> HashMap<String, HashMap<Method, Vec<String>>> {
    let names = |operation: &MetaOperation| {
        let queries = operation.params.iter().filter(|param| param.in_type == MetaParamIn::Query);
        (operation.method.clone(), queries.map(|param| param.name.clone()).collect())
    };
    let paths = A::meta().into_iter().flat_map(|api| api.paths);
    paths.map(|path| (route_of(&path.path), path.operations.iter().map(names).collect())).collect()
}

/// `/v1/orders/{order_id}` as the route table has it: `/v1/orders/:param0`.
fn route_of(path: &str) -> String {
    let mut parameters = 0;
    let segment = |segment: &str| {
        if !segment.starts_with('{') {
            return segment.to_owned();
        }
        parameters += 1;
        format!(":param{}", parameters - 1)
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Names for requests: the client's own if it is fit for a log, else one that no other request of this process has.
struct RequestIds {
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        let mut prefix = [0; 4];
        // Without randomness ids are still distinct within the process.
        let _ = aws_lc_rs::rand::fill(&mut prefix);
        Self { prefix: u32::from_be_bytes(prefix), next: AtomicU64::new(1) }
    }

    fn of(&self, request: &Request) -> HeaderValue {
        let fit = |value: &&HeaderValue| value.len() <= 64 && value.as_bytes().iter().all(u8::is_ascii_graphic);
        if let Some(given) = request.headers().get(REQUEST_ID).filter(fit) {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("{:08x}-{number}", self.prefix)).unwrap_or(HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_change_that_took_too_long_nobody_knows() {
        assert_eq!(timed_out(&Method::GET, false).code(), "request_timeout");
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(timed_out(&method, false).code(), "outcome_unknown");
            assert_eq!(timed_out(&method, true).status(), StatusCode::REQUEST_TIMEOUT);
        }
    }
}
