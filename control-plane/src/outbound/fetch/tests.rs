use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const PNG: &str = "\u{89}PNG\r\n\x1a\n";

fn config() -> MediaFetchConfig {
    MediaFetchConfig {
        max_bytes: 100,
        types: vec!["image/png"],
        timeout: Duration::from_secs(20),
        allow_http: true,
        allow_private: true,
        hosts: Vec::new(),
    }
}

/// Answers every request with the text that belongs to its path, and counts connections.
async fn web(pages: fn(&str, &str) -> String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (own, count) = (base.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap();
            // Each letter is a byte.
            let page: Vec<u8> =
                pages(&own, path).chars().map(|it| u8::try_from(it).unwrap()).collect();
            let _ = stream.write_all(&page).await;
        }
    });
    (base, count)
}

fn page(mime: &str, more: &str, body: &str) -> String {
    let length = body.chars().count();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {mime}\r\n{more}content-length: {length}\r\n\r\n{body}"
    )
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

fn pages(own: &str, path: &str) -> String {
    let long = format!("{PNG}{}", "x".repeat(100));
    match path {
        "/image?size=1" => page("image/PNG; charset=x", "", PNG),
        "/long" => page("image/png", "", &long),
        "/endless" => format!(
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n6c\r\n{long}\r\n0\r\n\r\n"
        ),
        "/html" => page("text/html", "", "<html>"),
        "/liar" => page("image/png", "", "<html>"),
        "/other" => page("image/gif", "", "GIF89a"),
        "/untyped" => format!("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{PNG}"),
        "/packed" => page("image/png", "content-encoding: gzip\r\n", PNG),
        "/one" => redirect("/two"),
        "/two" => redirect(&format!("{own}/image?size=1")),
        "/loop" => redirect("/loop"),
        "/to-metadata" => redirect("http://169.254.169.254/latest/meta-data"),
        "/to-file" => redirect("file:///etc/passwd"),
        "/to-name" => redirect(&own.replace("127.0.0.1", "localhost")),
        "/nowhere" => redirect(""),
        _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
    }
}

async fn fetched(urls: &[String], config: &MediaFetchConfig) -> Result<usize, Fault> {
    all(urls, config).await.map(|media| media.len())
}

#[tokio::test]
async fn what_is_allowed_is_fetched_through_redirects_too() {
    let (base, _) = web(pages).await;
    for path in ["/image?size=1", "/one"] {
        let media = all(&[format!("{base}{path}#part")], &config()).await.unwrap();
        assert_eq!(media[0].mime, "image/png");
        assert_eq!(*media[0].content, *b"\x89PNG\r\n\x1a\n");
    }
}

#[tokio::test]
async fn what_is_too_large_of_no_type_or_nowhere_is_not() {
    let (base, _) = web(pages).await;
    for (path, fault) in [
        ("/long", Fault::TooLarge),
        ("/endless", Fault::TooLarge),
        ("/html", Fault::WrongType),
        ("/liar", Fault::WrongType),
        ("/other", Fault::WrongType),
        ("/untyped", Fault::WrongType),
        ("/packed", Fault::WrongType),
        ("/missing", Fault::NotThere),
        ("/loop", Fault::NotThere),
        ("/to-metadata", Fault::NotThere),
        ("/to-file", Fault::NotThere),
        ("/nowhere", Fault::NotThere),
    ] {
        assert_eq!(fetched(&[format!("{base}{path}")], &config()).await, Err(fault), "{path}");
    }
    // All of a request count against one bound.
    let images = vec![format!("{base}/image?size=1"); 3];
    assert_eq!(fetched(&images, &config()).await, Ok(3));
    let less = MediaFetchConfig { max_bytes: 23, ..config() };
    assert_eq!(fetched(&images, &less).await, Err(Fault::TooLarge));
}

#[tokio::test]
async fn private_addresses_are_not_even_connected_to() {
    let (base, count) = web(pages).await;
    let public = MediaFetchConfig { allow_private: false, ..config() };
    let port = base.rsplit(':').next().unwrap();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433"]
    {
        let url = format!("http://{host}:{port}/image?size=1");
        assert_eq!(fetched(&[url], &public).await, Err(Fault::NotThere), "{host}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_address_itself() {
    let (base, count) = web(pages).await;
    let named = MediaFetchConfig { hosts: vec!["127.0.0.1".into()], ..config() };
    assert_eq!(fetched(&[format!("{base}/one")], &named).await, Ok(1));
    let before = count.load(Ordering::Relaxed);
    assert_eq!(fetched(&[format!("{base}/to-name")], &named).await, Err(Fault::NotThere));
    assert_eq!(count.load(Ordering::Relaxed), before + 1);
}

#[test]
fn only_the_web_is_fetched() {
    let strict = MediaFetchConfig { allow_http: false, ..config() };
    let hosts = vec!["cdn.example".into(), "*.img.example".into()];
    let listed = MediaFetchConfig { hosts, ..strict.clone() };
    let cases = [
        ("https://h/a", true, false),
        ("https://CDN.example./a", true, true),
        ("https://a.img.example:8443/a", true, true),
        ("https://img.example/a", true, false),
        ("https://evil-img.example/a", true, false),
        ("https://cdn.example@evil.example/a", false, false),
        ("https://user:pass@cdn.example/a", false, false),
        ("http://cdn.example/a", false, false),
        ("file:///etc/passwd", false, false),
        ("ftp://cdn.example/a", false, false),
        ("gopher://cdn.example/a", false, false),
        ("data:image/png;base64,AA", false, false),
    ];
    for (url, anywhere, there) in cases {
        let url = Url::parse(url).unwrap();
        let allowed = [&strict, &listed].map(|config| place(&url, config).is_some());
        assert_eq!(allowed, [anywhere, there], "{url}");
    }
}

// proves: config.media_fetch.timeout_seconds
#[tokio::test]
async fn who_answers_nothing_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/image", listener.local_addr().unwrap());
    let patient = MediaFetchConfig { timeout: Duration::from_millis(50), ..config() };

    assert_eq!(fetched(&[url], &patient).await, Err(Fault::NotThere));
}
