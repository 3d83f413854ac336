//! Listings in each dialect.

use serde_json::{Value, json};

use super::*;
use crate::snapshot::names::{Alias, Names};

fn snapshot() -> Snapshot {
    let model = |name: &str| {
        let (created, owned_by) = (1_739_923_200, "acme".to_owned());
        let model = Model { name: name.to_owned(), created, owned_by, ..Model::default() };
        (name.to_owned(), Rc::new(model))
    };
    let models = [model("a"), model("b"), model("c/d")].into();
    Snapshot { models, ..Snapshot::default() }
}

fn may_use(models: &[&str]) -> KeyPolicy {
    let models = models.iter().map(|name| (*name).to_owned()).collect();
    KeyPolicy { models, ..KeyPolicy::default() }
}

fn listed(snapshot: &Snapshot, policy: &KeyPolicy, api: Api) -> Value {
    serde_json::from_slice(&list(snapshot, policy, api)).unwrap()
}

fn retrieved(asked: &str, api: Api) -> Value {
    let body = retrieve(&snapshot(), &may_use(&["b"]), asked, api).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn openais_clients_are_told_what_the_key_may_use() {
    let model = json!({
        "id": "c/d", "object": "model", "created": 1_739_923_200, "owned_by": "acme",
    });

    let body = listed(&snapshot(), &may_use(&["c/*"]), Api::OpenAi);

    assert_eq!(body, json!({"object": "list", "data": [model]}));
}

#[test]
fn anthropics_clients_are_told_on_one_page() {
    let model = |id| {
        let created = "2025-02-19T00:00:00Z";
        json!({"type": "model", "id": id, "display_name": id, "created_at": created})
    };

    let page = listed(&snapshot(), &may_use(&["b", "c/*"]), Api::Anthropic);

    let expected = json!({
        "data": [model("b"), model("c/d")],
        "has_more": false, "first_id": "b", "last_id": "c/d",
    });
    assert_eq!(page, expected);
    assert_eq!(retrieved("b", Api::Anthropic), model("b"));
    let none = listed(&Snapshot::default(), &may_use(&["b"]), Api::Anthropic);
    assert_eq!(none["first_id"], Value::Null);
}

#[test]
fn geminis_clients_write_a_prefix() {
    let body = listed(&snapshot(), &may_use(&["c/*"]), Api::Gemini);

    assert_eq!(body["models"].as_array().unwrap().len(), 1);
    assert_eq!(body["models"][0]["name"], "models/c/d");
    assert_eq!(retrieved("models/b", Api::Gemini), retrieved("b", Api::Gemini));
}

#[test]
fn ollamas_clients_are_told_tags() {
    let tags = listed(&snapshot(), &may_use(&["b"]), Api::Ollama);

    let models = tags["models"].as_array().unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!(models[0]["model"], "b");
    assert_eq!(models[0]["modified_at"], "2025-02-19T00:00:00Z");
    assert_eq!(models[0]["digest"].as_str().unwrap().len(), 64);
    let shown = retrieved("b", Api::Ollama);
    assert_eq!(shown["capabilities"], json!(["completion", "tools"]));
    assert_eq!(shown["model_info"]["general.architecture"], "acme");
}

#[test]
fn a_model_of_others_is_not_there() {
    for api in [Api::OpenAi, Api::Anthropic, Api::Gemini, Api::Ollama] {
        assert!(retrieve(&snapshot(), &may_use(&["a"]), "a", api).is_ok());
        let refusal = Refusal::ModelNotFound("c/d".into());
        assert_eq!(retrieve(&snapshot(), &may_use(&["a"]), "c/d", api), Err(refusal));
    }
}

/// Models with names besides their own, of which one is for vectors and one for pictures.
fn named() -> Snapshot {
    let models = snapshot().models.into_iter().map(|(name, model)| {
        let kind = match &*name {
            "a" => ModelKind::Unspecified,
            "b" => ModelKind::Embeddings,
            _ => ModelKind::Images,
        };
        (name, Rc::new(Model { kind, ..Model::clone(&model) }))
    });
    let models = models.collect();
    let alias = |(pattern, target): (&str, &str)| Alias {
        pattern: pattern.to_owned(),
        target: target.to_owned(),
    };
    let aliases = [("Vectors", "b"), ("a", "b"), ("gone", "x"), ("any-*", "a"), ("z", "a")];
    let names = Names::new([].iter(), &models, aliases.map(alias));
    Snapshot { models, names, ..Snapshot::default() }
}

fn called(names: &[(&str, &str)], models: &[&str]) -> KeyPolicy {
    let aliases = names.iter().map(|(name, target)| ((*name).into(), (*target).into()));
    KeyPolicy { aliases: aliases.collect(), ..may_use(models) }
}

fn ids(list: &Value) -> Vec<(&str, Option<&str>)> {
    let entries = list["data"].as_array().unwrap().iter();
    entries.map(|it| (it["id"].as_str().unwrap(), it["root"].as_str())).collect()
}

#[test]
fn every_name_of_a_model_is_listed_with_what_it_stands_for() {
    let all = [
        ("Vectors", Some("b")),
        ("a", None),
        ("b", None),
        ("c/d", None),
        ("mine", Some("a")),
        ("z", Some("a")),
    ];
    let mine = [("mine", "z"), ("lost", "x")];
    assert_eq!(ids(&listed(&named(), &called(&mine, &[]), Api::OpenAi)), all);

    // An alias of the key hides what is called so, and none opens a model.
    let hiding = called(&[("z", "c/d"), ("b", "a")], &["b", "c/d"]);
    let listed = listed(&named(), &hiding, Api::OpenAi);
    assert_eq!(ids(&listed), [("Vectors", Some("b")), ("c/d", None), ("z", Some("c/d"))]);
    assert_eq!(listed["data"][2]["parent"], "c/d");
    assert_eq!(listed["data"][1]["parent"], Value::Null);
}

#[test]
fn other_apis_list_aliases_in_their_own_way() {
    let only_z = called(&[], &["a"]);
    let anthropic = listed(&named(), &only_z, Api::Anthropic);
    assert_eq!((&anthropic["data"][1]["id"], &anthropic["last_id"]), (&json!("z"), &json!("z")));
    let gemini = listed(&named(), &only_z, Api::Gemini);
    assert_eq!(gemini["models"][1]["name"], "models/z");
    assert_eq!(gemini["models"][1]["baseModelId"], "a");
    let ollama = listed(&named(), &only_z, Api::Ollama);
    assert_eq!(ollama["models"][1]["model"], "z");
    assert_eq!(ollama["models"][1]["details"]["parent_model"], "a");
}

#[test]
fn an_alias_is_described_as_what_it_stands_for() {
    for (asked, api) in [
        ("z", Api::OpenAi),
        ("Z", Api::OpenAi),
        ("any-thing", Api::Anthropic),
        ("models/z", Api::Gemini),
        ("z", Api::Ollama),
    ] {
        assert!(retrieve(&named(), &may_use(&["a"]), asked, api).is_ok(), "{asked}");
        let refusal = retrieve(&named(), &may_use(&["b"]), asked, api);
        assert!(matches!(refusal, Err(Refusal::ModelNotFound(_))), "{asked}");
    }
    let body = retrieve(&named(), &may_use(&[]), "z", Api::OpenAi).unwrap();
    let view: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&view["id"], &view["root"]), (&json!("z"), &json!("a")));
    let hostile = retrieve(&named(), &may_use(&[]), "../a", Api::OpenAi);
    assert_eq!(hostile, Err(Refusal::ModelNotFound("../a".into())));
}

#[test]
fn models_for_one_thing_are_listed_apart() {
    let of = |kind, models: &[&str]| -> Value {
        serde_json::from_slice(&list_for(&named(), &may_use(models), kind)).unwrap()
    };
    let vectors = of(ModelKind::Embeddings, &[]);
    assert_eq!(ids(&vectors), [("Vectors", Some("b")), ("b", None)]);
    assert_eq!(vectors["object"], "list");
    assert_eq!(vectors["data"][1]["type"], "embedding");
    let pictures = of(ModelKind::Images, &["c/*"]);
    assert_eq!(ids(&pictures), [("c/d", None)]);
    assert_eq!(pictures["data"][0]["type"], "image");
    assert_eq!(ids(&of(ModelKind::Images, &["a"])), []);
}

#[test]
fn clients_are_told_what_a_model_for_vectors_can_do() {
    let of = |asked: &str, api| -> Value {
        serde_json::from_slice(&retrieve(&named(), &may_use(&[]), asked, api).unwrap()).unwrap()
    };
    let methods = json!(["embedContent", "batchEmbedContents"]);
    assert_eq!(of("b", Api::Gemini)["supportedGenerationMethods"], methods);
    assert_eq!(of("b", Api::Ollama)["capabilities"], json!(["embedding"]));
    assert_eq!(of("a", Api::Ollama)["capabilities"], json!(["completion", "tools"]));
}
