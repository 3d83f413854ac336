"""Plays OpenAI's Realtime API and prints the port.

What clients send is checked with the types of OpenAI's own SDK, and so is what they are sent.
Each answer has usage that grows with the session; an answer to "close" is followed by the end.
"""

import asyncio
import json
import os
import sys
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

CLIENT_EVENT = TypeAdapter(RealtimeClientEvent)
SERVER_EVENT = TypeAdapter(RealtimeServerEvent)
PROTOCOL = "realtime"
# What the gateway keeps to itself.
PRIVATE = ("x-tollgate-", "x-envoy-", "x-forwarded-", "cookie", "sec-websocket-extensions")
AUDIO_DELTA = "UklGRg" * 2000


class Invalid(Exception):
    pass


def demand(condition, why):
    if not condition:
        raise Invalid(why)


def check_handshake(connection, request):
    """Refuses what OpenAI would, and what it should never see."""
    try:
        url = urlsplit(request.path)
        demand(url.path == "/v1/realtime", f"path {url.path}")
        demand(parse_qs(url.query) == {"model": [os.environ["MODEL"]]}, f"query {url.query}")
        credential = f"Bearer {os.environ['CREDENTIAL']}"
        demand(request.headers.get_all("authorization") == [credential], "the credential is wrong")
        for name, value in request.headers.raw_items():
            demand(not name.lower().startswith(PRIVATE), f"header {name}")
            demand("sk-" not in value, f"a client's key in {name}")
    except Invalid as error:
        print(f"refused: {error}", file=sys.stderr, flush=True)
        return connection.respond(HTTPStatus.BAD_REQUEST, f"{error}\n")
    return None


class Session:
    def __init__(self, socket):
        self.socket = socket
        self.sent = 0
        self.said = []
        self.turn = 0

    async def send(self, kind, **fields):
        self.sent += 1
        event = {"type": kind, "event_id": f"event_{self.sent}", **fields}
        SERVER_EVENT.validate_python(event)
        await self.socket.send(json.dumps(event))

    async def run(self):
        await self.send("session.created", session=self.state())
        async for message in self.socket:
            event = json.loads(message)
            CLIENT_EVENT.validate_python(event)
            await self.answer(event)

    def state(self, **fields):
        model = os.environ["MODEL"]
        return {"type": "realtime", "object": "realtime.session", "model": model, **fields}

    async def answer(self, event):
        kind = event["type"]
        if kind == "session.update":
            await self.send("session.updated", session=self.state(**event["session"]))
        elif kind == "conversation.item.create":
            self.said += [part["text"] for part in event["item"]["content"]]
            item = {"id": f"item_{len(self.said)}", "object": "realtime.item", **event["item"]}
            await self.send("conversation.item.added", item=item, previous_item_id=None)
        elif kind == "input_audio_buffer.commit":
            await self.transcribed()
        elif kind == "response.create":
            await self.respond()

    async def transcribed(self):
        usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17}
        usage["input_token_details"] = {"audio_tokens": 14, "text_tokens": 0}
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            item_id="item_audio",
            content_index=0,
            transcript="hello",
            usage=usage,
        )

    async def respond(self):
        self.turn += 1
        response = {"id": f"resp_{self.turn}", "object": "realtime.response", "output": []}
        await self.send("response.created", response={**response, "status": "in_progress"})
        place = {"response_id": response["id"], "item_id": "item_a", "output_index": 0}
        text = " ".join(self.said[-1:])
        for kind, delta in [("output_audio", AUDIO_DELTA), ("output_text", text)]:
            await self.send(f"response.{kind}.delta", content_index=0, delta=delta, **place)
        done = {**response, "status": "completed", "usage": self.usage()}
        await self.send("response.done", response=done)
        if self.said[-1:] == ["close"]:
            await self.socket.close(1001, "session expired")

    def usage(self):
        text, audio, cached = 20 * self.turn, 30 * self.turn, 16 * (self.turn - 1)
        details = {"text_tokens": text, "audio_tokens": audio, "cached_tokens": cached}
        details["cached_tokens_details"] = {"text_tokens": cached, "audio_tokens": 0}
        output = {"text_tokens": 7, "audio_tokens": 40}
        return {
            "total_tokens": text + audio + 47,
            "input_tokens": text + audio,
            "output_tokens": 47,
            "input_token_details": details,
            "output_token_details": output,
        }


async def talk(socket):
    try:
        await Session(socket).run()
    except ConnectionClosed:
        pass
    except (Invalid, ValidationError, LookupError, TypeError, ValueError) as error:
        print(f"refused: {type(error).__name__} {error}", file=sys.stderr, flush=True)
        await socket.close(1008)


async def main():
    options = {"process_request": check_handshake, "subprotocols": [PROTOCOL]}
    async with serve(talk, "127.0.0.1", 0, select_subprotocol=chosen, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


def chosen(_connection, offered):
    """Takes the protocol of the API where it is offered. SDKs that send headers offer none."""
    return PROTOCOL if PROTOCOL in offered else None


asyncio.run(main())
