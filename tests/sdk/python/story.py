"""The official Python client against the gateway.

Uses chat, streaming, tools, legacy completions, embeddings and models as any program would, checks
that each refusal arrives as the exception that programs catch, and prints the usage that each
call was told, as [[prompt, completion, total], ...].
"""

import asyncio
import json
import os

import openai
from openai import AsyncOpenAI, DefaultHttpxClient, OpenAI

BASE_URL = os.environ["BASE_URL"]
told = []


def note(usage):
    told.append([usage.prompt_tokens, getattr(usage, "completion_tokens", 0), usage.total_tokens])


def client(key_variable="KEY", **options):
    return OpenAI(base_url=BASE_URL, api_key=os.environ.get(key_variable, key_variable), **options)


HELLO = [{"role": "user", "content": "Hello there!"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def chats(sdk):
    answer = sdk.chat.completions.create(model="team/fast", messages=HELLO, user="someone")
    assert answer.model == "team/fast", answer
    assert answer.choices[0].message.content.startswith("Hello!"), answer
    assert answer.choices[0].finish_reason == "stop", answer
    note(answer.usage)

    raw = sdk.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=HELLO, max_tokens=3, n=2
    )
    answer = raw.parse()
    assert [choice.finish_reason for choice in answer.choices] == ["length"] * 2, answer
    note(answer.usage)


def streams(sdk):
    chunks = list(
        sdk.chat.completions.create(
            model="gpt-4o",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("Hello! I am a simulated model"), text
    assert all(chunk.model == "gpt-4o" for chunk in chunks), chunks
    assert chunks[-1].choices == [], chunks[-1]
    assert chunks[-1].usage.cost > 0, chunks[-1]
    note(chunks[-1].usage)


def streams_with_helpers(sdk):
    with sdk.chat.completions.stream(
        model="gpt-4o", messages=HELLO, stream_options={"include_usage": True}
    ) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content.startswith("Hello!"), answer
    note(answer.usage)


def calls_tools(sdk):
    question = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = sdk.chat.completions.create(
        model="gpt-4o", messages=question, tools=TOOLS, tool_choice="required"
    )
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    ), answer
    note(answer.usage)

    conversation = question + [
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = sdk.chat.completions.create(model="gpt-4o", messages=conversation, tools=TOOLS)
    assert answer.choices[0].message.content, answer
    note(answer.usage)

    arguments = ""
    usage = None
    for chunk in sdk.chat.completions.create(
        model="gpt-4o",
        messages=question,
        tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                arguments += call.function.arguments or ""
    assert json.loads(arguments) == {"city": "Paris"}, arguments
    note(usage)


def completes(sdk):
    answer = sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say it", max_tokens=4)
    assert answer.choices[0].text == "Hello! I am", answer
    note(answer.usage)


def embeds(sdk):
    # The client asks for base64 by itself and unpacks it.
    answer = sdk.embeddings.create(
        model="text-embedding-3-small", input=["one", "two words"], dimensions=16
    )
    assert [len(item.embedding) for item in answer.data] == [16, 16], answer
    assert abs(sum(x * x for x in answer.data[0].embedding) - 1) < 1e-3
    note(answer.usage)


def lists_models(sdk):
    names = [model.id for model in sdk.models.list()]
    assert "team/fast" in names and "gpt-4o" in names, names
    assert sdk.models.retrieve("team/fast").id == "team/fast"
    limited = [model.id for model in client("LIMITED_KEY").models.list()]
    assert limited == ["gpt-4o"], limited


async def chats_asynchronously():
    async with AsyncOpenAI(base_url=BASE_URL, api_key=os.environ["KEY"]) as sdk:
        answers = await asyncio.gather(
            *(sdk.chat.completions.create(model="gpt-4o", messages=HELLO) for _ in range(8))
        )
    for answer in answers:
        note(answer.usage)


def refused(exception, code, call):
    """Checks the exception of a refused call and returns it."""
    try:
        call()
    except exception as error:
        assert error.code == code, (error.code, error)
        return error
    raise AssertionError(f"{exception} expected")


def errors():
    def chat(key, model="gpt-4o", **more):
        return lambda: client(key).chat.completions.create(model=model, messages=HELLO, **more)

    refused(openai.AuthenticationError, "invalid_api_key", chat("sk-nobody"))
    refused(openai.PermissionDeniedError, "key_blocked", chat("BLOCKED_KEY"))
    refused(openai.PermissionDeniedError, "model_not_allowed", chat("LIMITED_KEY", "gpt-4o-mini"))
    refused(openai.NotFoundError, "model_not_found", chat("KEY", "gpt-17"))
    refused(openai.NotFoundError, "model_not_found", lambda: client().models.retrieve("gpt-17"))
    refused(openai.BadRequestError, "invalid_field", chat("KEY", 7))


def keeps_its_rate():
    sdk = client("RATED_KEY", max_retries=0)

    def chat():
        return sdk.chat.completions.create(model="gpt-4o", messages=HELLO)

    note(chat().usage)
    error = refused(openai.RateLimitError, "rate_limit_exceeded", chat)
    assert error.status_code == 429, error
    headers = error.response.headers
    assert error.body["limit"]["resets_at"].endswith("Z"), error.body
    assert headers["reset_at"].endswith(" UTC"), headers
    assert 1 <= int(headers["retry-after"]) <= 60, headers
    assert headers["x-ratelimit-limit-requests"] == "1", headers
    assert headers["x-ratelimit-remaining-requests"] == "0", headers


def does_not_retry_a_spent_budget():
    tries = []
    counting = DefaultHttpxClient(event_hooks={"request": [tries.append]})
    sdk = client("SPENT_KEY", http_client=counting, max_retries=2)
    error = refused(
        openai.RateLimitError,
        "budget_exceeded",
        lambda: sdk.chat.completions.create(model="gpt-4o", messages=HELLO),
    )
    assert error.status_code == 429, error
    assert error.response.headers["x-should-retry"] == "false", error.response.headers
    assert len(tries) == 1, "a spent budget must not be tried again"


sdk = client()
chats(sdk)
streams(sdk)
streams_with_helpers(sdk)
calls_tools(sdk)
completes(sdk)
embeds(sdk)
lists_models(sdk)
asyncio.run(chats_asynchronously())
errors()
keeps_its_rate()
does_not_retry_a_spent_budget()
print(json.dumps(told))
