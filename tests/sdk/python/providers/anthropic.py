"""Anthropic's messages, as a provider of them speaks."""

from anthropic.types import Message, MessageCreateParams, RawMessageStreamEvent
from anthropic.types.message_create_params import (
    MessageCreateParamsBase,
    MessageCreateParamsStreaming,
)
from pydantic import TypeAdapter

from .conversation import SIGNATURE, Question, demand, dumps, event, exhaust, known_members

CREDENTIAL = ("x-api-key", "")
STREAM_TYPE = "text/event-stream; charset=utf-8"
REQUEST = TypeAdapter(MessageCreateParams)
EVENT = TypeAdapter(RawMessageStreamEvent)


def read(path, body):
    demand(path == "/messages", f"path {path}")
    known_members(body, MessageCreateParamsBase, MessageCreateParamsStreaming)
    exhaust(REQUEST.validate_python(body))
    question = Question(body["model"], "", bool(body.get("stream")))
    question.system = text_of(body.get("system") or "")
    names = {}
    roles = [message["role"] for message in body["messages"]]
    demand(set(roles) <= {"user", "assistant"} and roles[0] == "user", f"roles {roles}")
    for message in body["messages"]:
        take(question, message, names)
    for tool in body.get("tools", []):
        question.tools.add(tool["name"])
    form = body.get("output_config", {}).get("format") or {}
    if form.get("type") == "json_schema":
        question.schema = form["schema"]
    thinking = body.get("thinking", {})
    question.thinks = thinking.get("type") in ("enabled", "adaptive")
    if "budget_tokens" in thinking:
        demand(1024 <= thinking["budget_tokens"] < body["max_tokens"], f"budget {thinking}")
    return question


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")


def take(question, message, names):
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if message["role"] == "user":
        question.text = text_of(blocks) or question.text
    for block in blocks:
        match block["type"]:
            case "image":
                source = block["source"]
                demand(source["media_type"] == "image/png", f"image {source}")
                question.pictures.append(source["data"])
            case "tool_use":
                names[block["id"]] = block["name"]
            case "tool_result":
                demand(block["tool_use_id"] in names, f"result of {block['tool_use_id']}")
                question.results[names[block["tool_use_id"]]] = text_of(block["content"])
            case "thinking":
                question.signatures.append(block["signature"])


def blocks(turn):
    if turn.thoughts:
        yield {"type": "thinking", "thinking": "".join(turn.thoughts), "signature": SIGNATURE}
    if turn.text:
        yield {"type": "text", "text": "".join(turn.text), "citations": None}
    for at, (name, arguments) in enumerate(turn.calls):
        yield {"type": "tool_use", "id": f"toolu_{at}_{name}", "name": name, "input": arguments}


def usage(turn):
    tokens = turn.usage
    return {
        "input_tokens": tokens.prompt - tokens.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.answer,
        "service_tier": "standard",
    }


def stop_reason(turn):
    return "tool_use" if turn.calls else "end_turn"


def message(question, turn, content, reason):
    written = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage(turn),
    }
    Message.model_validate(written)
    return written


def whole(question, turn, body):
    return message(question, turn, list(blocks(turn)), stop_reason(turn))


def stream(question, turn, body):
    for written in events(question, turn):
        if written["type"] != "ping":
            EVENT.validate_python(written)
        yield event(written, written["type"])


def events(question, turn):
    started = message(question, turn, [], None)
    started["usage"]["output_tokens"] = 1
    yield {"type": "message_start", "message": started}
    yield {"type": "ping"}
    for at, block in enumerate(blocks(turn)):
        start, deltas = pieces(turn, block)
        yield {"type": "content_block_start", "index": at, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    delta = {"stop_reason": stop_reason(turn), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": usage(turn)}
    yield {"type": "message_stop"}


def pieces(turn, block):
    match block["type"]:
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": it} for it in turn.thoughts]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "text":
            deltas = [{"type": "text_delta", "text": it} for it in turn.text]
            return {**block, "text": ""}, deltas
        case _:
            written = dumps(block["input"])
            parts = ("", written[:5], written[5:])
            deltas = [{"type": "input_json_delta", "partial_json": it} for it in parts]
            return {**block, "input": {}}, deltas


def failure(status, message):
    kind = "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
