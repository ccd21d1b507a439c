//! The framework's own errors, as problems.

use poem::http::StatusCode;
use poem::{Error, IntoResponse, Response};
use poem_openapi::error::{ParseParamError, ParsePathError};

use super::Problem;

/// The answer to whatever an endpoint failed with: a problem as it is, and anything else turned into one.
pub fn answer(error: Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    problem(&error).into_response()
}

fn problem(error: &Error) -> Problem {
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        let detail = format!("{}: {}", error.name, reason(&error.reason));
        return Problem::bad_request("invalid_parameter", detail).with("parameter", error.name);
    }
    if let Some(error) = error.downcast_ref::<ParsePathError>() {
        return Problem::bad_request("invalid_parameter", format!("in the path: {}", reason(&error.reason)));
    }
    match error.status() {
        StatusCode::NOT_FOUND => Problem::new(StatusCode::NOT_FOUND, "route_not_found", "there is nothing here"),
        status if status.is_client_error() => Problem::new(status, "bad_request", "the request cannot be served"),
        _ => {
            tracing::error!(error = %error, "unforeseen error");
            internal()
        }
    }
}

/// The reason without the framework's words on its own types around it.
fn reason(reason: &str) -> &str {
    let reason = reason.split(" (occurred while parsing").next().unwrap_or(reason);
    let after_type = reason.split_once(": ").filter(|(type_name, _)| type_name.starts_with("failed to parse"));
    after_type.map_or(reason, |(_, reason)| reason)
}

/// The answer to a panic or to an error that nobody foresaw: no word of the inside.
#[must_use]
pub fn internal() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong here, not with the request")
}
