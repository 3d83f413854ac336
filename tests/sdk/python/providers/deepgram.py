"""Deepgram's transcripts: the sound is the body."""

from urllib.parse import parse_qs, urlsplit

from .conversation import demand
from .media import json

CREDENTIAL = ("authorization", "Token ")
WORDS = [("Hello", 0.0, 0.4), ("there.", 0.5, 1.0), ("Bye.", 1.5, 2.25)]


def failure(status, message):
    return {"err_code": "Bad Request", "err_msg": message, "request_id": "r"}


def answer(handler, path):
    body = handler.rfile.read(int(handler.headers["content-length"]))
    asked = urlsplit(path)
    query = parse_qs(asked.query)
    demand(handler.command == "POST" and asked.path == "/listen", f"path {path}")
    demand(query["model"] == ["nova-3"], f"model {query}")
    demand(handler.headers["content-type"] == "audio/wav", f"{handler.headers['content-type']}")
    demand(body.startswith(b"RIFF") and b"form-data" not in body, "no sound alone")
    words = [
        {"word": word.lower().strip("."), "start": start, "end": end, "confidence": 1.0,
         "punctuated_word": word}
        for word, start, end in WORDS
    ]
    best = {"transcript": "Hello there. Bye.", "confidence": 1.0, "words": words}
    channel = {"alternatives": [best]}
    if query.get("detect_language") == ["true"]:
        channel["detected_language"] = "en"
    about = {"request_id": "r", "duration": 2.5, "channels": 1}
    json(handler, {"metadata": about, "results": {"channels": [channel]}})
