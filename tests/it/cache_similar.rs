//! Answers that are served for similar questions.

use serde_json::{Value, json};
use tollgate_e2e::simulator::{Fault, Script};
use tollgate_e2e::{Builder, Call, Client, Key, Model, Stack, eventually};

use crate::stacks::for_each_role;

/// How similar texts are to the embedder: those that begin with an angle, as its cosine says.
const CLOSE: &str = "0.9848";

/// A gateway that compares questions to `gpt-4o`, and not those to `plain`.
fn comparing(more: &Value) -> Builder {
    // As long as it may be: a slow machine must not turn a hit into a miss.
    let mut semantic =
        json!({ "embedding_model": "embed", "models": ["gpt-4o"], "timeout_ms": 1_500 });
    for (name, value) in more.as_object().unwrap() {
        semantic[name] = value.clone();
    }
    Stack::bare()
        .simulator("demo")
        .simulator("embedder")
        .model(Model::new("gpt-4o", "demo", "gpt-4o"))
        .model(Model::new("plain", "demo", "gpt-4o"))
        .model(Model::new("embed", "embedder", "e-1").with("mode", "embedding"))
        .section("cache", json!({ "enabled": true, "semantic": semantic }))
}

fn ask(client: &Client, question: &str, more: &Value) -> Call {
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": question },
    ]);
    let mut fields = json!({ "temperature": 0, "messages": messages });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    client.chat("gpt-4o", &fields)
}

/// What an answer says of the cache, how similar the question was, and the answer.
async fn told(call: Call) -> (String, String, String) {
    let mut answer = call.send().await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.header(name).to_owned();
    let (cache, similarity) = (header("x-omniroute-cache"), header("x-tollgate-cache-similarity"));
    (cache, similarity, answer.text().await)
}

async fn is_made(call: Call) -> String {
    let (cache, similarity, answer) = told(call).await;
    assert_eq!((&*cache, &*similarity), ("MISS", ""));
    answer
}

/// What the gateway says of similar questions.
async fn figures(stack: &Stack) -> Value {
    let cache = stack.admin().get("/api/cache").send().await.json().await;
    cache["semanticCache"]["similar"].clone()
}

/// Asks something new, and waits until similar questions find the answer.
async fn is_kept(stack: &Stack, call: Call) -> String {
    let before = entries(stack).await;
    let answer = is_made(call).await;
    have_come(stack, before + 1).await;
    answer
}

async fn entries(stack: &Stack) -> u64 {
    figures(stack).await["entries"].as_u64().unwrap()
}

async fn have_come(stack: &Stack, expected: u64) {
    eventually("similar questions find it", async || {
        (entries(stack).await == expected).then_some(())
    })
    .await;
}

// proves: config.cache.semantic.embedding_model
#[test]
fn a_similar_question_of_the_same_tenant_gets_the_answer_and_others_do_not() {
    // One of its own: what is counted and purged is all of a gateway's.
    for_each_role(&async |role| {
        let own = comparing(&json!({})).role(role).start().await;
        let stack = &own;
        for stream in [false, true] {
            let (key, client) = stack.key(&json!({})).await;
            let (_, stranger) = stack.key(&json!({})).await;
            let more = json!({ "stream": stream });
            let earlier = entries(stack).await;
            let first = is_kept(stack, ask(&client, "@0 what is it?", &more)).await;
            let before = stack.demo().requests().len();

            let (cache, similarity, second) = told(ask(&client, "@10 say what it is", &more)).await;

            assert_eq!((&*cache, &*similarity, second), ("HIT", CLOSE, first));
            assert_eq!(stack.demo().requests().len(), before);
            let system = json!([
                { "role": "system", "content": "Be long." },
                { "role": "user", "content": "@10 say what it is" },
            ]);
            let others = [
                ask(&stranger, "@10 say what it is", &more),
                ask(&client, "@40 what was it?", &more),
                ask(&client, "@10 say what it is", &json!({ "stream": stream, "seed": 1 })),
                ask(&client, "@10 say what it is", &json!({ "stream": !stream })),
                ask(&client, "", &json!({ "stream": stream, "messages": system })),
                ask(&client, "@10 say what it is", &json!({ "stream": stream, "model": "plain" })),
            ];
            for other in others {
                is_made(other).await;
            }
            have_come(stack, earlier + 6).await;
            let (cache, similarity, _) = told(ask(&client, "@10 say what it is", &more)).await;
            assert_eq!((&*cache, &*similarity), ("HIT", CLOSE));
            let rows = stack.rows(&key, 8).await;
            let kept: Vec<_> = rows.iter().filter(|row| row.text("cache_hit") == "True").collect();
            assert_eq!(kept.len(), 2, "{rows:?}");
            assert!(kept.iter().all(|row| row.cost_nanos() == 0 && row.tokens().2 > 0), "{kept:?}");
        }
        own.stop().await;
    });
}

#[test]
fn each_embedding_is_paid_once_by_nobodys_key() {
    for_each_role(&async |role| {
        let stack = comparing(&json!({})).role(role).start().await;
        let (key, client) = stack.key(&json!({})).await;
        is_kept(&stack, ask(&client, "@0 what is it?", &json!({}))).await;
        for _ in 0..2 {
            assert_eq!(told(ask(&client, "@10 say it", &json!({}))).await.1, CLOSE);
        }
        stack.rows(&key, 3).await;
        let refused = ask(&client, "@10 say it again", &json!({}));
        assert_eq!(told(refused.header("x-omniroute-no-cache", "true")).await.0, "");

        let master = Key { secret: stack.master_key().to_owned() };
        let rows = stack.rows(&master, 2).await;
        let embedder = stack.simulator("embedder");
        assert_eq!(embedder.requests().len(), 2);
        let asked: u64 = rows.iter().map(|row| row.tokens().0).sum();
        assert_eq!(asked, embedder.counts().completed["e-1"].prompt);
        for row in &rows {
            assert_eq!((row.text("model_group"), row.usage_source()), ("embed", "provider"));
            assert_eq!(row.cost_nanos(), 150 * i64::try_from(row.tokens().0).unwrap());
        }
        let figures = figures(&stack).await;
        assert_eq!(figures["embeddings"], 2, "{figures}");
        eventually("hits are counted", async || {
            (self::figures(&stack).await["hits"] == 2).then_some(())
        })
        .await;
        stack.stop().await;
    });
}

#[test]
fn a_purge_forgets_what_similar_questions_find() {
    // One of its own: what is counted and purged is all of a gateway's.
    for_each_role(&async |role| {
        let own = comparing(&json!({})).role(role).start().await;
        let stack = &own;
        let (_, client) = stack.key(&json!({})).await;
        is_kept(stack, ask(&client, "@0 what is it?", &json!({}))).await;
        assert_eq!(told(ask(&client, "@10 say it", &json!({}))).await.0, "HIT");

        let purge = stack.admin().call(hyper::Method::DELETE, "/api/cache").send().await;
        assert_eq!(purge.status(), 200);

        assert_eq!(figures(stack).await["entries"], 0);
        eventually("it is made again", async || {
            (told(ask(&client, "@10 say it", &json!({}))).await.0 == "MISS").then_some(())
        })
        .await;
        own.stop().await;
    });
}

// proves: config.cache.semantic.ttl_seconds
#[test]
fn similar_questions_find_an_answer_for_as_long_as_is_configured() {
    for_each_role(&async |role| {
        let stack = comparing(&json!({ "ttl_seconds": 0.5 })).role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        is_made(ask(&client, "@0 what is it?", &json!({}))).await;
        // The answer is kept in the same step as what it is found by.
        eventually("it is kept, and not found any more", async || {
            let cache = stack.admin().get("/api/cache").send().await.json().await;
            let cache = &cache["semanticCache"];
            (cache["dbEntries"] == 1 && cache["similar"]["entries"] == 0).then_some(())
        })
        .await;

        is_made(ask(&client, "@10 say what it is", &json!({}))).await;
        assert_eq!(told(ask(&client, "@0 what is it?", &json!({}))).await.0, "HIT");
        stack.stop().await;
    });
}

// proves: config.cache.semantic.timeout_ms
#[test]
fn without_embeddings_requests_are_made_as_ever() {
    for_each_role(&async |role| {
        for fault in [Fault::CloseBeforeHead, Fault::Hang, Fault::GarbageBody] {
            let stack = comparing(&json!({ "timeout_ms": 50 })).role(role).start().await;
            let script = Script { fault: Some(fault), ..Script::default() };
            stack.simulator("embedder").always(script);
            let (_, client) = stack.key(&json!({})).await;

            is_made(ask(&client, "@0 what is it?", &json!({}))).await;
            is_made(ask(&client, "@10 say what it is", &json!({}))).await;

            assert_eq!(told(ask(&client, "@0 what is it?", &json!({}))).await.0, "HIT");
            assert_eq!(figures(&stack).await["entries"], 0);
            stack.stop().await;
        }
    });
}
