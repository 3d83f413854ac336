"""The official client and objects that the provider keeps, as two tenants use them.

`KEY` and `TEAMMATE` are of one team, `STRANGER` is of another. All three share one account of the
provider, which knows nothing of them.
"""

import json
import os
import urllib.request

import openai

BASE_URL, SEEN_URL = os.environ["BASE_URL"], os.environ["SEEN_URL"]
MODEL = os.environ["MODEL"]
PART = os.environ.get("PART", "all")


def client(key):
    return openai.OpenAI(base_url=BASE_URL, api_key=os.environ[key], max_retries=0)


own, mate, stranger = client("KEY"), client("TEAMMATE"), client("STRANGER")


def seen():
    with urllib.request.urlopen(f"{SEEN_URL}/seen?reset") as answer:
        return json.load(answer)


def raw(sdk, method, path, body):
    """Returns status and body of a call that the client itself would not let pass."""
    headers = {"authorization": f"Bearer {sdk.api_key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE_URL}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def make_objects():
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}}
    content = json.dumps(line).encode()
    file = own.files.create(file=("in.jsonl", content), purpose="batch")
    assert own.files.content(file.id).read() == content
    assert mate.files.retrieve(file.id).filename == "in.jsonl"
    batch = own.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions",
                               completion_window="24h")
    job = own.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
    assert job.model == MODEL
    store = own.vector_stores.create(name="s", file_ids=[file.id])
    own.vector_stores.files.create(vector_store_id=store.id, file_id=file.id)
    file_batch = own.vector_stores.file_batches.create(vector_store_id=store.id, file_ids=[file.id])
    assistant = own.beta.assistants.create(
        model=MODEL, tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}})
    assert assistant.model == MODEL
    attachment = {"file_id": file.id, "tools": [{"type": "file_search"}]}
    thread = own.beta.threads.create(messages=[{"role": "user", "content": "x", "attachments": [attachment]}])
    message = own.beta.threads.messages.create(thread.id, role="user", content="Hi")
    run = own.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    response = own.responses.create(model=MODEL, input="Hi")
    return {"file": file.id, "batch": batch.id, "job": job.id, "store": store.id,
            "files": file_batch.id, "assistant": assistant.id, "thread": thread.id, "run": run.id,
            "part": message.id, "response": response.id}


def use_objects(ids):
    """Everything that the owner's team may do."""
    for sdk in (own, mate):
        assert [it.id for it in sdk.files.list()].count(ids["file"]) == 1
        assert ids["batch"] in [it.id for it in sdk.batches.list()]
        assert ids["job"] in [it.id for it in sdk.fine_tuning.jobs.list()]
        assert ids["assistant"] in [it.id for it in sdk.beta.assistants.list()]
        assert ids["store"] in [it.id for it in sdk.vector_stores.list()]
        assert sdk.beta.assistants.retrieve(ids["assistant"]).model == MODEL
        assert sdk.beta.threads.retrieve(ids["thread"]).id == ids["thread"]
        messages = sdk.beta.threads.messages.list(ids["thread"], limit=10)
        assert ids["part"] in [it.id for it in messages]
        assert list(sdk.beta.threads.runs.list(ids["thread"]))
        assert sdk.vector_stores.search(ids["store"], query="x").data == []
        assert sdk.vector_stores.files.retrieve(ids["file"], vector_store_id=ids["store"]).id == ids["file"]
        again = sdk.responses.create(model=MODEL, input="more", previous_response_id=ids["response"])
        assert sdk.responses.retrieve(again.id).id == again.id
    run = own.beta.threads.runs.retrieve(ids["run"], thread_id=ids["thread"])
    run = own.beta.threads.runs.retrieve(ids["run"], thread_id=ids["thread"])
    assert run.status == "completed" and run.usage.total_tokens == 120, run
    batch = own.batches.retrieve(ids["batch"])
    batch = own.batches.retrieve(ids["batch"])
    assert batch.status == "completed", batch
    output = mate.files.content(batch.output_file_id).read().decode()
    assert json.loads(output.splitlines()[0])["custom_id"] == "a"
    with own.beta.threads.create_and_run_stream(assistant_id=ids["assistant"]) as stream:
        stream.until_done()
        streamed = stream.current_run
    assert own.beta.threads.runs.retrieve(streamed.id, thread_id=streamed.thread_id).id == streamed.id


def page_through():
    made = [own.files.create(file=(f"{n}.txt", b"x"), purpose="assistants").id for n in range(5)]
    first = own.files.list(purpose="assistants", limit=2)
    assert [it.id for it in first.data] == made[:2:-1] and first.has_more
    assert [it.id for it in first] == made[::-1]
    rest = own.files.list(purpose="assistants", order="asc", after=made[2])
    assert [it.id for it in rest.data] == made[3:] and not rest.has_more
    assert own.files.delete(made[0]).deleted
    assert made[0] not in [it.id for it in own.files.list()]
    assert raw(own, "GET", f"/files/{made[0]}", None)[0] == 404
    assert list(stranger.files.list()) == []


# Every route that names an object; what stands in braces is an id.
ROUTES = [
    ("GET", "/files/{file}", None), ("GET", "/files/{file}/content", None),
    ("DELETE", "/files/{file}", None), ("GET", "/files?after={file}", None),
    ("GET", "/batches/{batch}", None), ("POST", "/batches/{batch}/cancel", None),
    ("GET", "/batches?after={batch}", None),
    ("GET", "/fine_tuning/jobs/{job}", None), ("POST", "/fine_tuning/jobs/{job}/cancel", None),
    ("POST", "/fine_tuning/jobs/{job}/pause", None), ("POST", "/fine_tuning/jobs/{job}/resume", None),
    ("GET", "/fine_tuning/jobs/{job}/events", None),
    ("GET", "/fine_tuning/jobs/{job}/checkpoints", None),
    ("GET", "/fine_tuning/jobs?after={job}", None),
    ("GET", "/assistants/{assistant}", None), ("POST", "/assistants/{assistant}", {"name": "x"}),
    ("DELETE", "/assistants/{assistant}", None), ("GET", "/assistants?before={assistant}", None),
    ("GET", "/threads/{thread}", None), ("POST", "/threads/{thread}", {}),
    ("DELETE", "/threads/{thread}", None),
    ("GET", "/threads/{thread}/messages", None),
    ("POST", "/threads/{thread}/messages", {"role": "user", "content": "x"}),
    ("GET", "/threads/{thread}/messages/msg_1", None),
    ("POST", "/threads/{thread}/messages/msg_1", {}),
    ("DELETE", "/threads/{thread}/messages/msg_1", None),
    ("GET", "/threads/{thread}/runs", None),
    ("POST", "/threads/{thread}/runs", {"assistant_id": "{own_assistant}"}),
    ("POST", "/threads/{own_thread}/runs", {"assistant_id": "{assistant}"}),
    ("POST", "/threads/runs", {"assistant_id": "{assistant}"}),
    ("POST", "/threads/runs", {"assistant_id": "{own_assistant}", "thread": {
        "messages": [{"role": "user", "content": "x", "attachments": [{"file_id": "{file}"}]}]}}),
    ("GET", "/threads/{own_thread}/runs/{run}", None), ("POST", "/threads/{own_thread}/runs/{run}", {}),
    ("POST", "/threads/{own_thread}/runs/{run}/cancel", None),
    ("POST", "/threads/{own_thread}/runs/{run}/submit_tool_outputs", {"tool_outputs": []}),
    ("GET", "/threads/{own_thread}/runs/{run}/steps", None),
    ("GET", "/threads/{own_thread}/runs/{run}/steps/step_1", None),
    ("GET", "/threads/{own_thread}/runs?after={run}", None),
    ("GET", "/threads/{own_thread}/messages?run_id={run}", None),
    ("POST", "/threads/{own_thread}/messages", {
        "role": "user", "content": "x", "attachments": [{"file_id": "{file}"}]}),
    ("POST", "/threads/{own_thread}/messages", {
        "role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "{file}"}}]}),
    ("POST", "/threads", {"tool_resources": {"code_interpreter": {"file_ids": ["{file}"]}}}),
    ("POST", "/threads", {"tool_resources": {"file_search": {"vector_store_ids": ["{store}"]}}}),
    ("POST", "/assistants", {"model": MODEL, "tool_resources": {
        "file_search": {"vector_store_ids": ["{store}"]}}}),
    ("POST", "/assistants/{own_assistant}", {"tool_resources": {
        "code_interpreter": {"file_ids": ["{file}"]}}}),
    ("GET", "/vector_stores/{store}", None), ("POST", "/vector_stores/{store}", {"name": "x"}),
    ("DELETE", "/vector_stores/{store}", None), ("GET", "/vector_stores?after={store}", None),
    ("POST", "/vector_stores/{store}/search", {"query": "x"}),
    ("GET", "/vector_stores/{store}/files", None),
    ("POST", "/vector_stores/{own_store}/files", {"file_id": "{file}"}),
    ("GET", "/vector_stores/{own_store}/files?after={file}", None),
    ("GET", "/vector_stores/{own_store}/files/{file}", None),
    ("POST", "/vector_stores/{own_store}/files/{file}", {"attributes": {}}),
    ("DELETE", "/vector_stores/{own_store}/files/{file}", None),
    ("GET", "/vector_stores/{own_store}/files/{file}/content", None),
    ("POST", "/vector_stores", {"file_ids": ["{file}"]}),
    ("POST", "/vector_stores/{own_store}/file_batches", {"file_ids": ["{file}"]}),
    ("POST", "/vector_stores/{own_store}/file_batches", {"files": [{"file_id": "{file}"}]}),
    ("GET", "/vector_stores/{own_store}/file_batches/{files}", None),
    ("POST", "/vector_stores/{own_store}/file_batches/{files}/cancel", None),
    ("GET", "/vector_stores/{own_store}/file_batches/{files}/files", None),
    ("POST", "/batches", {"input_file_id": "{file}", "endpoint": "/v1/chat/completions",
                          "completion_window": "24h"}),
    ("POST", "/fine_tuning/jobs", {"model": MODEL, "training_file": "{file}"}),
    ("POST", "/fine_tuning/jobs", {"model": MODEL, "training_file": "{own_file}",
                                   "validation_file": "{file}"}),
    ("GET", "/responses/{response}", None), ("DELETE", "/responses/{response}", None),
    ("POST", "/responses/{response}/cancel", None), ("GET", "/responses/{response}/input_items", None),
    ("POST", "/responses", {"model": MODEL, "input": "x", "previous_response_id": "{response}"}),
    ("POST", "/responses", {"model": MODEL, "input": "x", "tools": [
        {"type": "file_search", "vector_store_ids": ["{store}"]}]}),
    ("POST", "/responses", {"model": MODEL, "input": "x", "tools": [
        {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["{file}"]}}]}),
    ("POST", "/responses", {"model": MODEL, "input": [{"role": "user", "content": [
        {"type": "input_file", "file_id": "{file}"}]}]}),
    ("POST", "/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": [
        {"type": "file", "file": {"file_id": "{file}"}}]}]}),
    # Where Gemini keeps files. The gateway asks it for clients of every dialect.
    ("POST", "/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url":
            "https://generativelanguage.googleapis.com/v1beta/files/{file}"}}]}]}),
    ("POST", "/responses", {"model": MODEL, "input": [{"role": "user", "content": [
        {"type": "input_file", "file_url":
            "https://generativelanguage.googleapis.com/v1beta/files/{file}:download?alt=media"}]}]}),
    ("POST", "/messages", {"model": MODEL, "max_tokens": 9, "messages": [
        {"role": "user", "content": [{"type": "document", "source": {
            "type": "url", "url": "https://generativelanguage.googleapis.com/files/{file}"}}]}]}),
    ("POST", "/images/edits", {"model": MODEL, "prompt": "x", "images": [{"file_id": "{file}"}]}),
]


def fill(text, ids):
    for name, identifier in ids.items():
        text = text.replace("{" + name + "}", identifier)
    return text


def keep_apart(ids):
    """A stranger's request for a foreign id, and for one that is nobody's: the same answer."""
    file = stranger.files.create(file=("b.txt", b"x"), purpose="batch")
    strangers = {"own_file": file.id, "own_store": stranger.vector_stores.create().id,
                 "own_assistant": stranger.beta.assistants.create(model=MODEL).id,
                 "own_thread": stranger.beta.threads.create().id}
    # Other digits, so that both have one length.
    guessed = {name: identifier[:-3] + "xyz" for name, identifier in ids.items()}
    seen()
    for method, path, body in ROUTES:
        answers = []
        for these in (ids, guessed):
            named = {**these, **strangers}
            filled = None if body is None else json.loads(fill(json.dumps(body), named))
            status, text = raw(stranger, method, fill(path, named), filled)
            assert status == 404, (method, path, body, status, text)
            answers.append(text)
        foreign, unknown = answers
        for name, identifier in guessed.items():
            unknown = unknown.replace(identifier, ids[name])
        assert foreign == unknown, (method, path, foreign, unknown)
    assert seen() == [], "a foreign id has reached the provider"


if PART in ("all", "make"):
    ids = make_objects()
    print(json.dumps(ids))
else:
    ids = json.loads(os.environ["IDS"])
if PART in ("all", "use"):
    use_objects(ids)
    page_through()
    keep_apart(ids)
