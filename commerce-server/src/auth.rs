//! Who asks: bearer tokens (JWT, HS256), and the extractors that ask for a role.

use std::time::Duration;

use commerce_core::{CustomerId, OperatorName, Principal};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::{Deserialize, Serialize};

use crate::app::app;
use crate::problem::Problem;

/// Who issues the tokens that this server accepts.
pub const ISSUER: &str = "commerce-server";
/// Whom the tokens are for.
pub const AUDIENCE: &str = "commerce-api";
/// The least number of bytes of a secret: as many as HMAC-SHA256 puts out.
pub const MIN_SECRET: usize = 32;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Acts as the customer whose id is the subject.
    Customer,
    /// Acts as the member of staff whose name is the subject.
    Operator,
}

/// What a token says. All of it is required.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whom it names.
    pub sub: String,
    /// What it allows.
    pub role: Role,
    /// When it was issued, in seconds since 1970.
    pub iat: u64,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
}

/// Makes and checks tokens with one secret. The keys are prepared once, not per request.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// A subject that its role cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// A customer's subject is the customer's id, an operator's is a name.
    #[error("{subject:?} cannot be the subject of a token for this role")]
    Subject {
        /// What was given.
        subject: String,
    },
    /// The token could not be signed.
    #[error("the token could not be signed: {reason}")]
    Signing {
        /// Why.
        reason: String,
    },
}

impl Tokens {
    /// Tokens signed with `secret`, of at least [`MIN_SECRET`] bytes (the settings see to that).
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), validation }
    }

    /// A token for `subject`, good for `ttl` from now.
    pub fn mint(&self, role: Role, subject: &str, ttl: Duration) -> Result<String, MintError> {
        principal(role, subject).ok_or_else(|| MintError::Subject { subject: subject.to_owned() })?;
        let iat = now();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.to_owned(),
            role,
            iat,
            exp: iat.saturating_add(ttl.as_secs()),
        };
        self.sign(&claims)
    }

    /// Signs any claims: for tests of tokens that [`Tokens::mint`] would not make.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, MintError> {
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|error| MintError::Signing { reason: error.to_string() })
    }

    fn verify(&self, token: &str) -> Result<Principal, Problem> {
        let claims = decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => invalid("token_expired", "the token has expired"),
                _ => invalid("token_invalid", "the token is not one that this server accepts"),
            })?
            .claims;
        principal(claims.role, &claims.sub)
            .ok_or_else(|| invalid("token_invalid", "the token's subject does not fit its role"))
    }

    /// Whom a request's bearer token names.
    fn authenticate(&self, request: &Request) -> Result<Principal, Problem> {
        let missing = || {
            let challenge = HeaderValue::from_static("Bearer realm=\"commerce\"");
            unauthorized("authentication_required", "a bearer token is needed: Authorization: Bearer …", challenge)
        };
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(missing)?;
        if values.next().is_some() {
            return Err(invalid("token_invalid", "there is more than one Authorization header"));
        }
        let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        self.verify(token.trim())
    }
}

/// Names the type; the keys stay secret.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// Seconds since 1970, by the machine's clock.
pub(crate) fn now() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_1970.map_or(0, |duration| duration.as_secs())
}

fn principal(role: Role, subject: &str) -> Option<Principal> {
    match role {
        Role::Customer => subject.parse::<CustomerId>().ok().map(Principal::Customer),
        Role::Operator => OperatorName::new(subject).ok().map(Principal::Operator),
    }
}

fn unauthorized(code: &'static str, detail: &str, challenge: HeaderValue) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

fn invalid(code: &'static str, detail: &str) -> Problem {
    unauthorized(code, detail, HeaderValue::from_static("Bearer realm=\"commerce\", error=\"invalid_token\""))
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

/// A customer, by a token of theirs.
#[derive(Debug, Clone, Copy)]
pub struct AsCustomer(pub CustomerId);

/// A member of staff, by a token of theirs.
#[derive(Debug, Clone)]
pub struct AsOperator(pub OperatorName);

/// Anyone with a token.
#[derive(Debug, Clone)]
pub struct AsAnyone(pub Principal);

impl TryFrom<Principal> for AsCustomer {
    type Error = Problem;
    fn try_from(principal: Principal) -> Result<Self, Problem> {
        match principal {
            Principal::Customer(customer) => Ok(Self(customer)),
            Principal::Operator(_) | Principal::System => Err(forbidden("this is for customers")),
        }
    }
}

impl TryFrom<Principal> for AsOperator {
    type Error = Problem;
    fn try_from(principal: Principal) -> Result<Self, Problem> {
        match principal {
            Principal::Operator(name) => Ok(Self(name)),
            Principal::Customer(_) | Principal::System => Err(forbidden("this is for operators")),
        }
    }
}

impl TryFrom<Principal> for AsAnyone {
    type Error = Problem;
    fn try_from(principal: Principal) -> Result<Self, Problem> {
        Ok(Self(principal))
    }
}

macro_rules! extractors {
    ($($name:ident),+) => {$(
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec!["bearer"]
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                let principal = app(request)?.tokens.authenticate(request)?;
                Ok(Self::try_from(principal)?)
            }
        }
    )+};
}

extractors!(AsCustomer, AsOperator, AsAnyone);

fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        "bearer",
        MetaSecurityScheme {
            ty: "http",
            description: Some("A JSON Web Token. A customer's names the customer's id as its subject."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}
