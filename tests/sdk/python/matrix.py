"""Every official Python SDK against a provider of every wire format.

Each model is one of the stand-in's providers; `CLIENTS` may name some of the clients. Prints the
usage that each call was told, as [[prompt, completion, total], ...]; `null` where the client's
format has no word for it.
"""

import json
import os
import sys
import traceback

from clients import chat, genai, messages, ollama, responses
from providers import conversation

CLIENTS = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "genai": genai,
    "ollama": ollama,
}
MODELS = os.environ.get("MODELS", "openai responses anthropic google ollama").split()
# Providers without vectors.
WITHOUT_VECTORS = {"anthropic"}
# Clients whose formats carry signatures, and the providers that sign.
SIGNING = {"messages": "anthropic", "responses": "responses", "genai": "google"}
# Of these alone signatures do not come back yet.
UNSIGNED = ("genai", "responses")
# Chat completions cannot ask to see what was thought, and these tell nobody unasked.
SILENT = {("chat", "responses"), ("chat", "google")}


def tool(name, argument):
    parameters = {
        "type": "object",
        "properties": {argument: {"type": "string", "description": "Which."}},
        "required": [argument],
    }
    return {"name": name, "description": f"Answers for one {argument}.", "parameters": parameters}


TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}


class Pair:
    """One client and one provider."""

    def __init__(self, name, client, model):
        self.name, self.module = name, CLIENTS[name]
        self.client, self.model = client, model
        self.told = []

    def check(self, answer, text="", calls=(), thoughts=""):
        assert answer.text == text, answer
        assert answer.calls == list(calls), answer
        assert answer.thoughts == thoughts, answer
        assert answer.model == self.model, answer
        self.told.append(answer.usage)

    def ask(self, scenario, **options):
        text = f"scenario: {scenario}"
        return self.client.ask(self.model, conversation.SYSTEM, text, **options)

    def texts(self):
        for stream in (False, True):
            self.check(self.ask("text", stream=stream), "".join(conversation.TEXT))

    def tools(self):
        asked = ("scenario: tools", TOOLS, conversation.RESULTS)
        for stream in (False, True):
            first, second = self.client.loop(
                self.model, conversation.SYSTEM, *asked, stream=stream
            )
            self.check(first, calls=conversation.CALLS)
            self.check(second, "It is sunny in Paris at noon.")

    def signs(self):
        signing = self.name in SIGNING and self.model in SIGNING.values()
        if not signing or (self.name, self.model) == UNSIGNED:
            return
        asked = ("scenario: signed", TOOLS, conversation.RESULTS)
        for stream in (False, True):
            first, second = self.client.loop(
                self.model, conversation.SYSTEM, *asked, stream=stream, thinks=True
            )
            self.check(first, calls=conversation.CALLS, thoughts="".join(conversation.THOUGHTS))
            self.check(second, "It is sunny in Paris at noon.")

    def pictures(self):
        answer = self.ask("picture", picture=conversation.PICTURE)
        self.check(answer, "A single pixel.")

    def schemas(self):
        answer = self.ask("schema", schema=SCHEMA)
        assert json.loads(answer.text) == {"city": "Paris", "population": 2100000}, answer
        self.told.append(answer.usage)

    def thinks(self):
        silent = (self.name, self.model) in SILENT
        thoughts = "" if silent else "".join(conversation.THOUGHTS)
        for stream in (False, True):
            answer = self.ask("thinking", thinks=True, stream=stream)
            self.check(answer, "It is 42.", thoughts=thoughts)

    def embeds(self):
        if self.model in WITHOUT_VECTORS or not hasattr(self.client, "embed"):
            return
        for texts in (["one", "two"], ["three"]):
            vectors, usage = self.client.embed(self.model, texts)
            assert vectors == [conversation.VECTOR] * len(texts), vectors
            self.told.append(usage)

    def counts(self):
        if hasattr(self.client, "count"):
            assert 1 <= self.client.count(self.model, "Hello there, how are you?") <= 20

    def fails(self):
        for stream in (False, True):
            try:
                self.ask("error", stream=stream)
            except self.module.TOO_MANY as error:
                status = getattr(error, "status_code", None) or error.code
                assert status == 429, error
                assert "wants a rest" in str(error), error
                self.told.append([0, 0, 0])
            else:
                raise AssertionError("an error was expected")


STORIES = ["texts", "tools", "signs", "pictures", "schemas", "thinks", "embeds", "counts", "fails"]


def main():
    told = []
    failed = 0
    for name in os.environ.get("CLIENTS", " ".join(CLIENTS)).split():
        client = CLIENTS[name].Client(os.environ["GATEWAY_URL"], os.environ["KEY"])
        for model in MODELS:
            pair = Pair(name, client, model)
            for story in STORIES:
                try:
                    getattr(pair, story)()
                except Exception:
                    failed += 1
                    print(f"--- {name} to {model}: {story}", file=sys.stderr)
                    traceback.print_exc(limit=-3)
            told += pair.told
    print(json.dumps(told))
    sys.exit(1 if failed else 0)


main()
