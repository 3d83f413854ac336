"""Images, speech, transcripts and moderations, as OpenAI's API has them.

Longer forms are not kept: what is answered is their digest.
"""

import base64
import hashlib
from email.parser import BytesParser
from email.policy import HTTP

from openai.types import ImageGenerateParams, ImagesResponse, ModerationCreateResponse
from openai.types.audio import SpeechCreateParams, Transcription, TranscriptionVerbose, Translation
from openai.types.moderation_create_params import ModerationCreateParams
from pydantic import TypeAdapter

from .conversation import demand, dumps

CREDENTIAL = ("authorization", "Bearer ")
IMAGE = base64.b64encode(b"\x89PNG a picture").decode()
SOUND = bytes(range(256)) * 512
SRT = "1\n00:00:00,000 --> 00:00:02,500\nHello\n\n2\n00:00:02,500 --> 00:00:04,250\nthere\n"
# Forms above this are read in pieces.
LONG = 8 << 20


def failure(status, message):
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def answer(handler, path):
    """Answers a request, whose body is still to be read."""
    length = int(handler.headers["content-length"])
    if length > LONG:
        return long_form(handler, length)
    body = handler.rfile.read(length)
    demand(len(body) == length, "the body is cut")
    if handler.headers["content-type"].startswith("multipart/form-data"):
        FORMS[path](handler, form(handler, body))
    else:
        JSON[path](handler, body)


def long_form(handler, length):
    digest, left = hashlib.sha256(), length
    while left:
        piece = handler.rfile.read(min(left, 1 << 20))
        demand(piece, "the body is cut")
        digest.update(piece)
        left -= len(piece)
    json(handler, {"text": digest.hexdigest(), "usage": {"type": "duration", "seconds": 12.5}})


def form(handler, body):
    head = f"content-type: {handler.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    demand(message.is_multipart(), "no form")
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        demand(name not in fields, f"field {name} twice")
        fields[name] = part.get_payload(decode=True)
    return fields


def json(handler, answer):
    send(handler, "application/json", dumps(answer).encode())


def send(handler, kind, body):
    handler.send_response(200)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def events(handler, written):
    body = "".join(f"event: {it['type']}\ndata: {dumps(it)}\n\n" for it in written)
    send(handler, "text/event-stream", body.encode())


def image_usage(count, given=0):
    tokens = {"text_tokens": 9, "image_tokens": given}
    made = count * 272
    total = 9 + given + made
    return {
        "input_tokens": 9 + given,
        "input_tokens_details": tokens,
        "output_tokens": made,
        "total_tokens": total,
    }


def generate(handler, body):
    asked = TypeAdapter(ImageGenerateParams).validate_json(body)
    demand(asked["model"] == "gpt-image-1", f"model {asked['model']}")
    if asked.get("stream"):
        about = {
            "b64_json": IMAGE,
            "created_at": 1,
            "background": "opaque",
            "output_format": "png",
            "quality": "low",
            "size": "1024x1024",
        }
        partial = {"type": "image_generation.partial_image", "partial_image_index": 0}
        done = {"type": "image_generation.completed", "usage": image_usage(1)}
        events(handler, [partial | about, done | about])
        return
    count = asked.get("n") or 1
    pictures(handler, count, image_usage(count))


def pictures(handler, count, usage):
    written = {"created": 1, "data": [{"b64_json": IMAGE}] * count}
    if usage:
        written["usage"] = usage
    ImagesResponse.model_validate(written)
    json(handler, written)


def edit(handler, fields):
    demand(fields["model"] == b"gpt-image-1", f"model {fields['model']}")
    demand(fields["image"].startswith(b"\x89PNG"), "no picture")
    pictures(handler, 1, image_usage(1, 40))


def vary(handler, fields):
    demand(fields["model"] == b"dall-e-2", f"model {fields['model']}")
    demand(fields["image"].startswith(b"\x89PNG"), "no picture")
    pictures(handler, int(fields.get("n", b"1")), None)


def speak(handler, body):
    asked = TypeAdapter(SpeechCreateParams).validate_json(body)
    demand(asked["model"] == "tts-1", f"model {asked['model']}")
    send(handler, "audio/mpeg", SOUND)


def transcribe(handler, fields):
    demand(fields["file"].startswith(b"RIFF"), "no sound")
    kind = fields.get("response_format", b"json").decode()
    if fields["model"] == b"gpt-4o-transcribe":
        demand(fields["stream"] == b"true", "not streamed")
        details = {"text_tokens": 0, "audio_tokens": 14}
        usage = {"type": "tokens", "input_tokens": 14, "input_token_details": details}
        usage |= {"output_tokens": 3, "total_tokens": 17}
        done = {"type": "transcript.text.done", "text": "Hello there", "usage": usage}
        events(handler, [{"type": "transcript.text.delta", "delta": "Hello"}, done])
        return
    demand(fields["model"] == b"whisper-1", f"model {fields['model']}")
    if kind == "srt":
        send(handler, "text/plain; charset=utf-8", SRT.encode())
    elif kind == "verbose_json":
        written = {"task": "transcribe", "language": "english", "duration": 4.25, "text": "Hello"}
        TranscriptionVerbose.model_validate(written)
        json(handler, written)
    else:
        written = {"text": "Hello", "usage": {"type": "duration", "seconds": 5}}
        Transcription.model_validate(written)
        json(handler, written)


def translate(handler, fields):
    demand(fields["model"] == b"whisper-1", f"model {fields['model']}")
    Translation.model_validate({"text": "Hello"})
    json(handler, {"text": "Hello"})


def moderate(handler, body):
    asked = TypeAdapter(ModerationCreateParams).validate_json(body)
    demand(asked["model"] == "omni-moderation-latest", f"model {asked['model']}")
    json(handler, {"id": "modr-1", "model": asked["model"], "results": []})


JSON = {"/images/generations": generate, "/audio/speech": speak, "/moderations": moderate}
FORMS = {
    "/images/edits": edit,
    "/images/variations": vary,
    "/audio/transcriptions": transcribe,
    "/audio/translations": translate,
}
