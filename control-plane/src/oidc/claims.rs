//! What a provider's claims say of somebody, as a pure function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::{ClaimMapping, OidcConfig};
use crate::domain::{Person, Role};

/// Why somebody may not sign in, whoever they are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// Only some domains may, and no address is surely theirs.
    Unverified,
    /// Their domain is none of those.
    Domain,
}

/// Reads claims. `own`: of an ID token, which count; `more`: of the userinfo endpoint.
pub fn read(
    config: &OidcConfig,
    subject: String,
    own: &Map<String, Value>,
    more: &Map<String, Value>,
) -> Result<Person, Unwanted> {
    let claim = |name: &str| find(own, name).or_else(|| find(more, name));
    // Both words about an address must come from one place, or one could vouch for the other's.
    let place = if own.contains_key("email") { own } else { more };
    let email = place.get("email").and_then(Value::as_str).map(str::trim);
    let email = email.filter(|email| !email.is_empty()).map(str::to_lowercase);
    let email = email.map(|email| {
        let sure = config.trust_email || is_true(place.get("email_verified"));
        (email, sure)
    });
    if !config.email_domains.is_empty() {
        let Some((email, true)) = &email else { return Err(Unwanted::Unverified) };
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        if !domain.is_some_and(|domain| config.email_domains.iter().any(|it| it == domain)) {
            return Err(Unwanted::Domain);
        }
    }
    let mapping = &config.mapping;
    let name = claim("name").and_then(Value::as_str).map(str::to_owned);
    Ok(Person {
        subject,
        email,
        name: name.filter(|name| !name.is_empty()),
        role: mapping.role_claim.as_deref().map(|it| role(mapping, &texts(claim(it)))),
        teams: teams(mapping, &texts(claim(&mapping.team_claim))),
    })
}

/// The mightiest of the roles that are said, else the usual one.
fn role(mapping: &ClaimMapping, said: &BTreeSet<&str>) -> Role {
    let roles = said.iter().filter_map(|said| {
        if mapping.roles.is_empty() { Role::parse(said) } else { mapping.roles.get(*said).copied() }
    });
    // Roles are in order, the mightiest first.
    roles.min().unwrap_or(mapping.default_role)
}

/// A team for which several values stand takes in whoever has one of them.
fn teams(mapping: &ClaimMapping, said: &BTreeSet<&str>) -> BTreeMap<String, bool> {
    let mut teams = BTreeMap::new();
    for (value, team) in &mapping.teams {
        *teams.entry(team.clone()).or_insert(false) |= said.contains(value.as_str());
    }
    teams
}

/// Finds a claim by its name, else by the path that dots in it make (`realm_access.roles`).
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// A claim is one text or a list of them.
fn texts(claim: Option<&Value>) -> BTreeSet<&str> {
    match claim {
        Some(Value::String(text)) => BTreeSet::from([text.as_str()]),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            BTreeSet::new()
        }
    }
}

/// Some providers write it as text.
fn is_true(claim: Option<&Value>) -> bool {
    matches!(claim, Some(Value::Bool(true))) || claim.and_then(Value::as_str) == Some("true")
}

#[cfg(test)]
mod tests;
