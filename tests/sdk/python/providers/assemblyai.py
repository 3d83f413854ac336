"""AssemblyAI's transcripts: uploaded, ordered, and asked for."""

import json as parser

from .conversation import demand
from .media import json

CREDENTIAL = ("authorization", "")
uploads, asked = {}, {}


def failure(status, message):
    return {"error": message}


def answer(handler, path):
    length = int(handler.headers["content-length"] or 0)
    body = handler.rfile.read(length)
    if path == "/upload":
        demand(handler.command == "POST" and body.startswith(b"RIFF"), "no sound alone")
        url = f"https://cdn.assemblyai.com/upload/{len(uploads)}"
        uploads[url] = body
        json(handler, {"upload_url": url})
    elif path == "/transcript":
        order = parser.loads(body)
        demand(handler.command == "POST" and order["audio_url"] in uploads, f"order {order}")
        demand(order["speech_model"] == "best" and order["language_code"] == "de", f"{order}")
        name = f"t/{len(asked)}"
        asked[name] = 0
        json(handler, {"id": name, "status": "queued", "audio_url": order["audio_url"]})
    else:
        name = path.removeprefix("/transcript/").replace("%2F", "/")
        demand(handler.command == "GET" and not body and name in asked, f"path {path}")
        asked[name] += 1
        if asked[name] < 3:
            json(handler, {"id": name, "status": ["queued", "processing"][asked[name] - 1]})
            return
        words = [{"text": "Hallo.", "start": 250, "end": 900, "confidence": 1.0}]
        done = {"id": name, "status": "completed", "text": "Hallo.", "words": words}
        json(handler, done | {"audio_duration": 3, "language_code": "de"})
