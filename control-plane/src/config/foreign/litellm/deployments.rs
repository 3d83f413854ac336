//! `model_list`: each entry is a deployment, a provider's model with a place and a key.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use crate::config::BaseUrl;
use crate::config::foreign::deployments::{Deployment, Deployments, Fields};
use crate::config::foreign::fields::Section;
use crate::config::foreign::litellm::params;
use crate::config::foreign::litellm::vendors::{self, Vendor};
use crate::config::foreign::litellm::{REFERENCE, prices, reasons, wildcards};
use crate::config::foreign::providers::{Limits, Place, Providers};
use crate::config::foreign::variables::Variables;
use crate::prices::PriceList;

impl Deployments {
    /// Reads `model_list`.
    pub(super) fn of_list(
        whole: &Section<'_>,
        variables: &Variables<'_>,
        list: &PriceList,
    ) -> Self {
        let credentials = credentials(whole);
        let mut reader = Reader { variables, credentials, providers: Providers::default() };
        let mut deployments = Vec::new();
        for (at, entry) in whole.list("model_list").iter().enumerate() {
            let entry = Section::new(format!("model_list[{at}]"), entry, whole.notes());
            if let Some((deployment, kind)) = reader.deployment(&entry) {
                deployments.extend(wildcards::expand(deployment, &kind, list, whole.notes()));
            }
        }
        Self { list: deployments, providers: reader.providers }
    }
}

struct Reader<'a> {
    variables: &'a Variables<'a>,
    /// `credential_list`, by name.
    credentials: BTreeMap<String, (String, Value)>,
    providers: Providers,
}

impl Reader<'_> {
    /// Reads an entry, with the name under which price lists have its provider.
    fn deployment(&mut self, entry: &Section<'_>) -> Option<(Deployment, String)> {
        let (params, info) = (entry.section("litellm_params"), entry.section("model_info"));
        let (name, model) = (entry.text("model_name"), params.text("model"));
        let (Some(name), Some(model)) = (name, model) else {
            let message = "has no model_name or no litellm_params.model, and is left out";
            entry.notes().lost(entry.place(), message);
            return None;
        };
        let vendor = params.text("custom_llm_provider");
        let (vendor, model) = match &vendor {
            Some(vendor) => {
                let bare = model.strip_prefix(vendor.as_str()).and_then(|it| it.strip_prefix('/'));
                (vendor.as_str(), bare.unwrap_or(&model))
            }
            None => vendors::split(&model),
        };
        let model = model.strip_prefix("responses/").unwrap_or(model);
        let limits = limits(entry, &params);
        let (rpm, tpm) = (limits.rpm, limits.tpm);
        let (place, credential) = self.place(entry, &params, vendor)?;
        let dialect = place.spoken();
        let kind = place.kind.clone().unwrap_or_else(|| vendor.to_owned());
        let id = info.text("id").unwrap_or_else(|| name.clone());
        let of = self.providers.account(place, credential, limits, &id);
        let base_model = info.text("base_model").or_else(|| params.text("base_model"));
        let max_tokens = info.whole("max_tokens");
        let timeout = params.number("timeout");
        let deployment = Deployment {
            place: entry.place().to_owned(),
            wild: false,
            name,
            of,
            model: model.to_owned(),
            dialect,
            base_model: base_model.map(|model| vendors::split(&model).1.to_owned()),
            price: prices::read([&params, &info]),
            max_input_tokens: info.whole("max_input_tokens"),
            max_output_tokens: info.whole("max_output_tokens").or(max_tokens),
            tools: info.flag("supports_function_calling").filter(|able| !able),
            vision: info.flag("supports_vision").filter(|able| !able),
            mode: mode(&info),
            groups: info.texts("access_groups"),
            defaults: params::defaults(&params, dialect),
            overrides: Fields::new(),
            order: params.whole("order"),
            weight: params.number("weight"),
            rpm,
            tpm,
            timeout: params.number("stream_timeout").or(timeout).filter(|it| *it > 0.0),
            retries: params.whole("num_retries").or(params.whole("max_retries")),
        };
        params.finish(|name| reasons::why("litellm_params", name));
        info.finish(|name| reasons::why("model_info", name));
        entry.finish(|name| reasons::why("model_list", name));
        Some((deployment, kind))
    }

    /// Finds out where a deployment is and which variable has its key.
    fn place(
        &self,
        entry: &Section<'_>,
        params: &Section<'_>,
        vendor: &str,
    ) -> Option<(Place, Option<String>)> {
        let nothing = (String::new(), Value::Null);
        let name = params.text("litellm_credential_name");
        let credential = name.as_ref().and_then(|name| self.credentials.get(name));
        if let Some(name) = name.filter(|_| credential.is_none()) {
            let message = format!("there is no {name:?} in credential_list");
            params.notes().lost(params.at("litellm_credential_name"), message);
        }
        let (place, values) = credential.unwrap_or(&nothing);
        let values = Section::new(place, values, params.notes());
        let sections = [params, &values];
        let known = match vendors::named(vendor) {
            Vendor::Known(id) => Some(id),
            Vendor::Compatible | Vendor::Unknown => None,
            Vendor::Foreign => {
                let message = format!("the API of {vendor} is not spoken here; it is left out");
                entry.notes().lost(entry.place(), message);
                return None;
            }
        };
        let url = self.plain(sections, "api_base").or_else(|| self.plain(sections, "base_url"));
        let url = url.or_else(|| match known {
            Some("azure") => self.variables.value("AZURE_API_BASE"),
            _ => None,
        });
        let url = url.map(|url| vendors::base_url(known.unwrap_or_default(), &url));
        let elsewhere = url.filter(|url| !is_usual(known, url));
        if let Some(url) = &elsewhere
            && let Err(why) = BaseUrl::parse(url)
        {
            let message = format!("api_base {why}; the deployment is left out");
            entry.notes().lost(params.at("api_base"), message);
            return None;
        }
        let version = self.plain(sections, "api_version");
        let azure = known == Some("azure");
        let place = Place {
            kind: known.map(str::to_owned),
            base_url: elsewhere,
            api_version: version.filter(|_| azure),
            ..Place::default()
        };
        if place.base_url.is_none() && place.known().is_none_or(|known| known.base_url.is_none()) {
            let message = format!("where {vendor} is is not known; write api_base. It is left out");
            entry.notes().lost(entry.place(), message);
            return None;
        }
        let credential = self.credential(sections, known, vendor, entry);
        values.finish(|name| reasons::why("litellm_params", name));
        Some((place, credential))
    }

    fn credential(
        &self,
        sections: [&Section<'_>; 2],
        known: Option<&str>,
        vendor: &str,
        entry: &Section<'_>,
    ) -> Option<String> {
        for section in sections {
            let Some(written) = section.text("api_key") else { continue };
            let place = section.at("api_key");
            if let Some(name) = written.strip_prefix(REFERENCE) {
                return self.variables.reference(&place, name);
            }
            if PLACEHOLDERS.contains(&written.to_lowercase().as_str()) {
                return None;
            }
            let wish = format!("{}_API_KEY", known.unwrap_or(vendor));
            return Some(self.variables.literal(&place, &wish, &written));
        }
        let usual = vendors::variables(known.unwrap_or("openai"));
        let found = self.variables.usual(usual);
        if found.is_none()
            && let Some(name) = usual.first()
        {
            let message = format!("no api_key, and {name} is not set; requests go without a key");
            entry.notes().lost(format!("{}.litellm_params", entry.place()), message);
        }
        found
    }

    /// Reads a setting that is no secret; a variable's value takes the place of its name.
    fn plain(&self, sections: [&Section<'_>; 2], name: &str) -> Option<String> {
        sections.into_iter().find_map(|section| {
            let written = section.text(name)?;
            let Some(variable) = written.strip_prefix(REFERENCE) else { return Some(written) };
            let value = self.variables.value(variable);
            if value.is_none() {
                let message = format!("environment variable {variable} is not set");
                section.notes().lost(section.at(name), message);
            }
            value
        })
    }
}

/// Reads `credential_list`.
fn credentials(whole: &Section<'_>) -> BTreeMap<String, (String, Value)> {
    let mut credentials = BTreeMap::new();
    for (at, entry) in whole.list("credential_list").iter().enumerate() {
        let entry = Section::new(format!("credential_list[{at}]"), entry, whole.notes());
        let values = entry.value("credential_values").cloned().unwrap_or_default();
        if let Some(name) = entry.text("credential_name") {
            credentials.insert(name, (entry.at("credential_values"), values));
        }
        entry.finish(|name| (name == "credential_info").then_some(""));
    }
    credentials
}

fn limits(entry: &Section<'_>, params: &Section<'_>) -> Limits {
    let whole = |name: &str| params.whole(name).or_else(|| entry.whole(name));
    Limits {
        rpm: whole("rpm"),
        tpm: whole("tpm"),
        parallel: whole("max_parallel_requests"),
        budget: params.number("max_budget"),
        period: params.text("budget_duration"),
        observe_only: false,
    }
}

fn mode(info: &Section<'_>) -> Option<String> {
    let mode = info.text("mode")?;
    if crate::prices::kind(&mode).is_none() {
        info.notes().lost(info.at("mode"), format!("{mode:?} is no mode here"));
        return None;
    }
    Some(if mode == "completion" { "chat".into() } else { mode })
}

fn is_usual(known: Option<&str>, url: &str) -> bool {
    let place = Place { kind: known.map(str::to_owned), ..Place::default() };
    place.known().is_some_and(|known| known.url.as_deref() == Some(url))
}

/// Keys that people write where none is wanted.
const PLACEHOLDERS: [&str; 5] = ["none", "null", "empty", "fake", "fake-key"];
