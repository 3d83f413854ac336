//! The configuration that the stories run on.

use tollgate_proto::v1 as proto;

/// Providers of several dialects, and models that they serve.
pub(crate) fn snapshot() -> proto::Snapshot {
    let price = proto::Price {
        input_token: 1_000_000_000_000,
        output_token: 2_000_000_000_000,
        ..proto::Price::default()
    };
    let model = |name: &str, provider: &str, real: &str| proto::Model {
        name: name.into(),
        targets: vec![proto::Target {
            provider: provider.into(),
            model: real.into(),
            price: Some(price.clone()),
            ..proto::Target::default()
        }],
        created: 1,
        owned_by: provider.into(),
        strict: name.starts_with("strict/"),
        ..proto::Model::default()
    };
    let priced = |name: &str, real: &str, price: proto::Price| proto::Model {
        targets: vec![proto::Target {
            price: Some(price),
            ..model(name, "openai", real).targets.remove(0)
        }],
        ..model(name, "openai", real)
    };
    proto::Snapshot {
        revision: 1,
        providers: providers(),
        debug_headers: true,
        models: vec![
            model("gpt", "openai", "gpt-4o-2024"),
            model("same", "openai", "same"),
            model("plain/m", "plain", "m"),
            model("claude", "anthropic", "claude-real"),
            model("strict/claude", "anthropic", "claude-real"),
            model("gemini", "gemini", "gemini-real"),
            model("responses", "responses", "responses-real"),
            model("omni-moderation-latest", "openai", "omni-moderation-real"),
            priced("picture", "grok-picture", apiece()),
            priced("tokens/picture", "gpt-image-1", by_token()),
            priced("voice", "tts-1", by_character()),
        ],
        ..proto::Snapshot::default()
    }
}

fn providers() -> Vec<proto::Provider> {
    let provider = |id: &str, stream_usage| proto::Provider {
        id: id.into(),
        cluster: format!("tollgate/{id}"),
        authority: format!("{id}.example"),
        base_path: "/v1".into(),
        credential: Some(format!("secret-of-{id}")),
        stream_usage,
        ..proto::Provider::default()
    };
    let speaking = |id: &str, dialect: proto::ProviderDialect| proto::Provider {
        dialect: dialect.into(),
        ..provider(id, true)
    };
    let with_sessions = proto::Provider {
        realtime_cluster: "tollgate/openai/realtime".into(),
        ..provider("openai", true)
    };
    vec![
        with_sessions,
        provider("plain", false),
        speaking("anthropic", proto::ProviderDialect::Anthropic),
        speaking("gemini", proto::ProviderDialect::Gemini),
        speaking("responses", proto::ProviderDialect::Responses),
    ]
}

fn apiece() -> proto::Price {
    proto::Price { image: Some(20_000_000_000_000_000), ..proto::Price::default() }
}

fn by_token() -> proto::Price {
    proto::Price {
        input_token: 5_000_000_000_000,
        image_output_token: Some(40_000_000_000_000),
        ..proto::Price::default()
    }
}

fn by_character() -> proto::Price {
    proto::Price { character: Some(15_000_000_000_000), ..proto::Price::default() }
}
