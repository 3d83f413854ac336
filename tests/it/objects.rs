//! Objects that providers keep: who may use which, with the official clients.

use serde_json::json;
use tollgate_e2e::{
    Builder, Database, Key, Model, Provider, Stack, StandIn, block_on, node, python,
};

/// What the stand-in wants, which no client knows.
const CREDENTIAL: &str = "credential-of-keeper";

#[test]
fn tenants_use_their_objects_and_no_others_with_the_python_client() {
    block_on(async {
        let (keeper, stack) = start(Stack::bare()).await;
        let keys = keys(&stack).await;
        let environment = environment(&stack, &keeper, &keys);
        told(&environment, |it| python("objects.py", it));
        let rows = stack.rows_now(&keys[0]).await;
        let of = |kind: &str| rows.iter().filter(|row| row.text("call_type") == kind).count();
        assert!(of("afile") > 5 && of("abatch") > 1 && of("arun_thread") > 1, "{rows:?}");
        let objects = rows.iter().filter(|row| row.text("call_type") != "aresponses");
        assert!(objects.into_iter().all(|row| row.cost_nanos() == 0 || row.tokens().2 > 0));
        stack.stop().await;
        keeper.stop().await;
    });
}

#[test]
fn tenants_use_their_objects_and_no_others_with_the_node_client() {
    block_on(async {
        let (keeper, stack) = start(Stack::bare()).await;
        let keys = keys(&stack).await;
        let environment = environment(&stack, &keeper, &keys);
        told(&environment, |it| node("objects.mjs", it));
        stack.stop().await;
        keeper.stop().await;
    });
}

#[test]
fn owners_survive_a_restart_of_the_control_plane() {
    block_on(async {
        let (keeper, mut stack) = start(Stack::bare().database(Database::Postgres)).await;
        let keys = keys(&stack).await;
        let mut made = environment(&stack, &keeper, &keys);
        made.push(("PART", "make".to_owned()));
        let ids = told(&made, |it| python("objects.py", it));

        stack.kill_control_plane().await;
        stack.start_control_plane().await;
        stack.await_ready().await;

        let mut used = environment(&stack, &keeper, &keys);
        used.extend([("PART", "use".to_owned()), ("IDS", ids.trim().to_owned())]);
        told(&used, |it| python("objects.py", it));
        stack.stop().await;
        keeper.stop().await;
    });
}

/// A gateway with one account at one provider, which all tenants share.
async fn start(builder: Builder) -> (StandIn, Stack) {
    let keeper = StandIn::keeper(CREDENTIAL).await;
    let credential = Some(CREDENTIAL.to_owned());
    let mut provider = Provider { credential, ..Provider::new("keeper", keeper.url("/v1")) };
    provider.fields.insert("responses".to_owned(), true.into());
    let model = Model::new(MODEL, "keeper", "target-model");
    let stack = builder.provider(provider).model(model).start().await;
    (keeper, stack)
}

/// Two keys of one team, and one of another.
async fn keys(stack: &Stack) -> [Key; 3] {
    for team in ["one", "two"] {
        let answer = stack.admin().post("/team/new", &json!({ "team_id": team })).send().await;
        assert_eq!(answer.status(), 200);
    }
    let key = async |team: &str| stack.key(&json!({ "team_id": team })).await.0;
    [key("one").await, key("one").await, key("two").await]
}

fn environment(
    stack: &Stack,
    keeper: &StandIn,
    [own, mate, stranger]: &[Key; 3],
) -> Vec<(&'static str, String)> {
    vec![
        ("BASE_URL", format!("{}/v1", stack.gateway_url())),
        ("SEEN_URL", keeper.url("")),
        ("KEY", own.secret.clone()),
        ("TEAMMATE", mate.secret.clone()),
        ("STRANGER", stranger.secret.clone()),
        ("MODEL", MODEL.to_owned()),
    ]
}

/// Runs a script with an environment of its own.
fn told(
    environment: &[(&'static str, String)],
    script: impl FnOnce(&[(&str, &str)]) -> String,
) -> String {
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    script(&environment)
}

const MODEL: &str = "team/model";
