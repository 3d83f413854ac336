//! What is changed in every request for a model.

use tollgate_proto::v1 as proto;

use crate::json::node::Node;
use crate::json::write::Writer;

/// Changes of a request's body on its way to the provider, in the provider's dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelSettings {
    /// What stands around the client's system prompt.
    pub system_prompt: SystemPrompt,
    /// Members for bodies that have none of that name.
    pub defaults: Vec<Setting>,
    /// Members that take the place of the client's.
    pub overrides: Vec<Setting>,
    /// How much the model thinks.
    pub thinking: Thinking,
}

/// What stands around the client's system prompt, a blank line between. Empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemPrompt {
    /// Before it.
    pub prefix: String,
    /// After it.
    pub suffix: String,
}

impl SystemPrompt {
    /// Tells whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }
}

/// A member that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is set to.
    pub value: Value,
}

/// What a member is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It is taken out.
    Absent,
    /// JSON that stands for itself.
    Whole(Vec<u8>),
    /// An object that is merged with the client's, member by member.
    Members(Vec<Setting>),
}

impl Value {
    /// Returns it as JSON. `None`: nothing is left of it.
    pub fn json(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        match self {
            Self::Absent => return None,
            Self::Whole(json) => return Some(json.clone()),
            Self::Members(members) => writer.object(|it| {
                for member in members {
                    if let Some(json) = member.value.json() {
                        it.key(&member.name).raw(&json);
                    }
                }
            }),
        }
        Some(writer.into_bytes())
    }

    /// Objects with a `type` are one of several forms, and members of two make none.
    fn of(node: Node<'_>, merges: bool) -> Self {
        if node.is_null() {
            Self::Absent
        } else if merges && node.is_object() && node.get("type").is_none() {
            Self::Members(settings(node, false))
        } else {
            Self::Whole(node.raw().to_vec())
        }
    }
}

/// How much a model thinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thinking {
    /// As the client says.
    #[default]
    Passthrough,
    /// As the provider does when it is told nothing.
    Auto,
    /// With a budget in tokens; 0 is not at all.
    Custom(u64),
    /// With a budget that grows with the request from this one on; 0 is not at all.
    Adaptive(u64),
}

impl ModelSettings {
    /// Reads what the wire says. `None`: defaults or overrides are no objects.
    pub fn read(wire: &proto::ModelSettings) -> Option<Self> {
        let members = |json: &str| match json {
            "" => Some(Vec::new()),
            _ => Node::object(json.as_bytes()).ok().map(|node| settings(node, true)),
        };
        let thinking = wire.thinking.map_or(Thinking::Passthrough, |thinking| {
            let tokens = |tokens: u32| u64::from(tokens);
            match thinking.mode() {
                proto::ThinkingMode::Unspecified => Thinking::Passthrough,
                proto::ThinkingMode::Auto => Thinking::Auto,
                proto::ThinkingMode::Custom => Thinking::Custom(tokens(thinking.budget)),
                proto::ThinkingMode::Adaptive => Thinking::Adaptive(tokens(thinking.base)),
            }
        });
        Some(Self {
            system_prompt: SystemPrompt {
                prefix: wire.system_prefix.clone(),
                suffix: wire.system_suffix.clone(),
            },
            defaults: members(&wire.defaults)?,
            overrides: members(&wire.overrides)?,
            thinking,
        })
    }

    /// Returns the whole number that a default of one of these names gives.
    pub fn default_number(&self, names: &[&str]) -> Option<u64> {
        let setting = self.defaults.iter().find(|it| names.contains(&&*it.name))?;
        Node::trusted(&setting.value.json()?).u64()
    }
}

fn settings(object: Node<'_>, merges: bool) -> Vec<Setting> {
    let each = object.members();
    each.map(|(name, node)| Setting { name: name.into_owned(), value: Value::of(node, merges) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(defaults: &str) -> Option<ModelSettings> {
        let defaults = defaults.to_owned();
        ModelSettings::read(&proto::ModelSettings { defaults, ..Default::default() })
    }

    #[test]
    fn reads_members_and_what_they_are_made_of() {
        let json = r#"{"a":1,"b":null,"c":{"d":null,"e":{"f":null}},"g":{"type":"x"}}"#;
        let settings = read(json).unwrap();

        let written: Vec<_> = settings.defaults.iter().map(|it| it.value.json()).collect();
        let expected = [
            Some(b"1".to_vec()),
            None,
            Some(br#"{"e":{"f":null}}"#.to_vec()),
            Some(br#"{"type":"x"}"#.to_vec()),
        ];
        assert_eq!(written, expected);
        assert!(matches!(settings.defaults[3].value, Value::Whole(_)));
        assert_eq!(settings.default_number(&["x", "a"]), Some(1));
    }

    #[test]
    fn nothing_is_nothing_and_what_is_no_object_is_refused() {
        assert_eq!(read(""), Some(ModelSettings::default()));
        assert_eq!(read("[]"), None);
        assert_eq!(read("{"), None);
    }
}
