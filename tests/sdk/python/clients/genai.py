"""`google-genai`."""

import base64

from google import genai
from google.genai import errors, types

from .said import Said

TOO_MANY = errors.ClientError
THINKING = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)


class Client:
    def __init__(self, url, key):
        self.sdk = genai.Client(api_key=key, http_options={"base_url": url})

    def ask(self, model, system, text, *, stream=False, picture=None, schema=None, thinks=False):
        parts = [types.Part.from_text(text=text)]
        if picture:
            data = base64.b64decode(picture)
            parts.insert(0, types.Part.from_bytes(data=data, mime_type="image/png"))
        options = {}
        if schema:
            options["response_mime_type"] = "application/json"
            options["response_json_schema"] = schema
        if thinks:
            options["thinking_config"] = THINKING
        contents = [types.Content(role="user", parts=parts)]
        parts, answer = self.create(model, system, contents, stream, **options)
        return said(parts, answer)

    def create(self, model, system, contents, stream, **options):
        """Returns the parts, and the answer or the last of its stream."""
        config = types.GenerateContentConfig(system_instruction=system, **options)
        asked = {"model": model, "contents": contents, "config": config}
        if stream:
            answers = list(self.sdk.models.generate_content_stream(**asked))
        else:
            answers = [self.sdk.models.generate_content(**asked)]
        parts = []
        for answer in answers:
            content = answer.candidates[0].content if answer.candidates else None
            parts += (content.parts if content else None) or []
        return parts, answers[-1]

    def loop(self, model, system, text, tools, results, *, stream=False, thinks=False):
        contents = [types.Content(role="user", parts=[types.Part.from_text(text=text)])]
        functions = [
            types.FunctionDeclaration(
                name=tool["name"],
                description=tool["description"],
                parameters_json_schema=tool["parameters"],
            )
            for tool in tools
        ]
        options = {"tools": [types.Tool(function_declarations=functions)]}
        if thinks:
            options["thinking_config"] = THINKING
        parts, first = self.create(model, system, contents, stream, **options)
        contents.append(types.Content(role="model", parts=parts))
        answers = []
        for part in parts:
            if part.function_call:
                call = part.function_call
                response = {"result": results[call.name]}
                answer = types.FunctionResponse(id=call.id, name=call.name, response=response)
                answers.append(types.Part(function_response=answer))
        contents.append(types.Content(role="user", parts=answers))
        return said(parts, first), said(*self.create(model, system, contents, stream, **options))

    def embed(self, model, texts):
        answer = self.sdk.models.embed_content(model=model, contents=texts)
        return [item.values for item in answer.embeddings], None

    def count(self, model, text):
        return self.sdk.models.count_tokens(model=model, contents=text).total_tokens


def said(parts, answer):
    assert answer.candidates[0].finish_reason == "STOP", answer
    calls = [(part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    text = "".join(part.text or "" for part in parts if not part.thought)
    thoughts = "".join(part.text or "" for part in parts if part.thought)
    used = answer.usage_metadata
    completion = (used.candidates_token_count or 0) + (used.thoughts_token_count or 0)
    usage = [used.prompt_token_count, completion, used.total_token_count]
    return Said(text, usage, thoughts, calls, answer.model_version)
