use super::*;

fn check(method: &str, path: &str, expected: &Selection) {
    let bases: Vec<BasePath> = serde_json::from_value(serde_json::json!([
        "/telkom/llm/",
        { "path": "/Telkom-LLM/0.0.4", "default_model": "telkom-ai" },
    ]))
    .unwrap();
    assert_eq!(select(method.as_bytes(), path.as_bytes(), &bases), *expected, "{method} {path}");
}

fn inference(endpoint: Endpoint) -> Selection {
    Selection::Inference(call(endpoint))
}

fn call(endpoint: Endpoint) -> Call {
    Call { endpoint, named: None, route: Route::default() }
}

fn counted(endpoint: Endpoint) -> Selection {
    Selection::CountTokens(call(endpoint))
}

fn gemini(endpoint: Endpoint, model: &str, stream: bool, sse: bool) -> Call {
    let named = Some(Named { model: model.to_owned(), stream, sse });
    Call { named, ..call(endpoint) }
}

#[test]
fn serves_the_api_under_every_prefix() {
    let chat = inference(Endpoint::ChatCompletions);
    check("POST", "/v1/chat/completions", &chat);
    check("POST", "/chat/completions", &chat);
    check("POST", "/api/v1/chat/completions?x=1", &chat);
    check("POST", "/telkom/llm/chat/completions", &chat);
    check("POST", "/v1/completions", &inference(Endpoint::Completions));
    check("POST", "/v1/embeddings/", &inference(Endpoint::Embeddings));
}

#[test]
fn serves_what_is_no_conversation() {
    check("POST", "/images/generations", &inference(Endpoint::ImagesGenerations));
    check("POST", "/api/v1/audio/speech", &inference(Endpoint::Speech));
    check("POST", "/v1/moderations", &inference(Endpoint::Moderations));
}

#[test]
fn reads_the_model_in_the_paths_of_engines() {
    let route = Route { default_model: "a/b".into(), ..Route::default() };
    let completions = Call { route, ..call(Endpoint::Completions) };
    check("POST", "/v1/engines/a%2Fb/completions", &Selection::Inference(completions));
    check("GET", "/engines/", &Selection::Engines);
    check("GET", "/v1/engines/a/b", &Selection::Engine("a/b".into()));
    check("POST", "/v1/engines", &Selection::WrongMethod);
    check("GET", "/v1/enginesx", &Selection::Unknown);
}

#[test]
fn serves_other_apis_at_their_own_paths() {
    check("POST", "/v1/responses", &inference(Endpoint::Responses));
    check("POST", "/v1/messages?beta=true", &inference(Endpoint::Messages));
    check("POST", "/v1/messages/count_tokens", &counted(Endpoint::Messages));
    check("POST", "/v1/responses/input_tokens", &counted(Endpoint::Responses));
    check("POST", "/api/chat", &inference(Endpoint::OllamaChat));
    check("POST", "/v1/api/chat", &inference(Endpoint::OllamaChat));
    check("POST", "/api/generate", &inference(Endpoint::OllamaGenerate));
    check("GET", "/api/tags", &Selection::ModelList(Api::Ollama));
    check("POST", "/api/show", &Selection::OllamaShow);
    check("GET", "/api/version", &Selection::OllamaVersion);
    check("GET", "/api/chat", &Selection::WrongMethod);
    check("GET", "/api/settings", &Selection::Unknown);
}

#[test]
fn reads_model_and_form_in_geminis_paths() {
    let generate = |model, stream, sse| {
        Selection::Inference(gemini(Endpoint::GenerateContent, model, stream, sse))
    };
    check("POST", "/v1beta/models/a:generateContent", &generate("a", false, false));
    let path = "/v1beta/models/p/a:8b:streamGenerateContent?key=k&alt=sse";
    check("POST", path, &generate("p/a:8b", true, true));
    check("POST", "/v1/models/a%2Fb:streamGenerateContent", &generate("a/b", true, false));
    let count = gemini(Endpoint::GenerateContent, "a", false, false);
    check("POST", "/v1beta/models/a:countTokens", &Selection::CountTokens(count));
    let embed = gemini(Endpoint::EmbedContent, "a", false, false);
    check("POST", "/v1beta/models/a:embedContent", &Selection::Inference(embed));
    check("GET", "/v1beta/models", &Selection::ModelList(Api::Gemini));
    check("GET", "/v1beta/models/a:8b", &Selection::Model("a:8b".into(), Api::Gemini));
    check("GET", "/v1/models/a:8b", &Selection::Model("a:8b".into(), Api::OpenAi));
    check("GET", "/v1beta/models/a:generateContent", &Selection::WrongMethod);
    check("POST", "/v1beta/files", &Selection::Unknown);
}

#[test]
fn a_base_path_can_name_the_model_of_requests_that_name_none() {
    let route = Route { default_model: "telkom-ai".into(), ..Route::default() };
    let chat = Call { route, ..call(Endpoint::ChatCompletions) };
    check("POST", "/Telkom-LLM/0.0.4/chat/completions", &Selection::Inference(chat));
    check("POST", "/Telkom-LLM/0.0.5/chat/completions", &Selection::Unknown);
}

#[test]
fn a_path_can_name_the_provider() {
    let at = |provider: &str, default_model: &str, endpoint| {
        let provider = Some(provider.to_owned());
        let route = Route { provider, default_model: default_model.to_owned() };
        Call { route, ..call(endpoint) }
    };
    for (path, endpoint) in [
        ("chat/completions", Endpoint::ChatCompletions),
        ("completions", Endpoint::Completions),
        ("embeddings/", Endpoint::Embeddings),
        ("responses?x=1", Endpoint::Responses),
        ("messages", Endpoint::Messages),
    ] {
        for prefix in ["/v1", "", "/api/v1", "/telkom/llm"] {
            let path = format!("{prefix}/providers/open%61i/{path}");
            check("POST", &path, &Selection::Inference(at("openai", "", endpoint)));
            check("DELETE", &path, &Selection::WrongMethod);
        }
    }
    let path = "/v1/providers/cc/messages/count_tokens";
    check("POST", path, &Selection::CountTokens(at("cc", "", Endpoint::Messages)));
    let path = "/Telkom-LLM/0.0.4/providers/x/chat/completions";
    let chat = at("x", "telkom-ai", Endpoint::ChatCompletions);
    check("POST", path, &Selection::Inference(chat));
    for path in [
        "/v1/providers",
        "/v1/providers/",
        "/v1/providers/openai",
        "/v1/providers/openai/",
        "/v1/providers/openai/models",
        "/v1/providers/open/ai/chat/completions",
        "/v1/providers/%ff/chat/completions",
    ] {
        check("POST", path, &Selection::Unknown);
    }
}

#[test]
fn models_for_one_thing_are_listed_where_it_is_asked_for() {
    for prefix in ["/v1", "", "/api/v1", "/telkom/llm"] {
        let embeddings = format!("{prefix}/embeddings");
        check("GET", &embeddings, &Selection::ModelsFor(ModelKind::Embeddings));
        check("PUT", &embeddings, &Selection::WrongMethod);
        let images = format!("{prefix}/images/generations");
        check("GET", &images, &Selection::ModelsFor(ModelKind::Images));
        check("POST", &images, &inference(Endpoint::ImagesGenerations));
    }
}

#[test]
fn finds_models_with_slashes_in_their_name() {
    check("GET", "/v1/models", &Selection::ModelList(Api::OpenAi));
    check("GET", "/models/", &Selection::ModelList(Api::OpenAi));
    check(
        "GET",
        "/v1/models/openai/gpt-4o",
        &Selection::Model("openai/gpt-4o".into(), Api::OpenAi),
    );
    check(
        "GET",
        "/v1/models/openai%2Fgpt-4o",
        &Selection::Model("openai/gpt-4o".into(), Api::OpenAi),
    );
    check("DELETE", "/v1/models/x", &Selection::WrongMethod);
    check("GET", "/v1/modelsx", &Selection::Unknown);
}

#[test]
fn tells_management_from_inference() {
    for path in [
        "/key/info",
        "/spend/logs?x",
        "/end_user/list",
        "/global/spend/report",
        "/health",
        "/health/liveness",
        "/ready",
        "/docs",
        "/login",
        "/logout",
        "/session",
        "/sso/callback",
        "/v2/login",
        "/openapi.json",
        "/model/info?x",
        "/v1/model/info",
        "/v2/key/info",
        "/api/providers",
        "/api/providers/x/test",
        "/api/models/alias",
        "/api/resilience/reset",
    ] {
        check("GET", path, &Selection::Management);
    }
    check("GET", "/key", &Selection::Unknown);
    check("GET", "/model", &Selection::Unknown);
    check("GET", "/api/provider", &Selection::Unknown);
    check("GET", "/v1/health", &Selection::Unknown);
    check("GET", "/v1/chat/completions", &Selection::WrongMethod);
    check("GET", "/v1/audio/speech", &Selection::WrongMethod);
    check("GET", "/", &Selection::Unknown);
    check("GET", "/api/v1evil/models", &Selection::Unknown);
}

#[test]
fn all_that_litellm_manages_goes_to_the_control_plane() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/tests/it/surface.txt");
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.replace(['{', '}'], "");
        if !path.strip_prefix("/v1").unwrap_or(&path).starts_with("/models") {
            check(method, &path, &Selection::Management);
        }
    }
}

#[test]
fn reads_the_query() {
    assert_eq!(query_value(b"/v1/models?a=1&key=sk-%41b", "key"), Some(b"sk-Ab".to_vec()));
    assert_eq!(query_value(b"/v1/models?monkey=1", "key"), None);
    assert_eq!(query_value(b"/v1/models", "key"), None);
}

/// Routes of a section of the document, with names in the place of what stands in braces.
fn documented(section: &str) -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let text = std::fs::read_to_string(folder).unwrap();
    let section = text.split("## ").find(|it| it.starts_with(section)).unwrap().to_owned();
    let routes = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let named = routes.filter_map(|route| route.split_once(' '));
    named.map(|(method, path)| (method.to_owned(), path.replace("{model}", "some"))).collect()
}

#[test]
fn what_the_document_says_of_models_is_served_and_nothing_else_is() {
    let mut endpoints: Vec<Endpoint> = (1..100)
        .filter_map(|number| Endpoint::try_from(number).ok())
        .filter(|endpoint| !resources::TABLE.iter().any(|row| row.endpoint == *endpoint))
        .collect();
    for (method, path) in documented("Answers of models") {
        let selection = select(method.as_bytes(), path.as_bytes(), &[]);
        let others = [Selection::Unknown, Selection::WrongMethod, Selection::Management];
        assert!(!others.contains(&selection), "{method} {path} is not served");
        if let Selection::Inference(call) = selection {
            endpoints.retain(|it| *it != call.endpoint);
        }
    }
    assert_eq!(endpoints, [], "they are not in docs/api.md");
}
