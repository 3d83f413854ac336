//! An identity provider that others have written, in a process of its own.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Client;
use crate::logs::Log;
use crate::process::{Launch, Process};
use crate::sdk::folder;
use crate::tools::Tools;

/// The script `identity.mjs`, running: a certified `OpenID` provider.
pub struct IdentityProvider {
    /// Its name for itself, and where it is.
    pub issuer: String,
    process: Process,
}

impl IdentityProvider {
    /// Starts it, for a client `tollgate` that shows this secret and wants people back there.
    pub async fn start(secret: &str, redirect: &str) -> Self {
        let script = folder().join("node").join("identity.mjs");
        let modules = Tools::node_modules().display().to_string();
        let launch = Launch {
            name: "identity provider",
            program: std::path::Path::new("node"),
            arguments: vec![script.as_os_str()],
            environment: vec![
                ("CLIENT_SECRET".to_owned(), secret.to_owned()),
                ("REDIRECT".to_owned(), redirect.to_owned()),
                ("NODE_PATH".to_owned(), modules),
            ],
            user: None,
        };
        let mut process = Process::start(launch, Log::default()).await;
        let issuer = process.first_line().await.trim().to_owned();
        Self { issuer, process }
    }

    /// Changes what it says of somebody.
    pub async fn change(&self, name: &str, claims: &Value) {
        let address = self.issuer.trim_start_matches("http://").parse().unwrap();
        let call = Client::new(address).call(hyper::Method::PUT, "/");
        let body = json!({ "name": name, "claims": claims }).to_string();
        assert_eq!(call.body(body).send().await.text().await, "ok");
    }

    /// Signs somebody in at its pages, and returns the address to which it sends them back.
    pub async fn sign_in(&self, browser: &mut Browser, begin: &str, name: &str) -> String {
        let mut url = begin.to_owned();
        for _ in 0..MOST_PAGES {
            if !url.starts_with(&self.issuer) {
                return url;
            }
            let page = browser.open(&url).await;
            url = match page.place {
                Some(place) => place,
                None if page.text.contains(r#"name="prompt" value="login""#) => {
                    let form = format!("prompt=login&login={name}&password=any");
                    browser.submit(&page.url, &form).await
                }
                None if page.text.contains(r#"name="prompt" value="consent""#) => {
                    browser.submit(&page.url, "prompt=consent").await
                }
                None => panic!("{} shows {}: {}", page.url, page.status, page.text),
            };
        }
        panic!("the provider shows page after page: {url}");
    }

    /// Ends it.
    pub async fn stop(self) {
        self.process.terminate().await;
    }
}

const MOST_PAGES: usize = 20;
