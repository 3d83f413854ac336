"""OpenAI's Responses, as a provider of them speaks."""

import json

from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParams,
    ResponseCreateParamsBase,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter

from . import openai
from .conversation import SIGNATURE, Question, demand, dumps, event, exhaust, known_members

CREDENTIAL = openai.CREDENTIAL
STREAM_TYPE = openai.STREAM_TYPE
REQUEST = TypeAdapter(ResponseCreateParams)
EVENT = TypeAdapter(ResponseStreamEvent)
failure = openai.failure
vectors = openai.vectors


def read(path, body):
    if path == "/embeddings":
        return openai.read(path, body)
    demand(path == "/responses", f"path {path}")
    known_members(body, ResponseCreateParamsBase, ResponseCreateParamsStreaming)
    exhaust(REQUEST.validate_python(body))
    question = Question(body["model"], "", bool(body.get("stream")))
    question.system = body.get("instructions") or ""
    given = body["input"]
    names = {}
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        take(question, item, names)
    for tool in body.get("tools", []):
        question.tools.add(tool["name"])
    form = body.get("text", {}).get("format", {})
    if form.get("type") == "json_schema":
        question.schema = form["schema"]
    reasoning = body.get("reasoning") or {}
    question.thinks = reasoning.get("effort", "none") != "none"
    question.shows = bool(reasoning.get("summary"))
    return question


def take(question, item, names):
    match item.get("type", "message"):
        case "message":
            message(question, item)
        case "function_call":
            json.loads(item["arguments"])
            names[item["call_id"]] = item["name"]
        case "function_call_output":
            demand(item["call_id"] in names, f"result of {item['call_id']}")
            output = item["output"]
            if not isinstance(output, str):
                output = "".join(part["text"] for part in output)
            question.results[names[item["call_id"]]] = output
        case "reasoning":
            question.signatures.append(item.get("encrypted_content"))
        case other:
            demand(False, f"item {other}")


def message(question, item):
    content = item["content"]
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    text = "".join(part.get("text", "") for part in parts)
    if item["role"] in ("system", "developer"):
        question.system += text
    elif item["role"] == "user":
        question.text = text or question.text
        for part in parts:
            if part["type"] == "input_image":
                url = part["image_url"]
                demand(url.startswith("data:image/png;base64,"), f"image {url[:40]}")
                question.pictures.append(url.partition(",")[2])


def items(turn):
    if turn.thoughts:
        summary = [{"type": "summary_text", "text": "".join(turn.thoughts)}]
        encrypted = {"encrypted_content": SIGNATURE}
        yield {"id": "rs_1", "type": "reasoning", "summary": summary, **encrypted}
    if turn.text:
        part = {"type": "output_text", "text": "".join(turn.text), "annotations": []}
        yield {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{**part, "logprobs": []}],
        }
    for at, (name, arguments) in enumerate(turn.calls):
        yield {
            "id": f"fc_{at}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_of_{name}_{at}",
            "name": name,
            "arguments": dumps(arguments),
        }


def response(question, body, status, output=(), turn=None):
    written = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "model": question.model,
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [{**tool, "strict": tool.get("strict", True)} for tool in body.get("tools", [])],
        "top_p": 1.0,
        "metadata": {},
        "usage": None,
    }
    if turn:
        tokens = turn.usage
        cached = {"cached_tokens": tokens.cached, "cache_write_tokens": 0}
        written["usage"] = {
            "input_tokens": tokens.prompt,
            "input_tokens_details": cached,
            "output_tokens": tokens.answer,
            "output_tokens_details": {"reasoning_tokens": tokens.thought},
            "total_tokens": tokens.prompt + tokens.answer,
        }
    Response.model_validate(written)
    return written


def whole(question, turn, body):
    return response(question, body, "completed", items(turn), turn)


def stream(question, turn, body):
    for number, written in enumerate(events(question, turn, body)):
        numbered = {**written, "sequence_number": number}
        EVENT.validate_python(numbered)
        yield event(numbered, written["type"])


def events(question, turn, body):
    started = response(question, body, "in_progress")
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    for at, item in enumerate(items(turn)):
        place = {"item_id": item["id"], "output_index": at}
        yield {"type": "response.output_item.added", "output_index": at, "item": empty(item)}
        match item["type"]:
            case "reasoning":
                yield from summary(place, turn.thoughts)
            case "message":
                yield from content(place, item["content"][0], turn.text)
            case "function_call":
                yield from arguments(place, item)
        yield {"type": "response.output_item.done", "output_index": at, "item": item}
    yield {"type": "response.completed", "response": whole(question, turn, body)}


def empty(item):
    blank = {"summary": [], "content": [], "arguments": ""}
    begun = {name: blank.get(name, value) for name, value in item.items()}
    if "status" in item:
        begun["status"] = "in_progress"
    return begun


def summary(place, pieces):
    place = {**place, "summary_index": 0}
    start = {"type": "summary_text", "text": ""}
    yield {"type": "response.reasoning_summary_part.added", **place, "part": start}
    for piece in pieces:
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
    text = "".join(pieces)
    yield {"type": "response.reasoning_summary_text.done", **place, "text": text}
    part = {"type": "summary_text", "text": text}
    yield {"type": "response.reasoning_summary_part.done", **place, "part": part}


def content(place, part, pieces):
    place = {**place, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in pieces:
        delta = {"delta": piece, "logprobs": []}
        yield {"type": "response.output_text.delta", **place, **delta}
    done = {"text": part["text"], "logprobs": []}
    yield {"type": "response.output_text.done", **place, **done}
    yield {"type": "response.content_part.done", **place, "part": part}


def arguments(place, item):
    written = item["arguments"]
    for piece in (written[:5], written[5:]):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    done = {"arguments": written, "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **place, **done}
