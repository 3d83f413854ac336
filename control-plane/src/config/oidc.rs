//! The `OpenID` provider that people sign in with, and what its claims mean here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::BaseUrl;
use crate::config::parse::Reader;
use crate::domain::{Role, Secret};

/// The `OpenID` provider that people sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// Its name for itself, below which its configuration is found.
    pub issuer: String,
    /// Its name for us.
    pub client_id: String,
    /// What we show it. `None`: a public client.
    pub client_secret: Option<Secret>,
    /// What we ask for besides `openid`.
    pub scopes: Vec<String>,
    /// Asks for claims that the ID token may not have.
    pub userinfo: bool,
    /// Takes an email address for the person's own though the provider does not say it verified
    /// it.
    pub trust_email: bool,
    /// Domains of those who may sign in, in lower case. Empty: all.
    pub email_domains: Vec<String>,
    /// Makes users of people who are not known yet.
    pub create_users: bool,
    /// What its claims say of roles and teams.
    pub mapping: ClaimMapping,
}

/// What claims say of roles and teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMapping {
    /// The claim that says the role. `None`: none does, and roles are given here.
    pub role_claim: Option<String>,
    /// What its values stand for. Empty: for the roles of these names.
    pub roles: BTreeMap<String, Role>,
    /// The role of those of whom no claim says one.
    pub default_role: Role,
    /// The claim that says the teams.
    pub team_claim: String,
    /// The team that each of its values stands for.
    pub teams: BTreeMap<String, String>,
}

/// The provider as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOidc {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    userinfo: Option<bool>,
    trust_email: bool,
    allow_http: bool,
    allowed_email_domains: Vec<String>,
    create_users: Option<bool>,
    role_claim: Option<String>,
    roles: BTreeMap<String, String>,
    default_role: Option<String>,
    team_claim: Option<String>,
    teams: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Reads the provider that people sign in with.
    pub(super) fn oidc(
        &mut self,
        raw: RawOidc,
        public_url: Option<&BaseUrl>,
    ) -> Option<OidcConfig> {
        let issuer = self.required(ISSUER, raw.issuer, "URL of the OpenID provider");
        let issuer = issuer.filter(|issuer| self.is_issuer(issuer, raw.allow_http));
        let what = "name that the provider has for this gateway";
        let client_id = self.required("sign_in.oidc.client_id", raw.client_id, what);
        if public_url.is_none() {
            let message = "missing: where the provider sends people back to";
            self.problem("sign_in.public_url", message);
        }
        let scopes = raw.scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec());
        let domains = raw.allowed_email_domains.iter();
        let domains = domains.map(|it| it.trim_start_matches('@').to_lowercase()).collect();
        let roles = raw.roles.into_iter().filter_map(|(value, role)| {
            let place = format!("sign_in.oidc.roles.{value}");
            Some((value, self.role(&place, &role)?))
        });
        let roles = roles.collect();
        let default_role = raw.default_role.as_deref().unwrap_or(Role::InternalUserViewer.as_str());
        let default_role = self.role("sign_in.oidc.default_role", default_role);
        Some(OidcConfig {
            issuer: issuer?,
            client_id: client_id?,
            client_secret: self.secret("sign_in.oidc.client_secret", raw.client_secret),
            scopes: scopes.into_iter().filter(|scope| scope != "openid").collect(),
            userinfo: raw.userinfo.unwrap_or(true),
            trust_email: raw.trust_email,
            email_domains: domains,
            create_users: raw.create_users.unwrap_or(true),
            mapping: ClaimMapping {
                role_claim: raw.role_claim,
                roles,
                default_role: default_role?,
                team_claim: raw.team_claim.unwrap_or_else(|| TEAM_CLAIM.to_owned()),
                teams: raw.teams,
            },
        })
    }

    fn is_issuer(&mut self, issuer: &str, allow_http: bool) -> bool {
        let url = match BaseUrl::parse(issuer) {
            Ok(url) => url,
            Err(why) => {
                self.problem(ISSUER, why);
                return false;
            }
        };
        let own = url.host == "localhost"
            || url.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if url.tls || allow_http || own {
            return true;
        }
        self.problem(ISSUER, "must be https, or sign_in.oidc.allow_http must allow http");
        false
    }

    fn role(&mut self, place: &str, name: &str) -> Option<Role> {
        let role = Role::parse(name);
        if role.is_none() {
            let known: Vec<_> = Role::ALL.into_iter().map(Role::as_str).collect();
            self.problem(place, format!("{name:?} is none of {}", known.join(", ")));
        }
        role
    }
}

const ISSUER: &str = "sign_in.oidc.issuer";
const SCOPES: [&str; 2] = ["email", "profile"];
const TEAM_CLAIM: &str = "groups";
