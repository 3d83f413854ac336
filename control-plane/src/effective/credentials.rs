//! Credentials with names of their own, which deployments refer to.

use serde_json::Value;

use crate::domain::{Item, ItemKind, Secret};
use crate::effective::Merge;

impl Merge<'_> {
    /// Fills in what the credential says that a deployment names, and opens the secret that it
    /// is used with. What the deployment says itself wins. `Err`: what is wrong with it.
    pub(super) fn filled(
        &self,
        deployment: &Item,
        items: &[Item],
    ) -> Result<(Item, Option<Secret>), String> {
        let own = self.credential(deployment)?;
        let Some(name) = credential_of(deployment) else { return Ok((deployment.clone(), own)) };
        let named = items.iter().find(|it| it.kind == ItemKind::Credential && it.id == name);
        let named = named.ok_or_else(|| format!("there is no credential {name:?}"))?;
        let secret = if own.is_some() { own } else { self.credential(named)? };
        let mut filled = deployment.clone();
        let params = filled.body.get_mut("litellm_params").and_then(Value::as_object_mut);
        let values = named.body.get("credential_values").and_then(Value::as_object);
        if let (Some(params), Some(values)) = (params, values) {
            for (name, value) in values {
                params.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
        Ok((filled, secret))
    }
}

/// Returns the name of the credential that a deployment is used with.
pub fn credential_of(deployment: &Item) -> Option<&str> {
    let params = deployment.body.get("litellm_params");
    let name = params.and_then(|it| it.get("litellm_credential_name")).and_then(Value::as_str);
    name.filter(|name| !name.is_empty())
}
