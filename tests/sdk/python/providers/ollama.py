"""Ollama's API, as a provider of it speaks."""

from ollama import ChatResponse, EmbedResponse
from ollama._types import ChatRequest, EmbedRequest, Message, Options

from .conversation import VECTOR, Question, demand, dumps

CREDENTIAL = ("authorization", "Bearer ")
STREAM_TYPE = "application/x-ndjson"


def read(path, body):
    if path == "/api/embed":
        known(body, EmbedRequest)
        return None
    demand(path == "/api/chat", f"path {path}")
    known(body, ChatRequest)
    known(body.get("options") or {}, Options)
    # Whoever does not say gets a stream.
    question = Question(body["model"], "", body.get("stream", True))
    called = []
    for message in body["messages"]:
        take(question, message, called)
        # Its type of an image is how a program gives one; on the wire it is text in base64.
        images = [{"value": image} for image in message.get("images") or []]
        message = {**message, "images": images}
        # The server takes it, the SDK does not know it yet.
        known({name: it for name, it in message.items() if name != "tool_call_id"}, Message)
    for tool in body.get("tools") or []:
        question.tools.add(tool["function"]["name"])
    if isinstance(body.get("format"), dict):
        question.schema = body["format"]
    question.thinks = bool(body.get("think"))
    return question


def known(body, kind):
    unknown = set(body) - set(kind.model_fields)
    demand(not unknown, f"unknown members {sorted(unknown)} of {kind.__name__}")
    kind.model_validate(body)


def take(question, message, called):
    text = message.get("content") or ""
    match message["role"]:
        case "system":
            question.system += text
        case "user":
            question.text = text or question.text
            question.pictures += message.get("images") or []
        case "assistant":
            for call in message.get("tool_calls") or []:
                demand(isinstance(call["function"]["arguments"], dict), f"arguments {call}")
                called.append(call["function"]["name"])
        case "tool":
            name = message.get("tool_name")
            demand(name in called, f"result of {name}")
            question.results[name] = text


def line(question, message, turn=None):
    written = {
        "model": question.model,
        "created_at": "2023-11-14T22:13:20.123456789Z",
        "message": {"role": "assistant", "content": "", **message},
        "done": turn is not None,
    }
    if turn:
        written |= {
            "done_reason": "stop",
            "total_duration": 900,
            "load_duration": 100,
            "prompt_eval_count": turn.usage.prompt,
            "prompt_eval_duration": 300,
            "eval_count": turn.usage.answer,
            "eval_duration": 500,
        }
    ChatResponse.model_validate(written)
    return written


def calls(turn):
    return [{"function": {"name": name, "arguments": it}} for name, it in turn.calls]


def whole(question, turn, body):
    message = {"content": "".join(turn.text)}
    if turn.thoughts:
        message["thinking"] = "".join(turn.thoughts)
    if turn.calls:
        message["tool_calls"] = calls(turn)
    return line(question, message, turn)


def stream(question, turn, body):
    messages = [{"thinking": piece} for piece in turn.thoughts]
    messages += [{"content": piece} for piece in turn.text]
    messages += [{"tool_calls": [call]} for call in calls(turn)]
    for message in messages:
        yield dumps(line(question, message)) + "\n"
    yield dumps(line(question, {}, turn)) + "\n"


def vectors(body):
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    answer = {
        "model": body["model"],
        "embeddings": [VECTOR for _ in texts],
        "total_duration": 900,
        "load_duration": 100,
        "prompt_eval_count": 5 * len(texts),
    }
    EmbedResponse.model_validate(answer)
    return answer


def failure(status, message):
    return {"error": message}
