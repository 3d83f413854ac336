"""Talks until the gateway ends the session, and prints after how many answers and why.

With MASTER_KEY the key is blocked after the first answer.
"""

import asyncio
import json
import os
import urllib.request
from contextlib import suppress

from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosedError, InvalidStatus

CLIENT = AsyncOpenAI(api_key=os.environ["KEY"], base_url=os.environ["BASE_URL"], max_retries=0)
MODEL = os.environ["MODEL"]
MOST = 50


async def ask(connection):
    content = [{"type": "input_text", "text": "and?"}]
    item = {"type": "message", "role": "user", "content": content}
    await connection.conversation.item.create(item=item)
    await connection.response.create()


async def until_the_end(connection):
    answers = 0
    await ask(connection)
    while answers < MOST:
        event = await connection.recv()
        if event.type == "error":
            return answers, event.error, await closed(connection)
        if event.type == "response.done":
            answers += 1
            if answers == 1 and os.environ.get("MASTER_KEY"):
                await asyncio.to_thread(block)
            # The end may be here already, behind what is still to be read.
            with suppress(ConnectionClosedError):
                await ask(connection)
    raise AssertionError("the session goes on")


def block():
    url = os.environ["BASE_URL"].removesuffix("/v1") + "/key/block"
    headers = {"authorization": f"Bearer {os.environ['MASTER_KEY']}"}
    body = json.dumps({"key": os.environ["KEY"]}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()


async def closed(connection):
    try:
        event = await connection.recv()
        raise AssertionError(f"{event} after the end")
    except ConnectionClosedError as end:
        return [end.rcvd.code, end.rcvd.reason]


async def at_once():
    """Another session while this one lasts."""
    try:
        async with CLIENT.realtime.connect(model=MODEL):
            return None
    except InvalidStatus as error:
        return [error.response.status_code, json.loads(error.response.body)["error"]["code"]]


async def main():
    async with CLIENT.realtime.connect(model=MODEL) as connection:
        if os.environ.get("AT_ONCE"):
            print(json.dumps(await at_once()))
            return
        answers, error, end = await until_the_end(connection)
        print(json.dumps([answers, error.code, end]))


asyncio.run(main())
