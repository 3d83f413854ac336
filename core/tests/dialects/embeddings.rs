//! Embeddings between all dialects that have them.

use serde_json::{Value, json};
use tollgate_core::dialect::chat::Dropped;
use tollgate_core::dialect::embeddings::{Answer, Encoding, Request, Wanted};
use tollgate_core::dialect::{gemini, ollama, openai};

use crate::recordings::{Exchange, exchanges, lost};

const OPENAI: Spoken = Spoken {
    request: r#"{"model":"m","input":["a","b\n"],"dimensions":2,"encoding_format":"base64","user":"u"}"#,
    answer: r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},
        {"object":"embedding","index":1,"embedding":[2,0.25]}],"model":"m",
        "usage":{"prompt_tokens":3,"total_tokens":3}}"#,
    read_request: |body| openai::embeddings::read_request(body).unwrap(),
    write_request: |it, dropped| openai::embeddings::write_request(it, "m", dropped).unwrap(),
    read_answer: |body| openai::embeddings::read_answer(body).unwrap(),
    write_answer: openai::embeddings::write_answer,
};

const GEMINI: Spoken = Spoken {
    request: r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},
        "taskType":"CLUSTERING","outputDimensionality":2},
        {"model":"models/m","content":{"parts":[{"text":"b\n"}]},
        "taskType":"CLUSTERING","outputDimensionality":2}]}"#,
    answer: r#"{"embeddings":[{"values":[0.5,-1]},{"values":[2,0.25]}],
        "usageMetadata":{"promptTokenCount":3}}"#,
    read_request: |body| gemini::embeddings::read_request(body).unwrap(),
    write_request: |it, dropped| gemini::embeddings::write_request(it, "m", dropped).unwrap(),
    read_answer: |body| gemini::embeddings::read_answer(body).unwrap(),
    write_answer: gemini::embeddings::write_answer,
};

const OLLAMA: Spoken = Spoken {
    request: r#"{"model":"m","input":["a","b\n"],"truncate":true,"dimensions":2,"keep_alive":"5m"}"#,
    answer: r#"{"model":"m","embeddings":[[0.5,-1],[2,0.25]],"prompt_eval_count":3}"#,
    read_request: |body| ollama::embeddings::read_request(body).unwrap(),
    write_request: |it, dropped| ollama::embeddings::write_request(it, "m", dropped).unwrap(),
    read_answer: |body| ollama::embeddings::read_answer(body).unwrap(),
    write_answer: ollama::embeddings::write_answer,
};

/// A dialect, with the same request and answer in it.
struct Spoken {
    request: &'static str,
    answer: &'static str,
    read_request: for<'a> fn(&'a [u8]) -> Request<'a>,
    write_request: fn(&Request<'_>, &mut Dropped) -> Vec<u8>,
    read_answer: for<'a> fn(&'a [u8]) -> Answer<'a>,
    write_answer: fn(&Answer<'_>, Wanted<'_>) -> Vec<u8>,
}

const FLOATS: Wanted<'_> = Wanted { model: "m", encoding: Encoding::Float, is_single: false };

#[test]
fn every_dialect_reaches_every_other() {
    for client in [OPENAI, GEMINI, OLLAMA] {
        for provider in [OPENAI, GEMINI, OLLAMA] {
            let asked = (client.read_request)(client.request.as_bytes());
            let sent = (provider.write_request)(&asked, &mut Dropped::default());
            let received = (provider.read_request)(&sent);
            assert_eq!(received.inputs, asked.inputs);
            assert_eq!((received.model, received.dimensions), ("m".into(), Some(2)));

            let given = (provider.read_answer)(provider.answer.as_bytes());
            let answer: Value =
                serde_json::from_slice(&(client.write_answer)(&given, FLOATS)).unwrap();
            let expected: Value = serde_json::from_str(client.answer).unwrap();
            assert_eq!(lost(&expected, &answer), Vec::<String>::new());
        }
    }
}

#[test]
fn the_same_dialect_loses_nothing() {
    for spoken in [OPENAI, GEMINI, OLLAMA] {
        let asked = (spoken.read_request)(spoken.request.as_bytes());
        let mut dropped = Dropped::default();
        let sent: Value =
            serde_json::from_slice(&(spoken.write_request)(&asked, &mut dropped)).unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(spoken.request).unwrap());
        assert_eq!(dropped, Dropped::default());
    }
}

#[test]
fn tells_what_others_have_no_place_for() {
    let dropped = |client: &Spoken, provider: &Spoken| {
        let mut dropped = Dropped::default();
        (provider.write_request)(&(client.read_request)(client.request.as_bytes()), &mut dropped);
        dropped.fields().join(",")
    };
    assert_eq!(dropped(&OPENAI, &GEMINI), "user");
    assert_eq!(dropped(&GEMINI, &OPENAI), "taskType");
    assert_eq!(dropped(&OLLAMA, &OPENAI), "keep_alive");
}

#[test]
fn recorded_requests_and_answers_come_back_whole() {
    for (path, spoken) in
        [("/v1/embeddings", OPENAI), (":batchEmbedContents", GEMINI), (":embedContent", GEMINI)]
    {
        for Exchange { id, request, answer, status, .. } in exchanges(path) {
            if status != 200 {
                continue;
            }
            let text = request.to_string();
            let asked = (spoken.read_request)(text.as_bytes());
            let sent = (spoken.write_request)(&asked, &mut Dropped::default());
            let mut sent: Value = serde_json::from_slice(&sent).unwrap();
            let mut asked_for = request.clone();
            without_model(&mut sent);
            without_model(&mut asked_for);
            assert_eq!(lost(&asked_for, &sent), Vec::<String>::new(), "{id}");

            let given = (spoken.read_answer)(answer.as_bytes());
            let wanted = asked.wanted();
            let written = (spoken.write_answer)(&given, wanted);
            let (mut written, mut answer): (Value, Value) =
                (serde_json::from_slice(&written).unwrap(), serde_json::from_str(&answer).unwrap());
            for it in [&mut written, &mut answer] {
                it["usageMetadata"]["promptTokenDetails"] = json!(null);
                without_model(it);
            }
            assert!(given.usage.is_some_and(|usage| usage.input > 0), "{id}");
            assert_eq!(lost(&answer, &written), Vec::<String>::new(), "{id}");
            let base64 = Wanted { encoding: Encoding::Base64, ..wanted };
            (spoken.write_answer)(&given, base64);
        }
    }
}

fn without_model(body: &mut Value) {
    body["model"] = Value::Null;
    for request in body["requests"].as_array_mut().into_iter().flatten() {
        request["model"] = Value::Null;
    }
}
