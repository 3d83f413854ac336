use serde_json::json;

use super::*;

fn config() -> OidcConfig {
    let roles = [("llm-admins", Role::ProxyAdmin), ("llm-users", Role::InternalUser)];
    let teams = [("search", "t1"), ("ranking", "t1"), ("ads", "t2")];
    OidcConfig {
        issuer: "https://id.example.com".into(),
        client_id: "tollgate".into(),
        client_secret: None,
        scopes: Vec::new(),
        userinfo: true,
        trust_email: false,
        email_domains: Vec::new(),
        create_users: true,
        mapping: ClaimMapping {
            role_claim: Some("groups".into()),
            roles: roles.map(|(value, role)| (value.to_owned(), role)).into(),
            default_role: Role::InternalUserViewer,
            team_claim: "groups".into(),
            teams: teams.map(|(value, team)| (value.to_owned(), team.to_owned())).into(),
        },
    }
}

fn person(config: &OidcConfig, own: Value, more: Value) -> Result<Person, Unwanted> {
    let map = |value: Value| value.as_object().cloned().unwrap();
    read(config, "s".into(), &map(own), &map(more))
}

// proves: config.sign_in.oidc.{roles,default_role}
#[test]
fn the_mightiest_role_counts() {
    let config = config();
    for (groups, role) in [
        (json!(["llm-users", "llm-admins", "others"]), Role::ProxyAdmin),
        (json!("llm-users"), Role::InternalUser),
        (json!(["proxy_admin"]), Role::InternalUserViewer),
        (json!([]), Role::InternalUserViewer),
        (json!({"llm-admins": true}), Role::InternalUserViewer),
        (json!(null), Role::InternalUserViewer),
    ] {
        let read = person(&config, json!({"groups": groups}), json!({})).unwrap();
        assert_eq!(read.role, Some(role), "{groups}");
    }
}

// proves: config.sign_in.oidc.role_claim
#[test]
fn roles_are_said_by_name_where_nothing_stands_for_them() {
    let mut config = config();
    config.mapping.roles.clear();
    config.mapping.role_claim = Some("realm_access.roles".into());
    let own = json!({"realm_access": {"roles": ["offline_access", "proxy_admin_viewer"]}});
    assert_eq!(person(&config, own, json!({})).unwrap().role, Some(Role::ProxyAdminViewer));

    let flat = json!({"realm_access.roles": "internal_user"});
    assert_eq!(person(&config, flat, json!({})).unwrap().role, Some(Role::InternalUser));
    config.mapping.role_claim = None;
    assert_eq!(person(&config, json!({}), json!({})).unwrap().role, None);
}

// proves: config.sign_in.oidc.{team_claim,teams}
#[test]
fn teams_are_those_that_claims_decide_on() {
    let read = person(&config(), json!({}), json!({"groups": ["ranking", "unknown"]})).unwrap();

    assert_eq!(read.teams, BTreeMap::from([("t1".into(), true), ("t2".into(), false)]));
}

// proves: config.sign_in.oidc.trust_email
#[test]
fn an_address_is_sure_by_the_word_of_who_says_it() {
    let mut config = config();
    let email = |own: Value, more: Value| person(&config, own, more).unwrap().email;
    let sure = |sure| Some(("a@b.example".to_owned(), sure));

    assert_eq!(
        email(json!({"email": " A@B.example", "email_verified": true}), json!({})),
        sure(true)
    );
    assert_eq!(
        email(json!({"email": "a@b.example", "email_verified": "true"}), json!({})),
        sure(true)
    );
    assert_eq!(
        email(json!({"email": "a@b.example"}), json!({"email_verified": true})),
        sure(false)
    );
    assert_eq!(
        email(json!({"email_verified": true}), json!({"email": "a@b.example"})),
        sure(false)
    );
    assert_eq!(email(json!({"email": ""}), json!({})), None);
    config.trust_email = true;
    let read = person(&config, json!({"email": "a@b.example"}), json!({})).unwrap();
    assert_eq!(read.email, sure(true));
}

// proves: config.sign_in.oidc.allowed_email_domains
#[test]
fn only_wanted_domains_sign_in_and_only_with_a_sure_address() {
    let config = OidcConfig { email_domains: vec!["b.example".into()], ..config() };
    let sign_in = |email: &str, verified: bool| {
        person(&config, json!({"email": email, "email_verified": verified}), json!({})).map(drop)
    };

    assert_eq!(sign_in("a@B.example", true), Ok(()));
    assert_eq!(sign_in("a@b.example", false), Err(Unwanted::Unverified));
    for email in ["a@sub.b.example", "a@xb.example", "a@b.example@evil.example", "b.example"] {
        assert_eq!(sign_in(email, true), Err(Unwanted::Domain), "{email}");
    }
    assert_eq!(person(&config, json!({}), json!({})).map(drop), Err(Unwanted::Unverified));
}
