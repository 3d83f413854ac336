"""Gemini's API, as a provider of it speaks."""

import base64

from google.genai import types
from pydantic import TypeAdapter

from .conversation import SIGNATURE, VECTOR, Question, demand, event

CREDENTIAL = ("x-goog-api-key", "")
STREAM_TYPE = "text/event-stream"
GENERATE = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "safetySettings": TypeAdapter(list[types.SafetySetting]),
    "generationConfig": TypeAdapter(types.GenerationConfig),
}
EMBED = {
    "model": TypeAdapter(str),
    "content": TypeAdapter(types.Content),
    "taskType": TypeAdapter(str),
    "outputDimensionality": TypeAdapter(int),
}


def read(path, body):
    model, _, action = path.removeprefix("/models/").rpartition(":")
    if action == "batchEmbedContents":
        for request in body["requests"]:
            request = validated(request, EMBED)
            demand(request["model"] == f"models/{model}", f"model {request['model']}")
        return None
    actions = ("generateContent", "streamGenerateContent?alt=sse")
    demand(action in actions, f"path {path}")
    body = validated(body, GENERATE)
    question = Question(model, "", action.startswith("stream"))
    question.system = text_of(body.get("systemInstruction", {}))
    called = []
    for content in body["contents"]:
        take(question, content, called)
    for tool in body.get("tools", []):
        question.tools |= {it["name"] for it in tool.get("functionDeclarations", [])}
    settings = body.get("generationConfig", {})
    if settings.get("responseMimeType") == "application/json":
        question.schema = settings.get("responseJsonSchema") or settings.get("responseSchema")
    thinking = settings.get("thinkingConfig", {})
    question.thinks = bool(thinking.get("thinkingBudget") or thinking.get("thinkingLevel"))
    question.shows = bool(thinking.get("includeThoughts"))
    return question


def validated(body, members):
    """Returns a body with the names that the API documents; it takes `snake_case` as well."""
    named = {}
    for name, value in body.items():
        demand(name in members, f"unknown member {name}")
        kind = members[name]
        value = kind.validate_python(value)
        named[name] = kind.dump_python(value, by_alias=True, exclude_none=True)
    return named


def text_of(content):
    return "".join(part.get("text", "") for part in content.get("parts", []))


def take(question, content, called):
    if content.get("role", "user") == "user":
        question.text = text_of(content) or question.text
    for part in content["parts"]:
        if "inlineData" in part:
            demand(part["inlineData"]["mimeType"] == "image/png", f"image {part['inlineData']}")
            data = part["inlineData"]["data"]
            question.pictures.append(base64.b64encode(data).decode())
        if "thoughtSignature" in part:
            question.signatures.append(base64.b64encode(part["thoughtSignature"]).decode())
        if "functionCall" in part:
            called.append(part["functionCall"]["name"])
        if "functionResponse" in part:
            name = part["functionResponse"]["name"]
            demand(name in called, f"result of {name}")
            question.results[name] = str(part["functionResponse"]["response"])


def whole(question, turn, body):
    return chunk(question, turn, list(parts(turn)), "STOP")


def parts(turn):
    for at, piece in enumerate(turn.thoughts):
        yield {"text": piece, "thought": True}
    for at, piece in enumerate(turn.text):
        signed = {"thoughtSignature": SIGNATURE} if turn.thoughts and at == 0 else {}
        yield {"text": piece, **signed}
    for at, (name, arguments) in enumerate(turn.calls):
        signed = {"thoughtSignature": SIGNATURE} if at == 0 else {}
        yield {"functionCall": {"name": name, "args": arguments}, **signed}


def chunk(question, turn, some, reason):
    tokens = turn.usage
    used = {
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": tokens.answer - tokens.thought,
        "totalTokenCount": tokens.prompt + tokens.answer,
    }
    if tokens.cached:
        used["cachedContentTokenCount"] = tokens.cached
    if tokens.thought:
        used["thoughtsTokenCount"] = tokens.thought
    candidate = {"content": {"parts": some, "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    written = {
        "candidates": [candidate],
        "usageMetadata": used,
        "modelVersion": question.model,
        "responseId": "resp-1",
    }
    types.GenerateContentResponse.model_validate(written)
    return written


def stream(question, turn, body):
    all_parts = list(parts(turn))
    for at, part in enumerate(all_parts):
        yield event(chunk(question, turn, [part], "STOP" if at + 1 == len(all_parts) else None))


def vectors(body):
    return {"embeddings": [{"values": VECTOR} for _ in body["requests"]]}


def failure(status, message):
    kind = "RESOURCE_EXHAUSTED" if status == 429 else "INVALID_ARGUMENT"
    return {"error": {"code": status, "message": message, "status": kind}}
