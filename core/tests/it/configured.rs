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

/// The same, with models that are no conversations.
pub(crate) fn with_media() -> proto::Snapshot {
    let mut snapshot = snapshot();
    let micros = |price: u64| Some(price * 1_000_000_000_000);
    let models = [
        ("omni-moderation-latest", "omni-moderation-real", proto::Price::default()),
        (
            "picture",
            "grok-picture",
            proto::Price { image: micros(20_000), ..proto::Price::default() },
        ),
        (
            "tokens/picture",
            "gpt-image-1",
            proto::Price {
                input_token: 5_000_000_000_000,
                image_output_token: micros(40),
                ..proto::Price::default()
            },
        ),
        ("voice", "tts-1", proto::Price { character: micros(15), ..proto::Price::default() }),
        (
            "whisper",
            "whisper-1",
            proto::Price { audio_input_second: micros(100), ..proto::Price::default() },
        ),
    ];
    for (name, real, price) in models {
        let target = proto::Target {
            provider: "openai".into(),
            model: real.into(),
            price: Some(price),
            ..proto::Target::default()
        };
        let targets = vec![target];
        snapshot.models.push(proto::Model {
            name: name.into(),
            targets,
            ..proto::Model::default()
        });
    }
    snapshot
}
