"""`ollama`."""

from ollama import Client as Sdk
from ollama import ResponseError

from .said import Said

TOO_MANY = ResponseError


class Client:
    def __init__(self, url, key):
        self.sdk = Sdk(host=url, headers={"authorization": f"Bearer {key}"})

    def ask(self, model, system, text, *, stream=False, picture=None, schema=None, thinks=False):
        question = {"role": "user", "content": text}
        if picture:
            question["images"] = [picture]
        messages = [{"role": "system", "content": system}, question]
        options = {}
        if schema:
            options["format"] = schema
        if thinks:
            options["think"] = True
        return said(self.create(model, messages, stream, **options))

    def create(self, model, messages, stream, **options):
        """Returns the lines of an answer: one when it is not streamed."""
        answer = self.sdk.chat(model=model, messages=messages, stream=stream, **options)
        return list(answer) if stream else [answer]

    def loop(self, model, system, text, tools, results, *, stream=False):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        functions = [{"type": "function", "function": tool} for tool in tools]
        first = self.create(model, messages, stream, tools=functions)
        calls = [call for line in first for call in line.message.tool_calls or []]
        content = "".join(line.message.content or "" for line in first)
        messages.append({"role": "assistant", "content": content, "tool_calls": calls})
        for call in calls:
            name = call.function.name
            messages.append({"role": "tool", "tool_name": name, "content": results[name]})
        return said(first), said(self.create(model, messages, stream, tools=functions))

    def embed(self, model, texts):
        answer = self.sdk.embed(model=model, input=texts)
        used = answer.prompt_eval_count
        return [list(vector) for vector in answer.embeddings], used and [used, 0, used]


def said(lines):
    last = lines[-1]
    assert last.done and last.done_reason == "stop", last
    text = "".join(line.message.content or "" for line in lines)
    thoughts = "".join(line.message.thinking or "" for line in lines)
    calls = [
        (call.function.name, dict(call.function.arguments))
        for line in lines
        for call in line.message.tool_calls or []
    ]
    usage = [last.prompt_eval_count, last.eval_count, last.prompt_eval_count + last.eval_count]
    return Said(text, usage, thoughts, calls, last.model)
