"""Plays a provider that keeps objects as OpenAI's API does, and prints its port.

Files, batches, fine-tuning jobs, assistants, threads, runs, vector stores and stored answers live in
one account, whoever asks: nothing here knows of tenants. `GET /seen` tells which requests of clients
have come, `GET /inputs` what batches were made of; `GET /finish` ends batches that are held.
"""

import itertools
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BASE = "/v1"
NUMBERS = itertools.count(1)
OBJECTS = {}
CONTENTS = {}
SEEN = []
FINISHED = []
LOCK = threading.Lock()
NAMES = {
    "file": "No such File object: {}",
    "batch": "No batch found with id '{}'.",
    "fine_tuning.job": "Could not find fine tune: {}",
    "assistant": "No assistant found with id '{}'.",
    "thread": "No thread found with id '{}'.",
}


class Missing(Exception):
    pass


def new_id(prefix):
    return f"{prefix}{next(NUMBERS):024d}"


def make(prefix, kind, **fields):
    made = {"id": new_id(prefix), "object": kind, "created_at": int(time.time()), **fields}
    OBJECTS[made["id"]] = made
    return made


def make_file(name, purpose, content):
    made = make("file-", "file", bytes=len(content), filename=name, purpose=purpose, status="processed")
    CONTENTS[made["id"]] = content
    return made


def find(identifier, kind):
    found = OBJECTS.get(identifier)
    if found is None or found["object"] != kind:
        raise Missing(NAMES.get(kind, "No object found with id '{}'.").format(identifier))
    return found


def deleted(identifier, kind):
    find(identifier, kind)
    del OBJECTS[identifier]
    CONTENTS.pop(identifier, None)
    return {"id": identifier, "object": f"{kind}.deleted", "deleted": True}


def page(found):
    return {
        "object": "list",
        "data": found,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
        "has_more": False,
    }


def usage(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def files(method, rest, body, form):
    if method == "POST" and not rest:
        return make_file(form["filename"], form["purpose"], form["file"])
    if rest[1:] == ["content"]:
        find(rest[0], "file")
        return CONTENTS[rest[0]]
    if method == "DELETE":
        return deleted(rest[0], "file")
    return find(rest[0], "file")


def batches(method, rest, body, form):
    if not rest:
        find(body["input_file_id"], "file")
        return make(
            "batch_", "batch", endpoint=body["endpoint"], input_file_id=body["input_file_id"],
            completion_window=body["completion_window"], status="validating", output_file_id=None,
            error_file_id=None, metadata=body.get("metadata"), request_counts=None, polls=0,
        )
    batch = find(rest[0], "batch")
    if rest[1:] == ["cancel"]:
        batch["status"] = "cancelling"
        return batch
    batch["polls"] += 1
    if batch["status"] in ("cancelling", "cancelled"):
        batch["status"] = "cancelled"
    elif batch["polls"] >= 2 and batch["status"] != "completed" and not held(batch):
        complete(batch)
    elif batch["status"] == "validating":
        batch["status"] = "in_progress"
    return batch


def held(batch):
    """Some batches are over when a test says so."""
    return (batch["metadata"] or {}).get("hold") and not FINISHED


def complete(batch):
    lines = []
    for number, line in enumerate(CONTENTS[batch["input_file_id"]].decode().splitlines()):
        asked = json.loads(line)
        answer = {
            "id": new_id("chatcmpl-"), "object": "chat.completion", "created": 1,
            "model": asked["body"]["model"], "usage": usage(10 + number, 5),
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "Hello!"}}],
        }
        lines.append(json.dumps({
            "id": new_id("batch_req_"), "custom_id": asked["custom_id"], "error": None,
            "response": {"status_code": 200, "request_id": "r", "body": answer},
        }))
    output = make_file("output.jsonl", "batch_output", "\n".join(lines).encode())
    batch.update(status="completed", output_file_id=output["id"], completed_at=int(time.time()),
                 request_counts={"total": len(lines), "completed": len(lines), "failed": 0})


def fine_tuning(method, rest, body, form):
    assert rest[0] == "jobs"
    rest = rest[1:]
    if not rest:
        find(body["training_file"], "file")
        return make("ftjob-", "fine_tuning.job", model=body["model"], status="queued",
                    training_file=body["training_file"], validation_file=None, result_files=[],
                    hyperparameters={}, fine_tuned_model=None, organization_id="o", seed=1,
                    trained_tokens=None, finished_at=None, error=None, polls=0)
    job = find(rest[0], "fine_tuning.job")
    if rest[1:] in (["events"], ["checkpoints"]):
        return page([])
    if rest[1:]:
        job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[rest[1]]
    elif job["status"] in ("queued", "running"):
        job["polls"] += 1
        job["status"] = "running"
        if job["polls"] >= 2:
            job.update(status="succeeded", trained_tokens=1000, finished_at=int(time.time()))
    return job


def assistants(method, rest, body, form):
    if not rest:
        return make("asst_", "assistant", model=body["model"], name=body.get("name"),
                    description=None, instructions=body.get("instructions"),
                    tools=body.get("tools", []), metadata=body.get("metadata", {}),
                    tool_resources=body.get("tool_resources"))
    if method == "DELETE":
        return deleted(rest[0], "assistant")
    found = find(rest[0], "assistant")
    found.update(body or {})
    return found


def make_thread(body):
    thread = make("thread_", "thread", metadata=(body or {}).get("metadata", {}),
                  tool_resources=(body or {}).get("tool_resources"))
    for message in (body or {}).get("messages", []):
        make_message(thread["id"], message)
    return thread


def make_message(thread, body):
    for attachment in body.get("attachments") or []:
        find(attachment["file_id"], "file")
    text = {"type": "text", "text": {"value": body["content"], "annotations": []}}
    return make("msg_", "thread.message", thread_id=thread, role=body["role"], content=[text],
                assistant_id=None, run_id=None, metadata={}, attachments=body.get("attachments"))


def make_run(thread, body):
    assistant = find(body["assistant_id"], "assistant")
    return make("run_", "thread.run", thread_id=thread, assistant_id=assistant["id"],
                model=body.get("model") or assistant["model"], status="queued", usage=None, polls=0,
                instructions="", tools=[], metadata={}, required_action=None, last_error=None,
                parallel_tool_calls=True, response_format="auto", tool_choice="auto")


def threads(method, rest, body, form):
    if not rest:
        return make_thread(body)
    if rest == ["runs"]:
        thread = make_thread(body.get("thread"))
        return run_answer(make_run(thread["id"], body), body, thread)
    thread = find(rest[0], "thread")
    if not rest[1:]:
        if method == "DELETE":
            return deleted(rest[0], "thread")
        thread.update(body or {})
        return thread
    within = [it for it in OBJECTS.values() if it.get("thread_id") == thread["id"]]
    if rest[1] == "messages":
        own = [it for it in within if it["object"] == "thread.message"]
        if not rest[2:]:
            return make_message(thread["id"], body) if method == "POST" else page(own)
        if method == "DELETE":
            return deleted(rest[2], "thread.message")
        return find(rest[2], "thread.message")
    own = [it for it in within if it["object"] == "thread.run"]
    if not rest[2:]:
        if method == "POST":
            return run_answer(make_run(thread["id"], body), body, None)
        return page(own)
    run = next((it for it in own if it["id"] == rest[2]), None)
    if run is None:
        raise Missing(f"No run found with id '{rest[2]}'.")
    if rest[3:] == ["steps"]:
        return page([])
    if rest[3:] == ["cancel"]:
        run["status"] = "cancelled"
    elif method == "GET":
        run["polls"] += 1
        if run["polls"] >= 2 and run["status"] != "cancelled":
            run.update(status="completed", usage=usage(100, 20))
    return run


def run_answer(run, body, thread):
    if not body.get("stream"):
        return run
    events = [("thread.created", thread)] if thread else []
    done = {**run, "status": "completed", "usage": usage(100, 20)}
    events += [("thread.run.created", run), ("thread.run.completed", done)]
    run.update(done)
    text = "".join(f"event: {name}\ndata: {json.dumps(it)}\n\n" for name, it in events)
    return text + "event: done\ndata: [DONE]\n\n"


def vector_stores(method, rest, body, form):
    if not rest:
        for identifier in (body or {}).get("file_ids", []):
            find(identifier, "file")
        counts = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}
        return make("vs_", "vector_store", name=(body or {}).get("name"), usage_bytes=0,
                    file_counts=counts, status="completed", last_active_at=1, metadata={})
    store = find(rest[0], "vector_store")
    if not rest[1:]:
        if method == "DELETE":
            return deleted(rest[0], "vector_store")
        store.update(body or {})
        return store
    if rest[1] == "search":
        return {"object": "vector_store.search_results.page", "search_query": [body["query"]],
                "data": [], "has_more": False, "next_page": None}
    own = store.setdefault("_files", {})
    if rest[1] == "file_batches":
        if not rest[2:]:
            return make("vsfb_", "vector_store.files_batch", vector_store_id=store["id"],
                        status="completed", file_counts=store["file_counts"])
        found = find(rest[2], "vector_store.files_batch")
        return page(list(own.values())) if rest[3:] == ["files"] else found
    if not rest[2:]:
        if method == "GET":
            return page(list(own.values()))
        find(body["file_id"], "file")
        own[body["file_id"]] = {
            "id": body["file_id"], "object": "vector_store.file", "created_at": 1, "usage_bytes": 0,
            "vector_store_id": store["id"], "status": "completed", "last_error": None}
        return own[body["file_id"]]
    if rest[2] not in own:
        raise Missing(f"No file found with id '{rest[2]}'.")
    if method == "DELETE":
        del own[rest[2]]
        return {"id": rest[2], "object": "vector_store.file.deleted", "deleted": True}
    if rest[3:] == ["content"]:
        return {**page([]), "object": "vector_store.file_content.page"}
    return own[rest[2]]


def responses(method, rest, body, form):
    if not rest:
        if body.get("previous_response_id"):
            find(body["previous_response_id"], "response")
        message = {"type": "message", "id": new_id("msg_"), "status": "completed", "role": "assistant",
                   "content": [{"type": "output_text", "text": "Hello!", "annotations": []}]}
        return make("resp_", "response", status="completed", model=body["model"], output=[message],
                    error=None, incomplete_details=None, instructions=None, metadata={},
                    parallel_tool_calls=True, temperature=1, tool_choice="auto", tools=[], top_p=1,
                    usage={"input_tokens": 7, "input_tokens_details": {"cached_tokens": 0},
                           "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0},
                           "total_tokens": 10})
    found = find(rest[0], "response")
    if method == "DELETE":
        return deleted(rest[0], "response")
    return page([]) if rest[1:] == ["input_items"] else found


SERVED = {
    "files": files, "batches": batches, "fine_tuning": fine_tuning, "assistants": assistants,
    "threads": threads, "vector_stores": vector_stores, "responses": responses,
}


def read_form(content_type, body):
    boundary = re.search(r'boundary="?([^";]+)', content_type).group(1).encode()
    form = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, content = part[2:].split(b"\r\n\r\n", 1)
        name = re.search(rb'name="([^"]+)"', head).group(1).decode()
        content = content[:-2]
        form[name] = content if name == "file" else content.decode()
        file = re.search(rb'filename="([^"]+)"', head)
        if file:
            form["filename"] = file.group(1).decode()
    return form


class Keeper(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self):
        body = self.read_body()
        url = urlsplit(self.path)
        if url.path == "/seen":
            with LOCK:
                seen = list(SEEN)
                if "reset" in parse_qs(url.query, keep_blank_values=True):
                    SEEN.clear()
            self.send(200, seen)
            return
        if url.path == "/finish":
            FINISHED.append(True)
            self.send(200, {})
            return
        if url.path == "/inputs":
            with LOCK:
                batches = [it for it in OBJECTS.values() if it["object"] == "batch"]
                inputs = {it["id"]: CONTENTS.get(it["input_file_id"], b"").decode() or None for it in batches}
            self.send(200, inputs)
            return
        # What the gateway asks on its own behalf is no client's doing.
        if not self.headers.get("user-agent", "").startswith("tollgate/"):
            with LOCK:
                SEEN.append(f"{self.command} {self.path}")
        wrong = self.wrong_headers()
        if wrong:
            self.refuse(400, wrong)
            return
        first, *rest = url.path.removeprefix(f"{BASE}/").split("/")
        # Lists of all tenants' objects must never be asked for.
        if self.command == "GET" and not rest or url.path.endswith("/jobs") and self.command == "GET":
            self.refuse(500, f"a list of everything: {self.path}")
            return
        kind = self.headers.get("content-type", "")
        form = read_form(kind, body) if kind.startswith("multipart/") else {}
        parsed = json.loads(body) if body and not form else None
        try:
            with LOCK:
                answer = SERVED[first](self.command, rest, parsed, form)
                shown = json.loads(json.dumps(answer)) if isinstance(answer, dict) else answer
        except Missing as missing:
            self.send(404, {"error": {"message": str(missing), "type": "invalid_request_error",
                                      "param": "id", "code": None}})
            return
        except (LookupError, TypeError, ValueError, AssertionError) as error:
            self.refuse(400, f"{self.command} {self.path}: {error!r} {parsed}")
            return
        if isinstance(shown, dict):
            shown = {name: value for name, value in shown.items() if name not in ("polls", "_files")}
        self.send(200, shown)

    do_GET = do_POST = do_DELETE = handle_any

    def read_body(self):
        if self.headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def wrong_headers(self):
        if self.headers["authorization"] != f"Bearer {os.environ['CREDENTIAL']}":
            return "another credential"
        for name, value in self.headers.items():
            if name.lower().startswith(("x-tollgate-", "x-litellm-")) or "sk-" in value:
                return f"header {name}"
        return None

    def refuse(self, status, why):
        print(f"refused: {why}", file=sys.stderr, flush=True)
        self.send(status, {"error": {"message": why, "type": "server_error", "param": None, "code": None}})

    def send(self, status, answer):
        kind = "application/json"
        if isinstance(answer, bytes):
            kind, body = "application/octet-stream", answer
        elif isinstance(answer, str):
            kind, body = "text/event-stream", answer.encode()
        else:
            body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
