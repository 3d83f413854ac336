//! Who may do what, as tables.

use serde_json::json;
use tollgate_core::money::NanoDollars;

use super::*;
use crate::domain::{Change, Limits, Scope, Timestamp};

fn change() -> Change {
    let at = Timestamp::from_micros(0);
    Change { id: "c".into(), at, actor: "a".into(), action: "test", request_id: None }
}

/// A team of organisation `o`.
fn team(permissions: &[&str]) -> Entity {
    let mut team = Entity::new(Scope::Team, "t".into(), &change());
    team.organization_id = Some("o".into());
    team.details.insert(PERMISSIONS.into(), json!(permissions));
    team
}

fn key(user: Option<&str>, team: Option<&str>) -> ApiKey {
    ApiKey {
        hash: KeyHash::of(b"other"),
        name: "sk-...ther".into(),
        alias: None,
        user_id: user.map(str::to_owned),
        team_id: team.map(str::to_owned),
        models: Vec::new(),
        aliases: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        tags: Vec::new(),
        expires_at: None,
        allowed_routes: Vec::new(),
        organization_id: None,
        budget_id: None,
        limits: Limits::default(),
        spend: NanoDollars::ZERO,
        budget: None,
        blocked: None,
        created_at: Timestamp::from_micros(0),
        created_by: "a".into(),
        updated_at: Timestamp::from_micros(0),
        updated_by: "a".into(),
        last_active: None,
        first_hash: None,
        renewals: 0,
        renewed_at: None,
    }
}

/// Those who ask, by name.
fn who(name: &str) -> Standing {
    let user = |role| Standing {
        role: Some(role),
        key: Some(KeyHash::of(b"own")),
        user: Some("u".into()),
        ..Standing::default()
    };
    let of_team = |standing: Standing, role| Standing {
        teams: BTreeMap::from([("t".into(), role)]),
        ..standing
    };
    match name {
        "master" => Standing::master(),
        "admin" => user(Role::ProxyAdmin),
        "viewer" => user(Role::ProxyAdminViewer),
        "org_admin" => Standing {
            organizations: BTreeMap::from([("o".into(), true)]),
            ..user(Role::InternalUser)
        },
        "org_member" => Standing {
            organizations: BTreeMap::from([("o".into(), false)]),
            ..user(Role::InternalUser)
        },
        "team_admin" => of_team(user(Role::InternalUser), TeamRole::Admin),
        "team_member" => of_team(user(Role::InternalUser), TeamRole::User),
        "viewing_team_admin" => of_team(user(Role::InternalUserViewer), TeamRole::Admin),
        "user" => user(Role::InternalUser),
        "viewing_user" => user(Role::InternalUserViewer),
        "key_of_team" => Standing {
            key: Some(KeyHash::of(b"own")),
            team: Some("t".into()),
            ..Standing::default()
        },
        _ => Standing { key: Some(KeyHash::of(b"own")), ..Standing::default() },
    }
}

const ALL: [&str; 12] = [
    "master",
    "admin",
    "viewer",
    "org_admin",
    "org_member",
    "team_admin",
    "team_member",
    "viewing_team_admin",
    "user",
    "viewing_user",
    "key_of_team",
    "key",
];

/// Returns those of whom it is true.
fn those(is: impl Fn(&Standing) -> bool) -> Vec<&'static str> {
    ALL.into_iter().filter(|name| is(&who(name))).collect()
}

#[test]
fn rights_in_a_team_grow_from_members_to_those_who_govern_it() {
    let team = team(&[]);
    let at_least = |right| those(|it| it.in_team(&team) >= right);

    assert_eq!(at_least(Right::Govern), ["master", "admin", "org_admin"]);
    assert_eq!(at_least(Right::Manage), ["master", "admin", "org_admin", "team_admin"]);
    let see = ["master", "admin", "viewer", "org_admin", "team_admin", "team_member"];
    assert_eq!(at_least(Right::See), [&see[..], &["viewing_team_admin", "key_of_team"]].concat());
}

#[test]
fn an_organization_is_managed_by_its_admins() {
    let at_least = |right| those(|it| it.in_organization("o") >= right);

    assert_eq!(at_least(Right::Manage), ["master", "admin", "org_admin"]);
    assert_eq!(at_least(Right::See), ["master", "admin", "viewer", "org_admin", "org_member"]);
    assert_eq!(
        those(|it| it.in_organization("other") >= Right::See),
        ["master", "admin", "viewer"]
    );
}

#[test]
fn a_key_is_seen_by_its_owner_and_its_team() {
    let (team, sees) =
        (team(&[]), |key: &ApiKey, team: Option<&Entity>| those(|it| it.sees_key(key, team)));

    let foreign = key(Some("other"), None);
    assert_eq!(sees(&foreign, None), ["master", "admin", "viewer"]);
    let of_team = key(Some("other"), Some("t"));
    let of = ["master", "admin", "viewer", "org_admin", "team_admin", "team_member"];
    let of = [&of[..], &["viewing_team_admin"]].concat();
    assert_eq!(sees(&of_team, Some(&team)), of);
    let own = key(Some("u"), None);
    let hidden = those(|it| !it.sees_key(&own, None));
    assert_eq!(hidden, ["key_of_team", "key"]);
    let itself = ApiKey { hash: KeyHash::of(b"own"), ..key(None, None) };
    assert!(who("key").sees_key(&itself, None));
}

#[test]
fn a_key_is_managed_by_its_owner_unless_it_is_a_teams() {
    let manages =
        |key: &ApiKey, team: Option<&Entity>, route| those(|it| it.manages_key(key, team, route));
    let own = key(Some("u"), None);
    let owners =
        ["master", "admin", "org_admin", "org_member", "team_admin", "team_member", "user"];
    assert_eq!(manages(&own, None, "/key/update"), owners);
    assert_eq!(manages(&key(Some("other"), None), None, "/key/update"), ["master", "admin"]);
    assert_eq!(manages(&key(None, None), None, "/key/update"), ["master", "admin"]);

    let (closed, open) = (team(&[]), team(&["/key/update"]));
    let admins = ["master", "admin", "org_admin", "team_admin"];
    let with_members = [&admins[..], &["team_member"]].concat();
    let of_team = key(Some("u"), Some("t"));
    assert_eq!(manages(&of_team, Some(&closed), "/key/update"), admins);
    assert_eq!(manages(&of_team, Some(&open), "/key/update"), with_members);
    assert_eq!(manages(&of_team, Some(&open), "/key/delete"), admins);
    let of_other = key(Some("other"), Some("t"));
    assert_eq!(manages(&of_other, Some(&open), "/key/update"), admins);
    let of_nobody = key(None, Some("t"));
    assert_eq!(manages(&of_nobody, Some(&open), "/key/update"), with_members);
}

#[test]
fn nobody_but_the_proxys_admin_gets_hold_of_another_users_secret() {
    assert_eq!(those(|it| it.takes_over(&key(Some("other"), Some("t")))), ["master", "admin"]);
    assert!(who("team_admin").takes_over(&key(None, Some("t"))));
    assert!(who("user").takes_over(&key(Some("u"), None)));
}

#[test]
fn a_key_of_the_shared_name_is_nobodys() {
    let shared = key(Some("default_user_id"), None);
    let standing = Standing { user: Some("default_user_id".into()), ..who("user") };

    assert!(!standing.sees_key(&shared, None));
    assert!(!standing.manages_key(&shared, None, "/key/update"));
}
