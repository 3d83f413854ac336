// The official Node client and objects that the provider keeps, as two tenants use them.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// NODE_PATH is not read for `import`, so the package is found as `require` would.
const require = createRequire(join(process.env.NODE_PATH, "_"));
const { OpenAI, NotFoundError, toFile } = require("openai");

const { BASE_URL, KEY, STRANGER, MODEL } = process.env;
const client = (apiKey) => new OpenAI({ baseURL: BASE_URL, apiKey, maxRetries: 0 });
const [own, stranger] = [client(KEY), client(STRANGER)];
const ids = async (page) => {
  const found = [];
  for await (const object of page) found.push(object.id);
  return found;
};

const line = JSON.stringify({
  custom_id: "a",
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: MODEL, max_tokens: 5, messages: [{ role: "user", content: "Hi" }] },
});
const file = await own.files.create({ file: await toFile(Buffer.from(line), "in.jsonl"), purpose: "batch" });
assert.equal(await (await own.files.content(file.id)).text(), line);
const batch = await own.batches.create({
  input_file_id: file.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
});
const store = await own.vectorStores.create({ name: "s" });
await own.vectorStores.files.create(store.id, { file_id: file.id });
const assistant = await own.beta.assistants.create({ model: MODEL });
const run = await own.beta.threads.createAndRun({ assistant_id: assistant.id });
const done = await own.beta.threads.runs.poll(run.id, { thread_id: run.thread_id }, { pollIntervalMs: 10 });
assert.equal(done.status, "completed");
assert.deepEqual(await ids(own.files.list({ purpose: "batch" })), [file.id]);
assert.deepEqual(await ids(own.batches.list()), [batch.id]);
assert.deepEqual(await ids(own.beta.assistants.list({ limit: 1 })), [assistant.id]);

const foreign = [
  () => stranger.files.retrieve(file.id),
  () => stranger.files.content(file.id),
  () => stranger.files.delete(file.id),
  () => stranger.batches.cancel(batch.id),
  () => stranger.vectorStores.retrieve(store.id),
  () => stranger.beta.assistants.delete(assistant.id),
  () => stranger.beta.threads.messages.list(run.thread_id),
  () => stranger.beta.threads.createAndRun({ assistant_id: assistant.id }),
];
for (const attempt of foreign) await assert.rejects(attempt, NotFoundError);
for (const list of [stranger.files, stranger.batches, stranger.vectorStores, stranger.beta.assistants])
  assert.deepEqual(await ids(list.list()), []);
assert.equal((await own.files.delete(file.id)).deleted, true);
await assert.rejects(() => own.files.retrieve(file.id), NotFoundError);
