//! An account of a provider, for one who asks it something.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tollgate_core::dialect::provider::object_path;
use tollgate_core::snapshot::Provider;

use crate::config::{AccountConfig, Config, ProviderConfig};
use crate::domain::Place;
use crate::outbound::{self, Answer, Call, OutboundError, Reach, Reply, question};
use crate::snapshot;

/// An account of a provider.
pub(super) struct Site {
    provider: ProviderConfig,
    account: AccountConfig,
}

impl Site {
    /// Finds it in a configuration, or says why it cannot be asked.
    pub(super) fn of(config: &Config, place: &Place) -> Result<Self, &'static str> {
        let provider = config.providers.iter().find(|it| it.id == place.provider).ok_or(GONE)?;
        let account = provider.accounts.iter().find(|it| it.id == place.account).ok_or(GONE)?;
        if provider.proxy.is_some() {
            return Err(BEHIND_A_PROXY);
        }
        Ok(Self { provider: provider.clone(), account: account.clone() })
    }

    /// Asks for something, and returns the whole answer.
    pub(super) async fn ask(&self, method: Method, below: &str) -> Result<Reply, OutboundError> {
        let call = self.call(method, below)?;
        outbound::send(&self.provider.base_url, call, Reach::Private).await
    }

    /// Asks for something long.
    pub(super) async fn open(&self, below: &str) -> Result<Answer, OutboundError> {
        let call = self.call(Method::GET, below)?;
        outbound::open(&self.provider.base_url, call, None, Reach::Private).await
    }

    /// Sends a form.
    pub(super) async fn upload(
        &self,
        below: &str,
        boundary: &str,
        body: mpsc::Receiver<Bytes>,
    ) -> Result<Answer, OutboundError> {
        let mut call = self.call(Method::POST, below)?;
        let kind = format!("multipart/form-data; boundary={boundary}");
        let kind = HeaderValue::from_str(&kind).map_err(unsayable)?;
        call.headers.insert(hyper::header::CONTENT_TYPE, kind);
        outbound::open(&self.provider.base_url, call, Some(body), Reach::Private).await
    }

    fn call(&self, method: Method, below: &str) -> Result<Call, OutboundError> {
        let told = snapshot::provider(&self.provider, &self.account);
        let told = Provider::try_from(told).map_err(unsayable)?;
        let path = object_path(&told, below);
        let mut call = question::object(&self.provider, self.account.credential.as_ref(), path);
        call.method = method;
        let agent = HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION")));
        call.headers.insert(hyper::header::USER_AGENT, agent);
        // Assistants want it, and others do not mind.
        let beta = HeaderValue::from_static("assistants=v2");
        call.headers.insert(HeaderName::from_static("openai-beta"), beta);
        Ok(call)
    }
}

fn unsayable(error: impl std::fmt::Display) -> OutboundError {
    OutboundError::Unreachable(error.to_string())
}

const GONE: &str = "Its provider is not configured any more.";
const BEHIND_A_PROXY: &str =
    "Its provider is reached through a proxy, and files there cannot be checked.";
