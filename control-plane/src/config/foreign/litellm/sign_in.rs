//! Who signs in how. `LiteLLM` is told in variables: <https://docs.litellm.ai/docs/proxy/admin_ui_sso>.

use serde_yaml_ng::Value;

use crate::config::BaseUrl;
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, section, variable};
use crate::config::foreign::variables::Variables;

/// Writes the section `sign_in`.
pub(super) fn section_of(variables: &Variables<'_>, notes: &Notes) -> Value {
    let base = variables.value(BASE).filter(|base| {
        let why = BaseUrl::parse(base).err();
        if let Some(why) = &why {
            notes.lost(BASE, why.clone());
        }
        why.is_none()
    });
    let oidc = provider(variables, notes).filter(|_| {
        if base.is_none() {
            notes.lost(BASE, "is not set, and the provider has to send people back there");
        }
        base.is_some()
    });
    section([
        ("public_url", maybe(base)),
        ("username", maybe(variables.value("UI_USERNAME"))),
        ("password", variable(variables.value(PASSWORD).map(|_| PASSWORD))),
        ("oidc", oidc.unwrap_or(Value::Null)),
    ])
}

/// Writes the provider, where its variables say who it is.
fn provider(variables: &Variables<'_>, notes: &Notes) -> Option<Value> {
    let domains = variables.value("ALLOWED_EMAIL_DOMAINS").unwrap_or_default();
    let domains = domains.split(',').map(str::trim).filter(|it| !it.is_empty());
    let domains: Vec<String> = domains.map(str::to_owned).collect();
    let of = |issuer: String, id: &str, secret: &'static str| {
        let id = variables.value(id)?;
        let secret = variables.value(secret).map(|_| secret);
        let domains = if domains.is_empty() { Value::Null } else { list(domains.clone()) };
        Some(section([
            ("issuer", issuer.into()),
            ("client_id", id.into()),
            ("client_secret", variable(secret)),
            ("allowed_email_domains", domains),
        ]))
    };
    if let Some(tenant) = variables.value("MICROSOFT_TENANT") {
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        return of(issuer, "MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET");
    }
    if let Some(ours) = of(GOOGLE.to_owned(), "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET") {
        return Some(ours);
    }
    if variables.value(GENERIC).is_some() {
        let message = "its endpoints are named, and not its issuer; write sign_in.oidc.issuer";
        notes.lost(GENERIC, message);
    }
    None
}

const BASE: &str = "PROXY_BASE_URL";
const PASSWORD: &str = "UI_PASSWORD";
const GENERIC: &str = "GENERIC_CLIENT_ID";
const GOOGLE: &str = "https://accounts.google.com";
