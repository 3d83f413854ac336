use super::*;

fn provider(dialect: ProviderDialect, base: &str, version: &str) -> Provider {
    let wire = tollgate_proto::v1::Provider {
        dialect: dialect.into(),
        base_path: base.to_owned(),
        api_version: version.to_owned(),
        ..Default::default()
    };
    Provider::try_from(wire).unwrap()
}

#[track_caller]
fn check(provider: &Provider, asked: Endpoint, expected: &str) {
    let endpoint = endpoint(provider, asked).unwrap();
    assert_eq!(path(provider, endpoint, "a/b", true, true), expected);
}

// proves: config.providers[].{api_version,dialect,responses}
#[test]
fn every_conversation_reaches_every_provider_at_its_own_path() {
    let chats = [
        Endpoint::ChatCompletions,
        Endpoint::Responses,
        Endpoint::Messages,
        Endpoint::GenerateContent,
        Endpoint::OllamaChat,
    ];
    for asked in chats {
        let openai = provider(ProviderDialect::Unspecified, "/v1", "");
        check(&openai, asked, "/v1/chat/completions");
        let anthropic = provider(ProviderDialect::Anthropic, "", "");
        check(&anthropic, asked, "/v1/messages");
        let gemini = provider(ProviderDialect::Gemini, "", "");
        check(&gemini, asked, "/v1beta/models/a%2Fb:streamGenerateContent?alt=sse");
        let responses = provider(ProviderDialect::Responses, "/v1", "");
        check(&responses, asked, "/v1/responses");
        check(&provider(ProviderDialect::Ollama, "", ""), asked, "/api/chat");
        check(&provider(ProviderDialect::Ollama, "/api", ""), asked, "/api/chat");
        let azure = provider(ProviderDialect::Azure, "", "2024-10-21");
        let path = "/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21";
        check(&azure, asked, path);
        let azure = provider(ProviderDialect::Azure, "/openai/v1", "");
        check(&azure, asked, "/openai/v1/chat/completions");
    }
}

#[test]
fn a_base_path_needs_no_version() {
    let bare = provider(ProviderDialect::Unspecified, "", "");
    check(&bare, Endpoint::ChatCompletions, "/chat/completions");
    let telkom = provider(ProviderDialect::Unspecified, "/Telkom-LLM/0.0.4/llm/", "");
    check(&telkom, Endpoint::ChatCompletions, "/Telkom-LLM/0.0.4/llm/chat/completions");
    check(&telkom, Endpoint::Messages, "/Telkom-LLM/0.0.4/llm/chat/completions");
    check(&telkom, Endpoint::Embeddings, "/Telkom-LLM/0.0.4/llm/embeddings");
    let anthropic = provider(ProviderDialect::Anthropic, "/claude", "");
    check(&anthropic, Endpoint::Messages, "/claude/messages");
    let gemini = provider(ProviderDialect::Gemini, "/g", "");
    check(&gemini, Endpoint::EmbedContent, "/g/models/a%2Fb:batchEmbedContents");
}

#[test]
fn a_credential_in_the_query_is_encoded_behind_what_is_there() {
    let keyed = |dialect: ProviderDialect, version: &str| {
        let wire = tollgate_proto::v1::Provider {
            dialect: dialect.into(),
            api_version: version.to_owned(),
            credential: Some("a/b&c=d é".to_owned()),
            credential_query: "key".to_owned(),
            ..Default::default()
        };
        Provider::try_from(wire).unwrap()
    };
    let key = "key=a%2Fb%26c%3Dd%20%C3%A9";
    let openai = keyed(ProviderDialect::Unspecified, "");
    check(&openai, Endpoint::ChatCompletions, &format!("/chat/completions?{key}"));
    let gemini = keyed(ProviderDialect::Gemini, "");
    let stream = format!("/v1beta/models/a%2Fb:streamGenerateContent?alt=sse&{key}");
    check(&gemini, Endpoint::GenerateContent, &stream);
    let azure = keyed(ProviderDialect::Azure, "2024-10-21");
    let path = format!("/openai/responses?api-version=2024-10-21&{key}");
    assert_eq!(path_of(&azure, Endpoint::Responses), path);
}

fn path_of(provider: &Provider, endpoint: Endpoint) -> String {
    path(provider, endpoint, "a/b", false, false)
}

#[test]
fn vectors_come_from_whoever_has_them() {
    let gemini = provider(ProviderDialect::Gemini, "", "");
    check(&gemini, Endpoint::Embeddings, "/v1beta/models/a%2Fb:batchEmbedContents");
    check(&gemini, Endpoint::EmbedContent, "/v1beta/models/a%2Fb:batchEmbedContents");
    let ollama = provider(ProviderDialect::Ollama, "", "");
    check(&ollama, Endpoint::OllamaEmbeddings, "/api/embeddings");
    check(&ollama, Endpoint::Embeddings, "/api/embed");
    let openai = provider(ProviderDialect::Unspecified, "/v1", "");
    check(&openai, Endpoint::OllamaEmbed, "/v1/embeddings");
    let anthropic = provider(ProviderDialect::Anthropic, "", "");
    assert_eq!(endpoint(&anthropic, Endpoint::Embeddings), None);
}
