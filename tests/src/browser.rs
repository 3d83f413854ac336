//! As much of a browser as signing in needs: cookies and forms. It follows nothing by itself, so
//! that a test sees each step.

use std::collections::BTreeMap;

use hyper::Method;

use crate::client::{Answer, Call, Client};

/// Somebody's browser.
#[derive(Debug, Default, Clone)]
pub struct Browser {
    /// By host and name; paths are not told apart.
    cookies: BTreeMap<(String, String), String>,
}

/// What is shown at an address.
#[derive(Debug)]
pub struct Page {
    /// The address.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// Where it sends the browser on.
    pub place: Option<String>,
    /// What it shows.
    pub text: String,
}

impl Browser {
    /// Looks at an address.
    pub async fn open(&mut self, url: &str) -> Page {
        let mut answer = self.ask(Method::GET, url, |call| call).await;
        let place = answer.header("location");
        let place = (!place.is_empty()).then(|| joined(url, place));
        Page { url: url.to_owned(), status: answer.status(), place, text: answer.text().await }
    }

    /// Sends a form to the address that it stands at, and returns where that sends the browser.
    pub async fn submit(&mut self, url: &str, form: &str) -> String {
        let answer = self
            .ask(Method::POST, url, |call| {
                let form = form.to_owned();
                call.header("content-type", "application/x-www-form-urlencoded").body(form)
            })
            .await;
        joined(url, answer.header("location"))
    }

    /// Asks for something as a page's script does, with more than the cookies.
    pub async fn ask(
        &mut self,
        method: Method,
        url: &str,
        more: impl FnOnce(Call) -> Call,
    ) -> Answer {
        let (host, path) = parts(url);
        let mine = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let mine: Vec<_> = mine.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut call = Client::new(host.parse().unwrap()).call(method, &path);
        if !mine.is_empty() {
            call = call.header("cookie", mine.join("; "));
        }
        let answer = more(call).send().await;
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, rules) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let key = (host.clone(), name.to_owned());
            let gone = rules.contains("Max-Age=0") || rules.contains("1970");
            if gone || value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        answer
    }
}

fn joined(base: &str, place: &str) -> String {
    if place.starts_with('/') {
        return format!("http://{}{place}", parts(base).0);
    }
    place.to_owned()
}

fn parts(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not to be opened: {url:?}"));
    let at = rest.find('/').unwrap_or(rest.len());
    let path = if at == rest.len() { "/" } else { &rest[at..] };
    (rest[..at].to_owned(), path.to_owned())
}
