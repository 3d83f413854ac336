//! Every limit of everything that has limits is told to filters, whoever sets it and how.

use serde_json::{Value, json};
use tollgate_control_plane::domain::meter::Statement;
use tollgate_control_plane::domain::{HolderId, Holding, Meter, Report, Scope, Timestamp};

use crate::app::TestApp;
use crate::key_limits::policy;

/// Each limit, what is sent, and the meter that it makes.
fn limits() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("max_budget", json!({"max_budget": 5}), "money none 5000000000"),
        ("soft_budget", json!({"soft_budget": 4}), "money none 4000000000 soft 4000000000 seen"),
        (
            "budget_duration",
            json!({"max_budget": 5, "budget_duration": "1d"}),
            "money calendar:1d 5000000000",
        ),
        (
            "budget_limits",
            json!({"budget_limits": [{"budget_duration": "7d", "max_budget": 1}]}),
            "money calendar:7d 1000000000",
        ),
        ("tpm_limit", json!({"tpm_limit": 9}), "tokens fixed:60 9"),
        ("rpm_limit", json!({"rpm_limit": 8}), "requests fixed:60 8"),
        ("tpd_limit", json!({"tpd_limit": 7}), "tokens fixed:86400 7"),
        ("max_parallel_requests", json!({"max_parallel_requests": 6}), "parallel none 6"),
        ("model_tpm_limit", json!({"model_tpm_limit": {"m": 5}}), "tokens fixed:60 5 of m"),
        ("model_rpm_limit", json!({"model_rpm_limit": {"m": 4}}), "requests fixed:60 4 of m"),
        (
            "model_max_budget",
            json!({"model_max_budget": {"m": {"budget_limit": 3, "time_period": "1d"}}}),
            "money calendar:1d 3000000000 of m",
        ),
        ("observe_only", json!({"rpm_limit": 8, "observe_only": true}), "requests fixed:60 8 seen"),
    ]
}

fn line(meter: &Meter) -> String {
    let spec = &meter.spec;
    let model = spec.model.as_ref().map_or(String::new(), |model| format!(" of {model}"));
    let soft = spec.soft_amount.map_or(String::new(), |soft| format!(" soft {soft}"));
    let seen = if spec.observe_only { " seen" } else { "" };
    let dimension = spec.dimension.as_str();
    format!("{dimension} {} {}{model}{soft}{seen}", spec.window, spec.amount)
}

async fn told(app: &TestApp, scope: Scope, id: &str) -> Vec<String> {
    let meters = app.store.meters(&[(scope, id.to_owned())]).await.unwrap();
    meters.iter().map(line).collect()
}

fn with(mut fields: Value, more: &Value) -> Value {
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

// proves: {user,team,organization,customer,tag}.{max_budget,soft_budget,budget_duration,budget_limits}
// proves: {user,team,organization,customer,tag}.{tpm_limit,rpm_limit,tpd_limit,max_parallel_requests}
// proves: {user,team,organization,customer,tag}.{model_tpm_limit,model_rpm_limit,model_max_budget}
// proves: {user,team,organization,customer,tag}.observe_only
#[tokio::test]
async fn each_limit_of_each_of_them_is_a_meter() {
    let app = TestApp::start().await;
    for (scope, path, name) in [
        (Scope::User, "/user/new", "user_id"),
        (Scope::Team, "/team/new", "team_id"),
        (Scope::Organization, "/organization/new", "organization_id"),
        (Scope::Customer, "/customer/new", "user_id"),
        (Scope::Tag, "/tag/new", "name"),
    ] {
        for (field, sent, meter) in limits() {
            let made = json!({name: field, "organization_alias": "o", "auto_create_key": false});
            app.post(path, with(made, &sent)).await.ok();

            assert_eq!(told(&app, scope, field).await, [meter], "{path} {field}");
        }
    }
}

// proves: {key,budget}.{max_budget,soft_budget,budget_duration,budget_limits}
// proves: {key,budget}.{tpm_limit,rpm_limit,tpd_limit,max_parallel_requests}
// proves: {key,budget}.{model_tpm_limit,model_rpm_limit,model_max_budget,observe_only}
// proves: key.budget_id
#[tokio::test]
async fn each_limit_of_a_key_or_of_the_budget_that_it_shares_is_a_meter() {
    let app = TestApp::start().await;
    for (field, sent, meter) in limits() {
        let own = app.key(sent.clone()).await;
        app.post("/budget/new", with(json!({"budget_id": field}), &sent)).await.ok();
        let sharing = app.key(json!({"budget_id": field})).await;

        for key in [own, sharing] {
            let hash = tollgate_core::key::KeyHash::of(key.as_bytes()).to_hex();
            assert_eq!(told(&app, Scope::Key, &hash).await, [meter], "{field}");
        }
    }
}

// proves: {user,team,organization,customer,tag}.budget_id
#[tokio::test]
async fn a_shared_budget_limits_whoever_names_it() {
    let app = TestApp::start().await;
    app.post("/budget/new", json!({"budget_id": "b", "rpm_limit": 3})).await.ok();
    for (scope, path, name) in [
        (Scope::User, "/user/new", "user_id"),
        (Scope::Team, "/team/new", "team_id"),
        (Scope::Organization, "/organization/new", "organization_id"),
        (Scope::Customer, "/customer/new", "user_id"),
        (Scope::Tag, "/tag/new", "name"),
    ] {
        let made = json!({name: "x", "organization_alias": "o", "auto_create_key": false,
            "budget_id": "b"});
        app.post(path, made).await.ok();

        assert_eq!(told(&app, scope, "x").await, ["requests fixed:60 3"], "{path}");
    }
}

// proves: member.{member,members,max_budget_in_team,budget_duration,tpm_limit,rpm_limit}
#[tokio::test]
async fn each_limit_of_a_member_is_a_meter() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let all = json!({"team_id": "t", "max_budget_in_team": 5, "budget_duration": "1d",
        "tpm_limit": 9, "rpm_limit": 8});
    let meters = ["requests fixed:60 8", "tokens fixed:60 9", "money calendar:1d 5000000000"];

    let one = json!({"member": {"role": "user", "user_id": "a"}});
    app.post("/team/member_add", with(all.clone(), &one)).await.ok();
    let many = json!({"members": [{"role": "user", "user_id": "b"}]});
    app.post("/team/bulk_member_add", with(all, &many)).await.ok();

    for id in ["a:t", "b:t"] {
        assert_eq!(told(&app, Scope::TeamMember, id).await, meters, "{id}");
    }
}

// proves: {key,user,team,organization,customer,tag}.spend
#[tokio::test]
async fn what_counts_as_spent_is_taken_from_the_budget() {
    let app = TestApp::start().await;
    let key = app.key(json!({"max_budget": 5, "spend": 2})).await;
    let hash = tollgate_core::key::KeyHash::of(key.as_bytes()).to_hex();
    let mut of = vec![(Scope::Key, hash)];
    for (scope, path, name) in [
        (Scope::User, "/user/new", "user_id"),
        (Scope::Team, "/team/new", "team_id"),
        (Scope::Organization, "/organization/new", "organization_id"),
        (Scope::Customer, "/customer/new", "user_id"),
        (Scope::Tag, "/tag/new", "name"),
    ] {
        let made = json!({name: "x", "organization_alias": "o", "auto_create_key": false,
            "max_budget": 5, "spend": 2});
        app.post(path, made).await.ok();
        of.push((scope, "x".to_owned()));
    }

    for (number, (scope, id)) in (1..).zip(of) {
        let meters = app.store.meters(&[(scope, id)]).await.unwrap();
        let [meter] = meters.as_slice() else { panic!("{meters:?}") };
        assert_eq!(left(&app, number, meter.id).await, 3_000_000_000, "{scope:?}");
    }
}

/// Returns what a new holder hears that is left of a meter.
async fn left(app: &TestApp, holder: u8, meter: u64) -> i64 {
    let statement = Statement {
        meter,
        consumed: 0,
        consumed_at: Timestamp::from_micros(0),
        idle: 0,
        reserved: 0,
        need: 1,
        want: 1,
    };
    let holder = HolderId::from_bytes(&[holder; 16]).unwrap();
    let holding = Some(Holding { holder, sequence: 1, statements: vec![statement] });
    let reported = app.service.report(Report { holding, ..Report::default() }).await.unwrap();
    reported.answers[0].unwrap().left
}

// proves: key.organization_id, organization.{models,metadata}, user.{models,metadata}
// proves: member.allowed_models, team.blocked
#[tokio::test]
async fn what_is_said_of_an_owner_holds_for_its_keys() {
    let app = TestApp::start().await;
    let said = json!({"models": ["a", "b"], "metadata": {"tags": ["x"]}});
    let organization = json!({"organization_id": "o", "organization_alias": "o"});
    app.post("/organization/new", with(organization, &said)).await.ok();
    let user = json!({"user_id": "u", "auto_create_key": false});
    app.post("/user/new", with(user, &said)).await.ok();
    app.post("/team/new", json!({"team_id": "t", "blocked": true})).await.ok();
    let member = json!({"team_id": "t", "member": {"role": "user", "user_id": "m"},
        "allowed_models": ["a"]});
    app.post("/team/member_add", member).await.ok();

    for owner in [json!({"organization_id": "o"}), json!({"user_id": "u"})] {
        let key = app.key(with(json!({"models": ["b", "c"]}), &owner)).await;
        let policy = policy(&app, &key).await;
        assert_eq!((policy.models, policy.tags), (vec!["b".to_owned()], vec!["x".to_owned()]));
        assert!(!policy.blocked, "{owner}");
    }
    let key = app.key(json!({"team_id": "t", "user_id": "m"})).await;
    let policy = policy(&app, &key).await;
    assert_eq!((policy.models, policy.blocked), (vec!["a".to_owned()], true));
}

// proves: team.{team_member_budget,team_member_budget_duration}
// proves: team.{team_member_tpm_limit,team_member_rpm_limit,team_member_key_duration}
#[tokio::test]
async fn what_members_may_use_by_default_holds_for_each_unless_said_of_one() {
    let app = TestApp::start().await;
    let early = json!({"team_id": "t", "members_with_roles": [{"role": "user", "user_id": "a"}]});
    app.post("/team/new", early).await.ok();
    let said = json!({"team_id": "t", "team_member_budget": 5, "team_member_budget_duration": "1d",
        "team_member_tpm_limit": 9, "team_member_rpm_limit": 8, "team_member_key_duration": "1h"});
    app.post("/team/update", said).await.ok();
    let own = json!({"team_id": "t", "member": {"role": "user", "user_id": "b"}, "rpm_limit": 2});
    app.post("/team/member_add", own).await.ok();

    let others = ["tokens fixed:60 9", "money calendar:1d 5000000000"];
    let of = |first: &'static str| [&[first], others.as_slice()].concat();
    assert_eq!(told(&app, Scope::TeamMember, "a:t").await, of("requests fixed:60 8"));
    assert_eq!(told(&app, Scope::TeamMember, "b:t").await, of("requests fixed:60 2"));
    let info = app.get("/team/info?team_id=t").await.ok();
    assert_eq!(info["team_info"]["team_member_budget_table"]["max_budget"], 5.0);

    app.post("/team/update", json!({"team_id": "t", "team_member_rpm_limit": 7})).await.ok();
    assert_eq!(told(&app, Scope::TeamMember, "a:t").await, of("requests fixed:60 7"));
    let reset = app.post("/team/t/member/b/reset_budget", json!({})).await.ok();
    assert_eq!(reset["budget_source"], "team_default");

    let life = async |fields: Value| {
        let key = app.key(fields).await;
        policy(&app, &key).await.expires_at.map(|at| at.as_micros() - app.service.now().as_micros())
    };
    assert_eq!(life(json!({"team_id": "t", "user_id": "a"})).await, Some(3_600_000_000));
    let shorter = json!({"team_id": "t", "user_id": "a", "duration": "1m"});
    assert_eq!(life(shorter).await, Some(60_000_000));
    assert_eq!(life(json!({"team_id": "t"})).await, None);

    app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
    assert_eq!(app.get("/budget/list").await.ok(), json!([]), "it goes with the team");
}

// proves: user.{aliases,duration,key_alias,team_id,teams}
#[tokio::test]
async fn the_key_of_a_new_user_is_what_was_said() {
    let app = TestApp::start().await;
    for team in ["t", "p"] {
        app.post("/team/new", json!({"team_id": team, "rpm_limit": 4})).await.ok();
    }
    let user = json!({"user_id": "u", "aliases": {"n": "m"}, "duration": "1h", "key_alias": "k",
        "team_id": "t", "teams": [{"team_id": "p", "max_budget_in_team": 2}]});

    let made = app.post("/user/new", user).await.ok();

    let policy = policy(&app, made["key"].as_str().unwrap()).await;
    assert_eq!(policy.aliases["n"], "m");
    assert!(policy.expires_at.is_some());
    assert_eq!(policy.meters[0].spec.name, "t");
    assert_eq!(app.get("/key/list?key_alias=k").await.ok()["total_count"], 1);
    assert_eq!(told(&app, Scope::TeamMember, "u:p").await, ["money none 2000000000"]);
}

// shows: user.user_alias, customer.metadata, provider_model.modelName, {node,connection}.name
#[tokio::test]
async fn what_things_are_called_is_told_back() {
    let app = TestApp::start().await;
    let user = json!({"user_id": "u", "user_alias": "Ada", "auto_create_key": false});
    app.post("/user/new", user).await.ok();
    let customer = json!({"user_id": "c", "metadata": {"since": 2026}});
    app.post("/customer/new", customer).await.ok();
    let node = json!({"name": "Our own", "prefix": "ours", "type": "openai-compatible",
        "apiType": "chat", "baseUrl": "https://llm.example.com/v1"});
    assert!(app.post("/api/provider-nodes", node).await.status.is_success());
    let account = json!({"provider": "groq", "name": "First", "apiKey": "gsk-x"});
    assert!(app.post("/api/providers", account).await.status.is_success());
    let model = json!({"provider": "groq", "modelId": "m", "modelName": "The model"});
    assert!(app.post("/api/provider-models", model).await.status.is_success());

    for (path, name) in [
        ("/user/info?user_id=u", "Ada"),
        ("/customer/info?end_user_id=c", "2026"),
        ("/api/provider-nodes", "Our own"),
        ("/api/providers", "First"),
        ("/api/provider-models?provider=groq", "The model"),
    ] {
        let told = app.get(path).await.ok().to_string();
        assert!(told.contains(name), "{path} {told}");
    }
}

// proves: connection.apiVersion
#[tokio::test]
async fn the_version_of_azures_api_is_told_to_filters() {
    let app = TestApp::start().await;
    let account = json!({"provider": "azure", "name": "Azure", "apiKey": "k",
        "apiVersion": "2024-10-21", "baseUrl": "https://ours.openai.azure.com/openai",
        "defaultModel": "gpt-4o"});

    let made = app.post("/api/providers", account).await;

    assert!(made.status.is_success(), "{}", made.body);
    let state = app.publisher.watch().borrow().clone();
    let versions: Vec<&str> =
        state.snapshot.providers.iter().map(|it| it.api_version.as_str()).collect();
    assert!(versions.contains(&"2024-10-21"), "{versions:?}");
}

const FILE: &str = "
filter: { file: tollgate_filter.wasm }
tags: [{ name: t, limits: LIMITS }]
providers:
  - id: p
    base_url: https://api.example.com/v1
    limits: LIMITS
    accounts: [{ id: a, credential: env:KEY, limits: LIMITS }]
models: [{ name: m, limits: LIMITS, targets: [{ provider: p, model: m }] }]
";

// proves: config.{tags[],models[],providers[],providers[].accounts[]}.limits.{rpm,tpm,tpd,soft_budget}
// proves: config.{tags[],models[],providers[],providers[].accounts[]}.limits.{max_budget,observe_only}
// proves: config.{tags[],models[],providers[],providers[].accounts[]}.limits.budget_duration
// proves: config.{tags[],models[],providers[],providers[].accounts[]}.limits.max_parallel_requests
// proves: config.tags[].name
#[tokio::test]
async fn each_limit_in_the_file_is_a_meter() {
    for (limit, meter) in [
        ("{ rpm: 8 }", "requests fixed:60 8"),
        ("{ tpm: 9 }", "tokens fixed:60 9"),
        ("{ tpd: 7 }", "tokens fixed:86400 7"),
        ("{ max_parallel_requests: 6 }", "parallel none 6"),
        ("{ max_budget: '5' }", "money none 5000000000"),
        ("{ max_budget: '5', budget_duration: 1d }", "money calendar:1d 5000000000"),
        ("{ soft_budget: '4' }", "money none 4000000000 soft 4000000000 seen"),
        ("{ rpm: 8, observe_only: true }", "requests fixed:60 8 seen"),
    ] {
        let app = TestApp::with_file(&FILE.replace("LIMITS", limit)).await;

        let mut meters = app.store.shared_limits().await.unwrap().meters;
        meters.sort_by_key(|meter| (meter.spec.scope.as_str(), meter.spec.name.clone()));
        let told: Vec<String> = meters.iter().map(line).collect();
        assert_eq!(told, [meter; 4], "{limit} {meters:?}");
    }
}
