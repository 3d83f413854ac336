"""Talks to the Realtime API through the gateway and prints what it was told of usage."""

import asyncio
import json
import os

from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

CLIENT = AsyncOpenAI(api_key=os.environ["KEY"], base_url=os.environ["BASE_URL"], max_retries=0)
MODEL = os.environ["MODEL"]


async def next_of(connection, kind):
    while True:
        event = await connection.recv()
        assert event.type != "error", event
        if event.type == kind:
            return event


async def say(connection, text):
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await connection.conversation.item.create(item=item)
    await connection.response.create()
    delta = await next_of(connection, "response.output_text.delta")
    assert delta.delta == text, delta
    return (await next_of(connection, "response.done")).response.usage


async def converse():
    told = []
    async with CLIENT.realtime.connect(model=MODEL) as connection:
        created = await next_of(connection, "session.created")
        assert created.session.model == MODEL, created
        transcription = {"input": {"transcription": {"model": os.environ["TRANSCRIBER"]}}}
        await connection.session.update(session={"type": "realtime", "audio": transcription})
        updated = await next_of(connection, "session.updated")
        assert updated.session.model == MODEL, updated
        for text in ("hello", "and again", "x" * 100_000):
            told.append(await say(connection, text))
        await connection.input_audio_buffer.commit()
        kind = "conversation.item.input_audio_transcription.completed"
        told.append((await next_of(connection, kind)).usage)
    return [[usage.input_tokens, usage.output_tokens, usage.total_tokens] for usage in told]


async def as_browsers_do():
    """The key is one of the offered protocols; the one that is chosen is not the key."""
    url = os.environ["BASE_URL"].replace("http", "ws", 1) + f"/realtime?model={MODEL}"
    offered = ["realtime", f"openai-insecure-api-key.{os.environ['KEY']}"]
    async with connect(url, subprotocols=offered) as socket:
        assert socket.subprotocol == "realtime", socket.subprotocol
        assert json.loads(await socket.recv())["type"] == "session.created"


async def refused(model, key, status, code):
    client = CLIENT.with_options(api_key=key)
    try:
        async with client.realtime.connect(model=model):
            raise AssertionError(f"{model} was served")
    except InvalidStatus as error:
        body = json.loads(error.response.body)
        found = (error.response.status_code, body["error"]["code"])
        assert found == (status, code), found


async def main():
    told = await converse()
    await as_browsers_do()
    await refused("no-such-model", os.environ["KEY"], 404, "model_not_found")
    await refused(MODEL, "sk-wrong", 401, "invalid_api_key")
    print(json.dumps(told))


asyncio.run(main())
