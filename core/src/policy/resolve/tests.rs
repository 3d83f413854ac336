//! Which name stands for which model, as tables.

use tollgate_proto::v1 as proto;

use super::*;

/// Models with their targets, `account@provider/model`; a group after the name.
const MODELS: &[(&str, &str, &[&str])] = &[
    ("gpt", "fast", &["openai/gpt-4o"]),
    ("gpt-4o", "", &["openai/gpt-4o", "azure/gpt-4o-prod", "a@groq/gpt-oss", "b@groq/gpt-oss"]),
    ("best", "fast", &["anthropic/claude-4", "openai/gpt-4o", "openai/o3"]),
    ("openai/o3", "", &["openai/o3"]),
    ("Qwen/Qwen3", "", &["openrouter/Qwen/Qwen3-235B"]),
    ("router-claude", "", &["openrouter/anthropic/claude-4"]),
    ("planned", "", &[]),
    ("Case", "", &["openai/case"]),
];

const ALIASES: &[(&str, &str)] = &[
    ("quick", "gpt"),
    ("Loud", "gpt"),
    ("gpt", "best"),
    ("cloud", "openrouter/anthropic/claude-4"),
    ("again", "quick"),
    ("nowhere", "not-there"),
    ("claude-*", "best"),
    ("claude-4-?", "anthropic/claude-4"),
    ("claude-4-*", "gpt"),
    ("*-latest", "gpt-4o"),
    ("openai/legacy-*", "gpt"),
];

fn snapshot() -> Snapshot {
    let provider = |id: &str, account: &str, aliases: &[&str]| proto::Provider {
        id: id.to_owned(),
        account: account.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        ..proto::Provider::default()
    };
    let target = |text: &&str| {
        let (account, rest) = text.split_once('@').unwrap_or(("", text));
        let (provider, model) = rest.split_once('/').unwrap();
        let (provider, model) = (provider.to_owned(), model.to_owned());
        proto::Target { provider, model, account: account.to_owned(), ..proto::Target::default() }
    };
    let model = |(name, group, targets): &(&str, &str, &[&str])| proto::Model {
        name: (*name).to_owned(),
        groups: vec![(*group).to_owned()],
        targets: targets.iter().map(target).collect(),
        ..proto::Model::default()
    };
    let alias = |(pattern, target): &(&str, &str)| proto::Alias {
        pattern: (*pattern).to_owned(),
        target: (*target).to_owned(),
    };
    let wire = proto::Snapshot {
        providers: vec![
            provider("openai", "", &["oai"]),
            provider("azure", "", &["openai"]),
            provider("groq", "a", &[]),
            provider("groq", "b", &[]),
            provider("anthropic", "", &["cc"]),
            provider("openrouter", "", &[]),
            provider("idle", "", &[]),
        ],
        models: MODELS.iter().map(model).collect(),
        aliases: ALIASES.iter().map(alias).collect(),
        ..proto::Snapshot::default()
    };
    Snapshot::try_from(wire).unwrap()
}

fn key(models: &[&str]) -> KeyPolicy {
    let models = models.iter().map(|name| (*name).to_owned()).collect();
    KeyPolicy { models, ..KeyPolicy::default() }
}

/// What is found, in one line: the public name, then who may serve it.
fn shown(found: Result<Rc<Model>, Unresolved>) -> String {
    match found {
        Err(why) => format!("{why:?}"),
        Ok(model) => {
            let targets: Vec<String> = model
                .targets
                .iter()
                .map(|it| format!("{}{}/{}", it.provider.account, it.provider.id, it.model))
                .collect();
            format!("{}: {}", model.name, targets.join(" "))
        }
    }
}

#[track_caller]
fn check(policy: &KeyPolicy, at: Option<&str>, cases: &[(&str, &str)]) {
    let snapshot = snapshot();
    for (asked, expected) in cases {
        let found = shown(resolve(&snapshot, policy, asked, at));
        assert_eq!(found, *expected, "{asked} at {at:?}");
    }
}

#[test]
fn names_are_looked_up_in_order() {
    let of_gpt_4o = "gpt-4o: openai/gpt-4o azure/gpt-4o-prod agroq/gpt-oss bgroq/gpt-oss";
    let of_best = "best: anthropic/claude-4 openai/gpt-4o openai/o3";
    check(
        &key(&[]),
        None,
        &[
            // A public name, which hides the alias that is spelt like it.
            ("gpt", "gpt: openai/gpt-4o"),
            ("gpt-4o", of_gpt_4o),
            ("Qwen/Qwen3", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            ("planned", "planned: "),
            // One that looks like a provider's.
            ("openai/o3", "openai/o3: openai/o3"),
            // Aliases, however they are spelt; public names are exact.
            ("quick", "gpt: openai/gpt-4o"),
            ("QUICK", "gpt: openai/gpt-4o"),
            ("loud", "gpt: openai/gpt-4o"),
            ("Gpt", of_best),
            ("case", "Unknown"),
            ("cloud", "router-claude: openrouter/anthropic/claude-4"),
            // They stand for no other alias, and for nothing that is not there.
            ("again", "Unknown"),
            ("nowhere", "Unknown"),
            // Patterns, the most specific one.
            ("claude-3-opus", of_best),
            ("claude-4-1", "best: anthropic/claude-4"),
            ("CLAUDE-4-1", "best: anthropic/claude-4"),
            ("claude-4-11", "gpt: openai/gpt-4o"),
            // Of two that are equally specific, the first.
            ("claude-latest", of_best),
            ("x-latest", of_gpt_4o),
            ("openai/legacy-1", "gpt: openai/gpt-4o"),
            ("claude", "Unknown"),
            ("", "Unknown"),
        ],
    );
}

#[test]
fn a_provider_before_the_name_alone_serves() {
    check(
        &key(&[]),
        None,
        &[
            ("azure/gpt-4o", "gpt-4o: azure/gpt-4o-prod"),
            ("groq/gpt-4o", "gpt-4o: agroq/gpt-oss bgroq/gpt-oss"),
            ("oai/gpt-4o", "gpt-4o: openai/gpt-4o"),
            // An id counts before another provider's alias.
            ("openai/gpt-4o", "gpt-4o: openai/gpt-4o"),
            ("openai/best", "best: openai/gpt-4o openai/o3"),
            // The provider's own name of a model, where nothing public is called so.
            ("anthropic/claude-4", "best: anthropic/claude-4"),
            ("cc/claude-4", "best: anthropic/claude-4"),
            ("azure/gpt-4o-prod", "gpt-4o: azure/gpt-4o-prod"),
            ("groq/gpt-oss", "gpt-4o: agroq/gpt-oss bgroq/gpt-oss"),
            ("oai/o3", "best: openai/o3"),
            ("openrouter/anthropic/claude-4", "router-claude: openrouter/anthropic/claude-4"),
            ("openrouter/Qwen/Qwen3", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            ("openrouter/Qwen/Qwen3-235B", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            // Nothing of the kind: no provider is asked for what nobody configured.
            ("anthropic/gpt", "Unknown"),
            ("anthropic/claude-5", "Unknown"),
            ("idle/gpt", "Unknown"),
            ("openai/", "Unknown"),
            ("OpenAI/gpt-4o", "Unknown"),
            ("gpt-4o/openai", "Unknown"),
            ("else/gpt-4o", "Unknown"),
            ("openai/quick", "Unknown"),
        ],
    );
}

#[test]
fn a_path_of_a_provider_asks_nobody_else() {
    check(
        &key(&[]),
        Some("openai"),
        &[
            ("gpt-4o", "gpt-4o: openai/gpt-4o"),
            ("openai/gpt-4o", "gpt-4o: openai/gpt-4o"),
            ("oai/gpt-4o", "gpt-4o: openai/gpt-4o"),
            ("openai/o3", "openai/o3: openai/o3"),
            ("o3", "best: openai/o3"),
            ("quick", "gpt: openai/gpt-4o"),
            ("claude-3", "best: openai/gpt-4o openai/o3"),
            ("x-latest", "gpt-4o: openai/gpt-4o"),
            ("azure/gpt-4o", "OtherProvider"),
            ("cc/claude-4", "OtherProvider"),
            ("cloud", "OtherProvider"),
            ("claude-4-1", "OtherProvider"),
            ("Qwen/Qwen3", "Unknown"),
            ("router-claude", "Unknown"),
            ("planned", "Unknown"),
        ],
    );
    check(&key(&[]), Some("oai"), &[("gpt-4o", "gpt-4o: openai/gpt-4o")]);
    // Names with slashes that are the provider's own are no prefixes.
    check(
        &key(&[]),
        Some("openrouter"),
        &[
            ("Qwen/Qwen3", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            ("Qwen/Qwen3-235B", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            ("openrouter/Qwen/Qwen3-235B", "Qwen/Qwen3: openrouter/Qwen/Qwen3-235B"),
            ("anthropic/claude-4", "router-claude: openrouter/anthropic/claude-4"),
            ("cloud", "router-claude: openrouter/anthropic/claude-4"),
            ("anthropic/claude-5", "OtherProvider"),
            ("Qwen/Qwen4", "Unknown"),
        ],
    );
    check(&key(&[]), Some("idle"), &[("gpt", "Unknown"), ("openai/gpt", "OtherProvider")]);
    check(&key(&[]), Some("nobody"), &[("gpt", "UnknownProvider")]);
}

#[test]
fn no_other_name_opens_a_model() {
    let narrow = key(&["gpt", "openai/*", "quick"]);
    check(
        &narrow,
        None,
        &[
            ("gpt", "gpt: openai/gpt-4o"),
            ("quick", "gpt: openai/gpt-4o"),
            ("openai/o3", "openai/o3: openai/o3"),
            ("gpt-4o", "NotAllowed"),
            ("x-latest", "NotAllowed"),
            // The grant is of public names, and the public name is `gpt-4o`.
            ("openai/gpt-4o-prod", "Unknown"),
            ("azure/gpt-4o-prod", "NotAllowed"),
            ("cc/claude-4", "NotAllowed"),
            // What is not there looks like what is.
            ("not-there", "NotAllowed"),
        ],
    );
    check(&narrow, Some("azure"), &[("gpt-4o", "NotAllowed"), ("gpt", "Unknown")]);
    check(&key(&["no-default-models"]), None, &[("gpt", "NotAllowed"), ("x", "NotAllowed")]);
    check(
        &key(&["*"]),
        None,
        &[("cc/claude-4", "best: anthropic/claude-4"), ("not-there", "Unknown")],
    );
}

#[test]
fn of_several_models_with_a_target_the_first_that_is_allowed_serves() {
    check(&key(&["openai/o3"]), None, &[("oai/o3", "openai/o3: openai/o3")]);
    check(&key(&["gpt"]), None, &[("azure/gpt-4o", "NotAllowed")]);
    // `openai/gpt-4o` is a target of `gpt` as well as of `gpt-4o`.
    check(&key(&["gpt"]), None, &[("openai/gpt-4o", "gpt: openai/gpt-4o")]);
    check(&key(&["best"]), None, &[("openai/gpt-4o", "best: openai/gpt-4o")]);
}

#[test]
fn a_group_opens_its_models_under_all_their_names() {
    let cases = [
        ("gpt", "gpt: openai/gpt-4o"),
        ("quick", "gpt: openai/gpt-4o"),
        ("cc/claude-4", "best: anthropic/claude-4"),
        ("gpt-4o", "NotAllowed"),
        ("fast", "Unknown"),
    ];
    check(&key(&["fast"]), None, &cases);
}

#[test]
fn the_keys_own_aliases_come_first() {
    let aliases = [
        ("mine", "gpt"),
        ("gpt-4o", "gpt"),
        ("far", "azure/gpt-4o"),
        ("farther", "quick"),
        ("loop", "mine"),
    ];
    let aliases = aliases.map(|(name, target)| (name.to_owned(), target.to_owned())).into();
    let own = KeyPolicy { aliases, ..key(&["gpt", "gpt-4o"]) };
    check(
        &own,
        None,
        &[
            ("mine", "gpt: openai/gpt-4o"),
            ("gpt-4o", "gpt: openai/gpt-4o"),
            ("far", "gpt-4o: azure/gpt-4o-prod"),
            ("farther", "gpt: openai/gpt-4o"),
            ("loop", "NotAllowed"),
            ("MINE", "NotAllowed"),
        ],
    );
    check(&own, Some("azure"), &[("far", "gpt-4o: azure/gpt-4o-prod")]);
    check(&own, Some("openai"), &[("mine", "gpt: openai/gpt-4o"), ("far", "OtherProvider")]);
}

#[test]
fn what_cannot_be_a_name_is_none() {
    let long = "a".repeat(LONGEST_NAME + 1);
    for hostile in [
        "../gpt",
        "openai/../gpt",
        "a/..",
        "..",
        "..\\gpt",
        "gpt\n",
        "gpt\0",
        "\u{7f}",
        "a\u{85}b",
        "gpt\r\nx-admin: 1",
        &long,
    ] {
        for at in [None, Some("openai")] {
            let found = resolve(&snapshot(), &key(&[]), hostile, at);
            assert_eq!(found, Err(Unresolved::NotAName), "{hostile:?}");
        }
    }
    // Names that only look odd are looked up.
    for odd in ["gpt 4", "ünïcode", "a:b@c", "gpt..4", "<script>", &long[1..], "/", "//", "*", "?"]
    {
        let found = resolve(&snapshot(), &key(&[]), odd, None);
        assert_eq!(found, Err(Unresolved::Unknown), "{odd:?}");
    }
}

#[test]
fn a_model_that_one_provider_serves_is_shared_and_not_copied() {
    let snapshot = snapshot();
    let all = key(&[]);

    let whole = resolve(&snapshot, &all, "gpt", None).unwrap();

    assert!(Rc::ptr_eq(&whole, &resolve(&snapshot, &all, "openai/gpt", None).unwrap()));
    assert!(Rc::ptr_eq(&whole, &resolve(&snapshot, &all, "gpt", Some("oai")).unwrap()));
}
