"""Batches, runs and fine-tuning jobs with the official client: `PART` says what of them."""

import json
import os
import time
import urllib.request

import openai

BASE_URL, KEEPER_URL = os.environ["BASE_URL"], os.environ["KEEPER_URL"]
MODEL, SECRET, PART = os.environ["MODEL"], os.environ["SECRET"], os.environ["PART"]
CHAT = "/v1/chat/completions"

own = openai.OpenAI(base_url=BASE_URL, api_key=os.environ["KEY"], max_retries=0)
stranger = openai.OpenAI(base_url=BASE_URL, api_key=os.environ["STRANGER"], max_retries=0)


def line(**changes):
    body = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    body.update(changes.pop("body", {}))
    return {"custom_id": "a", "method": "POST", "url": CHAT, "body": body, **changes}


def upload(*lines):
    content = "\n".join(it if isinstance(it, str) else json.dumps(it) for it in lines)
    return own.files.create(file=("in.jsonl", content.encode()), purpose="batch").id


def batch(*lines, **more):
    return own.batches.create(input_file_id=upload(*lines), endpoint=CHAT,
                              completion_window="24h", **more)


def keeper(path):
    with urllib.request.urlopen(f"{KEEPER_URL}{path}") as answer:
        return json.load(answer)


def until(ready):
    deadline = time.monotonic() + 30
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def refused(kind, wanted, *lines, **more):
    try:
        batch(*lines, **more)
    except kind as error:
        assert wanted in str(error), (wanted, str(error))
        return error
    raise AssertionError(f"a batch was made of {lines}")


def charged():
    mine = upload(line(), line(custom_id="b"))
    made = own.batches.create(input_file_id=mine, endpoint=CHAT, completion_window="24h")
    # The provider has a copy with its own name of the model, and nobody sees it.
    assert made.input_file_id == mine
    copy = [json.loads(it) for it in keeper("/inputs")[made.id].splitlines()]
    assert [it["body"]["model"] for it in copy] == ["gpt-4o-mini"] * 2, copy
    over = until(lambda: (it := own.batches.retrieve(made.id)).status == "completed" and it)
    assert over.input_file_id == mine
    assert own.batches.list().data[0].input_file_id == mine
    answers = own.files.content(over.output_file_id).read().splitlines()
    assert [json.loads(it)["custom_id"] for it in answers] == ["a", "b"]
    assert [it.id for it in own.files.list(purpose="batch")] == [mine]

    assistant = own.beta.assistants.create(model=MODEL)
    thread = own.beta.threads.create()
    try:
        own.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
        raise AssertionError("nobody knows what this run costs")
    except openai.BadRequestError as error:
        assert "max_prompt_tokens" in str(error), error
    own.beta.threads.runs.create(thread.id, assistant_id=assistant.id,
                                 max_prompt_tokens=500, max_completion_tokens=100)

    try:
        own.fine_tuning.jobs.create(model=MODEL, training_file=mine)
        raise AssertionError("nobody knows how long this job is")
    except openai.BadRequestError as error:
        assert "n_epochs" in str(error), error
    own.fine_tuning.jobs.create(model=MODEL, training_file=mine, hyperparameters={"n_epochs": 3})
    # It was deleted when the batch was over.
    until(lambda: keeper("/inputs").get(made.id) is None)


def lines_that_are_refused():
    bad = openai.BadRequestError
    refused(bad, "Line 2 of the input file cannot be taken. It is no JSON object", line(), "nonsense")
    refused(bad, "Line 3", line(), line(), line(url="/v1/embeddings"))
    refused(bad, "Line 1", line(body={"model": SECRET}))
    refused(bad, "Line 2", line(), line(body={"model": "gpt-4o-mini"}))
    theirs = stranger.files.create(file=("x.txt", b"x"), purpose="assistants").id
    mine = own.files.create(file=("x.txt", b"x"), purpose="assistants").id

    def naming(file):
        part = {"type": "file", "file": {"file_id": file}}
        return line(body={"messages": [{"role": "user", "content": [part]}]})

    guessed = theirs[:-3] + "xyz"
    foreign = str(refused(openai.NotFoundError, theirs, line(), naming(theirs)))
    unknown = str(refused(openai.NotFoundError, guessed, line(), naming(guessed)))
    assert foreign.replace(theirs, guessed) == unknown, (foreign, unknown)
    assert not [it for it in keeper("/seen") if it.startswith("POST /v1/batches")]
    assert batch(naming(mine)).id


HELD = {"max_tokens": 1000}

if PART == "charged":
    charged()
elif PART == "refused":
    lines_that_are_refused()
elif PART == "held":
    assert batch(line(body=HELD), metadata={"hold": "yes"}).status == "validating"
elif PART == "finish":
    keeper("/finish")
elif PART == "too_much":
    refused(openai.RateLimitError, "Budget exceeded", line(body=HELD), line(body=HELD, custom_id="b"))
