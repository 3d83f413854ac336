//! A provider that answers what it is told to, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;

/// A running stand-in.
pub(crate) struct Stub {
    /// Where it is.
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Stub {
    /// Answers everything the same.
    pub(crate) async fn answering(status: u16, body: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let keep = asked.clone();
        let answer = move |request: Request| {
            let authorization = request.headers().get("authorization");
            let authorization = authorization.map(|it| it.to_str().unwrap().to_owned());
            let path = request.uri().to_string();
            keep.lock().unwrap().push((path, authorization.unwrap_or_default()));
            let status = StatusCode::from_u16(status).unwrap();
            let response = Response::builder().status(status);
            std::future::ready(response.body(Body::from(body.to_string())).unwrap())
        };
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked }
    }

    /// Returns paths and credentials of what was asked.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}
