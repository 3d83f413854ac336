"""Plays a provider of each wire format, each below a path of its own, and prints the port.

Requests are checked with the types of the provider's own SDK. One that a provider would not take
is answered 400 with the reason, and the reason is logged.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import ValidationError

from providers import (
    anthropic,
    assemblyai,
    conversation,
    deepgram,
    fireworks,
    gemini,
    media,
    ollama,
    openai,
    responses,
)

# Where each provider's API begins.
PROVIDERS = {
    "/openai/v1": openai,
    "/responses/v1": responses,
    "/anthropic/v1": anthropic,
    "/gemini/v1beta": gemini,
    "/ollama": ollama,
}
# Those whose requests are not all JSON.
RAW = {"/media/v1": media, "/deepgram/v1": deepgram, "/assemblyai/v2": assemblyai,
       "/fireworks/inference/v1": fireworks}
CREDENTIAL_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Each event leaves at once.
    disable_nagle_algorithm = True

    def do_POST(self):
        if self.answers_raw():
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        base = next((base for base in PROVIDERS if self.path.startswith(f"{base}/")), None)
        if base is None:
            self.refuse(openai, f"path {self.path}")
            return
        provider = PROVIDERS[base]
        try:
            self.check_headers(provider)
            self.answer(provider, self.path.removeprefix(base), json.loads(body))
        except (conversation.Invalid, ValidationError, LookupError, TypeError, ValueError) as error:
            self.refuse(provider, f"{self.path}: {type(error).__name__} {error}\n{body.decode()}")

    def do_GET(self):
        if not self.answers_raw():
            self.refuse(openai, f"path {self.path}")

    def answers_raw(self):
        base = next((base for base in RAW if self.path.startswith(f"{base}/")), None)
        if base is None:
            return False
        provider = RAW[base]
        try:
            self.check_headers(provider)
            provider.answer(self, self.path.removeprefix(base))
        except (conversation.Invalid, ValidationError, LookupError, TypeError, ValueError) as error:
            self.refuse(provider, f"{self.path}: {type(error).__name__} {error}")
        return True

    def check_headers(self, provider):
        name, prefix = provider.CREDENTIAL
        expected = prefix + os.environ["CREDENTIAL"]
        demand = conversation.demand
        demand(self.headers[name] == expected, f"the credential is not in {name}")
        for other, value in self.headers.items():
            other = other.lower()
            demand(other == name or other not in CREDENTIAL_HEADERS, f"header {other}")
            demand(not other.startswith("x-tollgate-"), f"header {other}")
            demand("sk-" not in value, f"a client's key in {other}")
        if provider is anthropic:
            demand(self.headers["anthropic-version"], "no anthropic-version")

    def answer(self, provider, path, body):
        question = provider.read(path, body)
        if question is None:
            self.send(200, provider.vectors(body))
            return
        conversation.demand(question.model == os.environ["MODEL"], f"model {question.model}")
        turn = conversation.answer(question)
        if isinstance(turn, conversation.Failure):
            self.send(turn.status, provider.failure(turn.status, turn.message))
        elif question.stream:
            self.send_stream(provider, list(provider.stream(question, turn, body)))
        else:
            self.send(200, provider.whole(question, turn, body))

    def refuse(self, provider, why):
        print(f"refused: {why}", file=sys.stderr, flush=True)
        self.send(400, provider.failure(400, why))

    def send(self, status, answer):
        body = conversation.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "7")
        self.end_headers()
        self.wfile.write(body)

    def send_stream(self, provider, events):
        self.send_response(200)
        self.send_header("content-type", provider.STREAM_TYPE)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            piece = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format, *arguments):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
