use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn remembers_requests_as_they_came() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();

    let sent =
        format!("POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: x\r\nX-Odd: \u{e9}\r\n{JSON}");
    exchange(&simulator, sent.as_bytes()).await;

    let requests = simulator.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target, "/v1/chat/completions?a=b");
    assert_eq!(requests[0].headers[1], ("X-Odd".to_owned(), "\u{e9}".into()));
    assert_eq!(requests[0].json()["model"], "gpt-4o-mini");
    assert_eq!(
        simulator.counts().completed_total(),
        Tokens { answers: 1, prompt: 7, completion: 16 }
    );
}

#[tokio::test]
async fn reads_chunked_bodies_with_trailers() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();

    let head =
        "POST /v1/embeddings HTTP/1.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = "2\r\n{}\r\n3;x=y\r\n   \r\n0\r\nx-after: 1\r\n\r\n";
    exchange(&simulator, [head, body].concat().as_bytes()).await;

    let request = simulator.requests().pop().unwrap();
    assert_eq!(request.body, "{}   ");
    assert_eq!(request.trailers, [("x-after".to_owned(), "1".into())]);
}

#[tokio::test]
async fn faults_break_the_answer() {
    let cases: [(&str, Check); 5] = [
        ("fault=close-before-head", str::is_empty),
        ("fault=close-after-head", |got| got.ends_with("\r\n\r\n")),
        ("fault=close-mid-body", |got| got.contains("chatcmpl") && !got.contains("fingerprint")),
        ("fault=garbage", |got| !got.starts_with("HTTP/")),
        ("status=429", |got| got.contains("retry-after: 1") && got.contains("rate_limit_exceeded")),
    ];
    for (script, expected) in cases {
        let got = scripted(script, "").await;
        assert!(expected(&got), "{script}: {got}");
    }
}

#[tokio::test]
async fn framing_is_as_scripted() {
    assert!(scripted("framing=close", "").await.contains("connection: close"));
    assert!(scripted("framing=chunked", "").await.contains("\r\n0\r\n\r\n"));
    assert!(scripted("trailers", "").await.contains("x-provider-trailer: seen"));
    assert!(scripted("crlf", STREAM).await.contains("data: [DONE]\r\n\r\n"));
    assert!(scripted("split=1", STREAM).await.contains("1\r\nd\r\n1\r\na\r\n1\r\nt\r\n"));
    assert!(scripted("join=99", STREAM).await.matches("\r\n\r\n").count() == 2);
}

#[tokio::test]
async fn a_gate_holds_the_stream() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    let gate = simulator.gate("half");
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();

    stream.write_all(request("gate=half@2", STREAM).as_bytes()).await.unwrap();
    gate.reached_by(1).await;
    let mut got = String::new();
    while got.matches("data: ").count() < 2 {
        got.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert_eq!(simulator.counts().started_total().completion, 1);
    gate.release();
    stream.read_to_string(&mut got).await.unwrap();

    assert!(got.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{got}");
}

#[tokio::test]
async fn notices_when_the_peer_leaves() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    let gate = simulator.gate("never");
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    stream.write_all(request("gate=never@2", STREAM).as_bytes()).await.unwrap();
    gate.reached_by(1).await;

    drop(stream);

    while simulator.counts().abandoned == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(simulator.counts().completed_total().answers, 0);
}

#[tokio::test]
async fn replays_a_recording_byte_for_byte() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    simulator.replay(Replay::whole(418, "{\"odd\" : 1}").header("x-recorded", "yes"));

    let got = exchange(&simulator, request("", "").as_bytes()).await;

    assert!(got.starts_with("HTTP/1.1 418 "), "{got}");
    assert!(got.contains("x-recorded: yes\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\n{\"odd\" : 1}"), "{got}");
}

#[tokio::test]
async fn tells_its_counts_over_http() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    exchange(&simulator, request("", "").as_bytes()).await;

    let counts = "GET /_sim/counts HTTP/1.1\r\nconnection: close\r\n\r\n";
    let got = exchange(&simulator, counts.as_bytes()).await;

    assert!(got.contains("\"requests\":1,"), "{got}");
    assert!(got.contains("\"gpt-4o-mini\":{\"answers\":1,\"prompt_tokens\":7,"), "{got}");
}

async fn scripted(script: &str, more: &str) -> String {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    exchange(&simulator, request(script, more).as_bytes()).await
}

type Check = fn(&str) -> bool;

/// Sends bytes and reads until the simulator closes the connection.
async fn exchange(simulator: &Simulator, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    String::from_utf8_lossy(&got).into_owned()
}

fn request(script: &str, more: &str) -> String {
    let body = format!(
        "{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hi\"}}]{more}}}"
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\nx-sim-script: {script}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const STREAM: &str = ",\"stream\":true";
const JSON: &str = "content-length: 70\r\nconnection: close\r\n\r\n\
    {\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi \"}]}  ";
