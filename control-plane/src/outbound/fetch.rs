//! What stands at addresses that clients write: images and documents for providers that want the
//! bytes.
//!
//! Whoever may write an address makes this machine connect to it. So only the web is fetched, from
//! addresses that are judged as they are connected to; each redirect is judged anew, size and type
//! are bounded while reading, and nobody is told more than whether it worked.

use bytes::{Bytes, BytesMut};
use hyper::Method;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap,
    HeaderValue, LOCATION, USER_AGENT,
};
use url::{Host, Url};

use super::{Answer, Call, Reach};
use crate::config::{BaseUrl, MediaFetchConfig};
use crate::domain::file_type;

/// What stood at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// What it is: by its header and by how it begins.
    pub mime: &'static str,
    /// All of it.
    pub content: Bytes,
}

/// Why there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The address may not be fetched, or nothing stands there.
    NotThere,
    /// It is longer than is fetched.
    TooLarge,
    /// It is of no type that is fetched, or not of the type that it says.
    WrongType,
}

/// Fetches what stands at several addresses, one after the other. What is fetched counts against
/// one bound and one time.
pub async fn all(urls: &[String], config: &MediaFetchConfig) -> Result<Vec<Medium>, Fault> {
    let fetched = async {
        let mut left = config.max_bytes;
        let mut media = Vec::with_capacity(urls.len());
        for url in urls {
            let medium = one(url, config, left).await?;
            left = left.saturating_sub(medium.content.len());
            media.push(medium);
        }
        Ok(media)
    };
    tokio::time::timeout(config.timeout, fetched).await.unwrap_or(Err(Fault::NotThere))
}

async fn one(url: &str, config: &MediaFetchConfig, most: usize) -> Result<Medium, Fault> {
    let mut url = Url::parse(url).map_err(|_| Fault::NotThere)?;
    for _ in 0..=MOST_REDIRECTS {
        let place = place(&url, config).ok_or(Fault::NotThere)?;
        let reach = if config.allow_private { Reach::Private } else { Reach::Public };
        let answer = super::open(&place, question(&url), None, reach).await;
        let answer = answer.map_err(|_| Fault::NotThere)?;
        match answer.status {
            200 => return read(answer, config, most).await,
            301 | 302 | 303 | 307 | 308 => {
                let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
                url = to.and_then(|to| url.join(to).ok()).ok_or(Fault::NotThere)?;
            }
            _ => return Err(Fault::NotThere),
        }
    }
    Err(Fault::NotThere)
}

/// Returns where an address leads. `None`: it may not be fetched, wherever that is.
fn place(url: &Url, config: &MediaFetchConfig) -> Option<BaseUrl> {
    let tls = match url.scheme() {
        "https" => true,
        "http" if config.allow_http => false,
        _ => return None,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = match url.host()? {
        Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    if !config.serves(&host) {
        return None;
    }
    let written = url.host_str().unwrap_or_default();
    let authority =
        url.port().map_or_else(|| written.to_owned(), |port| format!("{written}:{port}"));
    let port = url.port_or_known_default()?;
    Some(BaseUrl { tls, host, port, authority, path: String::new() })
}

fn question(url: &Url) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static("tollgate"));
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{}{query}", url.path());
    Call { method: Method::GET, path, headers, body: Bytes::new() }
}

async fn read(mut answer: Answer, config: &MediaFetchConfig, most: usize) -> Result<Medium, Fault> {
    let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let mime = header(CONTENT_TYPE).and_then(file_type::named).ok_or(Fault::WrongType)?;
    let is_plain = header(CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    if !is_plain || !config.types.contains(&mime) {
        return Err(Fault::WrongType);
    }
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(Fault::TooLarge);
    }
    let mut content = BytesMut::new();
    while let Some(piece) = answer.next().await.map_err(|_| Fault::NotThere)? {
        if content.len().saturating_add(piece.len()) > most {
            return Err(Fault::TooLarge);
        }
        content.extend_from_slice(&piece);
    }
    if !file_type::is(mime, &content) {
        return Err(Fault::WrongType);
    }
    Ok(Medium { mime, content: content.freeze() })
}

const MOST_REDIRECTS: usize = 3;

#[cfg(test)]
mod tests;
