"""OpenAI's chat completions and embeddings, as a provider of them speaks."""

import base64
import json
import struct

from openai.types import CreateEmbeddingResponse, EmbeddingCreateParams
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParams,
    CompletionCreateParamsBase,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter

from .conversation import VECTOR, Question, demand, dumps, event, exhaust, known_members

CREDENTIAL = ("authorization", "Bearer ")
STREAM_TYPE = "text/event-stream; charset=utf-8"
CHAT = TypeAdapter(CompletionCreateParams)
EMBEDDING = TypeAdapter(EmbeddingCreateParams)


def read(path, body):
    """Returns what is asked; `None` for vectors."""
    if path == "/embeddings":
        known_members(body, EmbeddingCreateParams)
        exhaust(EMBEDDING.validate_python(body))
        return None
    demand(path == "/chat/completions", f"path {path}")
    known_members(body, CompletionCreateParamsBase, CompletionCreateParamsStreaming)
    exhaust(CHAT.validate_python(body))
    question = Question(body["model"], "", bool(body.get("stream")))
    names = {}
    for message in body["messages"]:
        take(question, message, names)
    for tool in body.get("tools", []):
        question.tools.add(tool["function"]["name"])
    form = body.get("response_format", {})
    if form.get("type") == "json_schema":
        question.schema = form["json_schema"]["schema"]
    question.thinks = body.get("reasoning_effort") not in (None, "none")
    return question


def take(question, message, names):
    content = message.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    match message["role"]:
        case "system" | "developer":
            question.system += text
        case "user":
            question.text = text or question.text
            for part in parts:
                if part["type"] == "image_url":
                    url = part["image_url"]["url"]
                    demand(url.startswith("data:image/png;base64,"), f"image {url[:40]}")
                    question.pictures.append(url.partition(",")[2])
        case "assistant":
            for call in message.get("tool_calls", []):
                json.loads(call["function"]["arguments"])
                names[call["id"]] = call["function"]["name"]
        case "tool":
            demand(message["tool_call_id"] in names, f"result of {message['tool_call_id']}")
            question.results[names[message["tool_call_id"]]] = text


def usage(turn):
    tokens = turn.usage
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.answer,
        "total_tokens": tokens.prompt + tokens.answer,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.thought, "audio_tokens": 0},
    }


def finish(turn):
    return "tool_calls" if turn.calls else "stop"


def call(index, name, arguments):
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_of_{name}_{index}", "type": "function", "function": function}


def whole(question, turn, body):
    message = {"role": "assistant", "content": "".join(turn.text) or None, "refusal": None}
    if turn.thoughts:
        message["reasoning_content"] = "".join(turn.thoughts)
    if turn.calls:
        calls = enumerate(turn.calls)
        message["tool_calls"] = [call(at, name, dumps(it)) for at, (name, it) in calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(turn)}
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": question.model,
        "choices": [choice],
        "usage": usage(turn),
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }
    ChatCompletion.model_validate(completion)
    return completion


def stream(question, turn, body):
    for delta, reason in deltas(turn):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        yield event(chunk(question, [choice]))
    if body.get("stream_options", {}).get("include_usage"):
        yield event({**chunk(question, []), "usage": usage(turn)})
    yield "data: [DONE]\n\n"


def deltas(turn):
    yield {"role": "assistant", "content": "", "refusal": None}, None
    for piece in turn.thoughts:
        yield {"reasoning_content": piece}, None
    for piece in turn.text:
        yield {"content": piece}, None
    for at, (name, arguments) in enumerate(turn.calls):
        yield {"tool_calls": [{"index": at, **call(at, name, "")}]}, None
        written = dumps(arguments)
        for piece in (written[:5], written[5:]):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, None
    yield {}, finish(turn)


def chunk(question, choices):
    written = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": question.model,
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": choices,
    }
    ChatCompletionChunk.model_validate(written)
    return written


def vectors(body):
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector = VECTOR
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()
    data = [{"object": "embedding", "index": at, "embedding": vector} for at in range(len(texts))]
    used = {"prompt_tokens": 5 * len(texts), "total_tokens": 5 * len(texts)}
    answer = {"object": "list", "data": data, "model": body["model"], "usage": used}
    if vector is VECTOR:
        CreateEmbeddingResponse.model_validate(answer)
    return answer


def failure(status, message):
    kind = "rate_limit_exceeded" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}
