//! The identity provider that people sign in with, by `OpenID` Connect: the authorization code
//! flow with PKCE, state and nonce.
//!
//! [`Provider`] asks it; what its claims mean is [`claims`]' business, and who somebody is to us
//! the service's.

pub mod claims;
mod client;

use std::sync::Arc;

use openidconnect::core::CoreProviderMetadata;
use openidconnect::{
    AccessToken, AuthorizationCode, ClaimsVerificationError, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope, SubjectIdentifier, TokenResponse as _,
};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::OidcConfig;
use crate::domain::{Secret, Timestamp};
use crate::oidc::client::{Client, Flow, IdToken, UserInfo};
use crate::outbound;

/// What a browser is sent to the provider with. Whoever knows all of it could sign in with an
/// answer that was meant for somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Comes back with the answer.
    pub state: Secret,
    /// Stands in the ID token.
    pub nonce: Secret,
    /// Proves that who asks for the token is who began.
    pub verifier: Secret,
}

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its name for them.
    pub subject: String,
    /// Claims of the ID token.
    pub own: Map<String, Value>,
    /// Claims of the userinfo endpoint.
    pub more: Map<String, Value>,
}

/// Why nobody signed in. Never says what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or not as `OpenID` Connect has it.
    #[error("the identity provider gave no answer that is of use: {0}")]
    Unavailable(String),
    /// It does not know the code, or us.
    #[error("the identity provider refused the code ({0})")]
    Refused(String),
    /// The ID token is not for us, not for this login, not signed by it, or too old.
    #[error("the ID token is not good")]
    Untrusted(#[source] ClaimsVerificationError),
}

/// Asks the provider, and remembers for a while where its endpoints are and its keys.
#[derive(Debug, Default)]
pub struct Provider {
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    issuer: String,
    at: Timestamp,
    metadata: Arc<CoreProviderMetadata>,
}

impl Provider {
    /// Returns where a browser is sent to sign in.
    pub async fn begin(
        &self,
        config: &OidcConfig,
        redirect: &str,
        login: &Login,
        now: Timestamp,
    ) -> Result<String, OidcError> {
        let known = self.known(config, now, REMEMBERED).await?;
        let client = client_of(config, redirect, &known)?;
        let (state, nonce) = (login.state.expose().to_owned(), login.nonce.expose().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(login));
        let scopes = config.scopes.iter().cloned().map(Scope::new);
        let (url, ..) = client
            .authorize_url(
                Flow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(url.into())
    }

    /// Exchanges a code for what the provider says of who signed in.
    pub async fn finish(
        &self,
        config: &OidcConfig,
        redirect: &str,
        login: &Login,
        code: String,
        now: Timestamp,
    ) -> Result<Said, OidcError> {
        let known = self.known(config, now, REMEMBERED).await?;
        let client = client_of(config, redirect, &known)?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(unavailable)?;
        let answer = request
            .set_pkce_verifier(verifier(login))
            .request_async(&outbound::exchange)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(said) => {
                    OidcError::Refused(said.error().as_ref().to_owned())
                }
                RequestTokenError::Request(error) => unavailable(error),
                RequestTokenError::Parse(..) => unavailable("the token answer cannot be read"),
                RequestTokenError::Other(_) => unavailable("the token answer is none"),
            })?;
        let token = answer.id_token().ok_or_else(|| unavailable("there is no ID token"))?;
        let nonce = Nonce::new(login.nonce.expose().to_owned());
        let (subject, own) = match verified(&client, token, &nonce) {
            // Its keys may be new.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let known = self.known(config, now, JUST_NOW).await?;
                let client = client_of(config, redirect, &known)?;
                verified(&client, token, &nonce)
            }
            other => other,
        }
        .map_err(OidcError::Untrusted)?;
        let mut more = Map::new();
        if config.userinfo {
            more = userinfo(&client, answer.access_token(), &subject).await?;
        }
        Ok(Said { subject: subject.to_string(), own, more })
    }

    /// Returns what the provider says of itself, as it did at most so long ago.
    async fn known(
        &self,
        config: &OidcConfig,
        now: Timestamp,
        age: i64,
    ) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        // Held while asking, so that many who begin at once ask once.
        let mut slot = self.known.lock().await;
        if let Some(known) = slot.as_ref()
            && known.issuer == config.issuer
            && now < known.at.plus_micros(age)
        {
            return Ok(known.metadata.clone());
        }
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(unavailable)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &outbound::exchange).await;
        let metadata =
            Arc::new(metadata.map_err(|error| unavailable(crate::telemetry::chain(&error)))?);
        let known = Known { issuer: config.issuer.clone(), at: now, metadata: metadata.clone() };
        *slot = Some(known);
        Ok(metadata)
    }
}

fn client_of(
    config: &OidcConfig,
    redirect: &str,
    metadata: &CoreProviderMetadata,
) -> Result<Client, OidcError> {
    let redirect = RedirectUrl::new(redirect.to_owned()).map_err(unavailable)?;
    Ok(client::new(config, metadata).set_redirect_uri(redirect))
}

fn verifier(login: &Login) -> PkceCodeVerifier {
    PkceCodeVerifier::new(login.verifier.expose().to_owned())
}

/// Checks signature, issuer, audience, time and nonce of an ID token. The time is the machine's.
fn verified(
    client: &Client,
    token: &IdToken,
    nonce: &Nonce,
) -> Result<(SubjectIdentifier, Map<String, Value>), ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_allowed_algs(client::SIGNATURES);
    let claims = token.claims(&verifier, nonce)?;
    Ok((claims.subject().clone(), members(claims)))
}

/// Asks the userinfo endpoint, if there is one. What it says must be of the same person.
async fn userinfo(
    client: &Client,
    token: &AccessToken,
    subject: &SubjectIdentifier,
) -> Result<Map<String, Value>, OidcError> {
    let Ok(request) = client.user_info(token.clone(), Some(subject.clone())) else {
        return Ok(Map::new());
    };
    let said: Result<UserInfo, _> = request.request_async(&outbound::exchange).await;
    let said = said.map_err(|error| unavailable(format!("userinfo: {error}")))?;
    Ok(members(&said))
}

fn members(claims: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn unavailable(error: impl std::fmt::Display) -> OidcError {
    OidcError::Unavailable(error.to_string())
}

/// Five minutes.
const REMEMBERED: i64 = 300_000_000;
/// Ten seconds: nobody has us ask for new keys all the time.
const JUST_NOW: i64 = 10_000_000;
