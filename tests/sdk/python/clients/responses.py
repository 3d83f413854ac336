"""`openai`, by Responses."""

import json

import openai

from .said import Said

TOO_MANY = openai.RateLimitError
THINKING = {
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}


class Client:
    def __init__(self, url, key):
        self.sdk = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def ask(self, model, system, text, *, stream=False, picture=None, schema=None, thinks=False):
        content = [{"type": "input_text", "text": text}]
        if picture:
            url = f"data:image/png;base64,{picture}"
            image = {"type": "input_image", "image_url": url, "detail": "auto"}
            content.insert(0, image)
        options = {}
        if schema:
            form = {"type": "json_schema", "name": "place", "schema": schema, "strict": True}
            options["text"] = {"format": form}
        if thinks:
            options |= THINKING
        given = [{"role": "user", "content": content}]
        return said(self.create(model, system, given, stream, **options))

    def create(self, model, system, given, stream, **options):
        asked = {"model": model, "instructions": system, "input": given, "store": False, **options}
        if not stream:
            return self.sdk.responses.create(**asked)
        with self.sdk.responses.stream(**asked) as events:
            for _ in events:
                pass
            return events.get_final_response()

    def loop(self, model, system, text, tools, results, *, stream=False, thinks=False):
        given = [{"role": "user", "content": text}]
        functions = [{"type": "function", "strict": False, **tool} for tool in tools]
        options = {"tools": functions, **(THINKING if thinks else {})}
        first = self.create(model, system, given, stream, **options)
        for item in first.output:
            item = item.to_dict()
            # The stream's helper adds what no API takes back.
            item.pop("parsed_arguments", None)
            given.append(item)
        for call in [item for item in first.output if item.type == "function_call"]:
            output = {"type": "function_call_output", "call_id": call.call_id}
            given.append({**output, "output": results[call.name]})
        return said(first), said(self.create(model, system, given, stream, **options))

    def count(self, model, text):
        return self.sdk.responses.input_tokens.count(model=model, input=text).input_tokens


def said(answer):
    assert answer.status == "completed", answer
    thoughts = ""
    calls = []
    for item in answer.output:
        if item.type == "reasoning":
            thoughts += "".join(part.text for part in item.summary)
        if item.type == "function_call":
            calls.append((item.name, json.loads(item.arguments)))
    used = answer.usage
    usage = [used.input_tokens, used.output_tokens, used.total_tokens]
    return Said(answer.output_text, usage, thoughts, calls, answer.model)
