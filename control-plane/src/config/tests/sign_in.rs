//! How people sign in.

use super::*;
use crate::domain::Role;

const OIDC: &str = "issuer: 'https://id.example.com', client_id: c";

fn oidc(more: &str) -> OidcConfig {
    let text = format!(
        "{LEAST}sign_in: {{ public_url: 'https://g.example.com', oidc: {{ {OIDC}, {more} }} }}"
    );
    read(&text, &[("SECRET", "hush")]).unwrap().sign_in.oidc.unwrap()
}

#[test]
fn a_provider_needs_little() {
    let least = OidcConfig {
        issuer: "https://id.example.com".into(),
        client_id: "c".into(),
        client_secret: None,
        scopes: vec!["email".into(), "profile".into()],
        userinfo: true,
        trust_email: false,
        email_domains: Vec::new(),
        create_users: true,
        mapping: ClaimMapping {
            role_claim: None,
            roles: BTreeMap::new(),
            default_role: Role::InternalUserViewer,
            team_claim: "groups".into(),
            teams: BTreeMap::new(),
        },
    };
    assert_eq!(oidc(""), least);
    let all = oidc(
        "client_secret: env:SECRET, scopes: [openid, groups], userinfo: false, trust_email: true, \
         allowed_email_domains: ['@B.example'], create_users: false, role_claim: r, \
         roles: { a: proxy_admin }, default_role: org_admin, team_claim: t, teams: { x: y }",
    );
    let mapping = ClaimMapping {
        role_claim: Some("r".into()),
        roles: [("a".to_owned(), Role::ProxyAdmin)].into(),
        default_role: Role::OrgAdmin,
        team_claim: "t".into(),
        teams: [("x".to_owned(), "y".to_owned())].into(),
    };
    let expected = OidcConfig {
        client_secret: Some(Secret::new("hush")),
        scopes: vec!["groups".into()],
        userinfo: false,
        trust_email: true,
        email_domains: vec!["b.example".into()],
        create_users: false,
        mapping,
        ..least
    };
    assert_eq!(all, expected);
}

// proves: config.sign_in.oidc.allow_http
#[test]
fn a_provider_that_nobody_can_use_is_refused() {
    let public = "public_url: 'https://g.example.com'";
    refused(&format!("sign_in: {{ oidc: {{ {OIDC} }} }}"), "sign_in.public_url", "missing");
    for (oidc, place, why) in [
        ("client_id: c", "issuer", "missing"),
        ("issuer: 'https://i'", "client_id", "missing"),
        ("issuer: 'http://i', client_id: c", "issuer", "must be https"),
        ("issuer: i, client_id: c", "issuer", "not a URL"),
        ("issuer: 'https://i', client_id: c, client_secret: s", "client_secret", "env:NAME"),
        ("issuer: 'https://i', client_id: c, default_role: boss", "default_role", "none of"),
        ("issuer: 'https://i', client_id: c, roles: { a: boss }", "roles.a", "none of"),
    ] {
        let text = format!("sign_in: {{ {public}, oidc: {{ {oidc} }} }}");
        refused(&text, &format!("sign_in.oidc.{place}"), why);
    }
    for oidc in ["issuer: 'http://127.0.0.1:9'", "issuer: 'http://kc:80', allow_http: true"] {
        let text = format!("{LEAST}sign_in: {{ {public}, oidc: {{ {oidc}, client_id: c }} }}");
        assert!(read(&text, &[]).is_ok(), "{oidc}");
    }
}

#[test]
fn guards_of_the_management_api_are_read() {
    let admin = |text: &str| {
        read(&format!("{LEAST}server: {{ admin: {{ {text} }} }}"), &[]).unwrap().server.admin
    };
    assert_eq!(admin(""), AdminConfig::default());
    let none = admin("requests_per_minute: 0, bad_keys_per_minute: 0, trusted_proxies: []");
    assert_eq!(none.requests_per_minute.or(none.bad_keys_per_minute), None);
    assert!(none.trusted_proxies.is_empty());
    assert_eq!(admin("requests_per_minute: 5").requests_per_minute, Some(5));
    let place = "server.admin.trusted_proxies[0]";
    refused("server: { admin: { trusted_proxies: [x] } }", place, "neither");
    refused("sign_in: { session_idle_minutes: 0 }", "sign_in.session_idle_minutes", "within");
    refused("sign_in: { session_max_hours: 9999 }", "sign_in.session_max_hours", "within");
    refused("sign_in: { username: '' }", "sign_in.username", "empty");
    refused("sign_in: { public_url: here }", "sign_in.public_url", "not a URL");
}
