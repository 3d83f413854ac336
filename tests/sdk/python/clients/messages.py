"""`anthropic`, by messages."""

import anthropic

from .said import Said

TOO_MANY = anthropic.RateLimitError
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


class Client:
    def __init__(self, url, key):
        self.sdk = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def ask(self, model, system, text, *, stream=False, picture=None, schema=None, thinks=False):
        content = text
        if picture:
            source = {"type": "base64", "media_type": "image/png", "data": picture}
            content = [{"type": "image", "source": source}, {"type": "text", "text": text}]
        options = {}
        if schema:
            options["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if thinks:
            options |= THINKING
        messages = [{"role": "user", "content": content}]
        return said(self.create(model, system, messages, stream, **options))

    def create(self, model, system, messages, stream, **options):
        asked = {"model": model, "system": system, "messages": messages, "max_tokens": 4096}
        if not stream:
            return self.sdk.messages.create(**asked, **options)
        with self.sdk.messages.stream(**asked, **options) as events:
            for _ in events:
                pass
            return events.get_final_message()

    def loop(self, model, system, text, tools, results, *, stream=False, thinks=False):
        messages = [{"role": "user", "content": text}]
        declared = [
            {
                "name": tool["name"],
                "description": tool["description"],
                "input_schema": tool["parameters"],
            }
            for tool in tools
        ]
        options = {"tools": declared, **(THINKING if thinks else {})}
        first = self.create(model, system, messages, stream, **options)
        blocks = [
            {"type": "tool_result", "tool_use_id": block.id, "content": results[block.name]}
            for block in first.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "assistant", "content": first.content})
        messages.append({"role": "user", "content": blocks})
        return said(first), said(self.create(model, system, messages, stream, **options))

    def count(self, model, text):
        messages = [{"role": "user", "content": text}]
        return self.sdk.messages.count_tokens(model=model, messages=messages).input_tokens


def said(answer):
    calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == ("tool_use" if calls else "end_turn"), answer
    text = "".join(block.text for block in answer.content if block.type == "text")
    thoughts = "".join(block.thinking for block in answer.content if block.type == "thinking")
    used = answer.usage
    cached = (used.cache_read_input_tokens or 0) + (used.cache_creation_input_tokens or 0)
    prompt = used.input_tokens + cached
    usage = [prompt, used.output_tokens, prompt + used.output_tokens]
    return Said(text, usage, thoughts, calls, answer.model)
