"""`openai`, by chat completions."""

import json

import openai

from .said import Said

TOO_MANY = openai.RateLimitError


class Client:
    def __init__(self, url, key):
        self.sdk = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def ask(self, model, system, text, *, stream=False, picture=None, schema=None, thinks=False):
        content = text
        if picture:
            image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
            content = [image, {"type": "text", "text": text}]
        options = {}
        if schema:
            form = {"name": "place", "schema": schema, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        if thinks:
            options["reasoning_effort"] = "low"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
        return said(self.create(model, messages, stream, **options))

    def create(self, model, messages, stream, **options):
        create = self.sdk.chat.completions.create
        if not stream:
            return create(model=model, messages=messages, **options)
        wanted = {"stream_options": {"include_usage": True}}
        with self.sdk.chat.completions.stream(
            model=model, messages=messages, **wanted, **options
        ) as events:
            thoughts = ""
            for event in events:
                if event.type == "chunk":
                    for choice in event.chunk.choices:
                        thoughts += getattr(choice.delta, "reasoning_content", None) or ""
            answer = events.get_final_completion()
        if thoughts:
            answer.choices[0].message.reasoning_content = thoughts
        return answer

    def loop(self, model, system, text, tools, results, *, stream=False):
        """Lets the model call tools, gives it their results; returns both answers."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        functions = [{"type": "function", "function": tool} for tool in tools]
        first = self.create(model, messages, stream, tools=functions)
        message = first.choices[0].message
        assert first.choices[0].finish_reason == "tool_calls", first
        messages.append(message.to_dict() if stream else message)
        for call in message.tool_calls:
            result = results[call.function.name]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return said(first), said(self.create(model, messages, stream, tools=functions))

    def embed(self, model, texts):
        given = texts if len(texts) > 1 else texts[0]
        answer = self.sdk.embeddings.create(model=model, input=given)
        used = answer.usage
        # The format demands a number, which providers of others do not all tell.
        usage = [used.prompt_tokens, 0, used.total_tokens] if used.total_tokens else None
        return [item.embedding for item in answer.data], usage


def said(answer):
    message, used = answer.choices[0].message, answer.usage
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or []
    ]
    assert answer.choices[0].finish_reason == ("tool_calls" if calls else "stop"), answer
    thoughts = getattr(message, "reasoning_content", None) or ""
    usage = [used.prompt_tokens, used.completion_tokens, used.total_tokens]
    return Said(message.content or "", usage, thoughts, calls, answer.model)
