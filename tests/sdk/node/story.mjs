// The official Node client against the gateway.
//
// Uses chat, streaming, tools, legacy completions, embeddings and models as any program would,
// checks that each refusal arrives as the error class that programs match on, and prints the
// usage that each call was told, as [[prompt, completion, total], ...].

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// NODE_PATH is not read for `import`, so the package is found as `require` would.
const require = createRequire(join(process.env.NODE_PATH, "_"));
const { OpenAI } = require("openai");

const { BASE_URL, KEY, BLOCKED_KEY, SPENT_KEY, LIMITED_KEY, RATED_KEY } = process.env;
const told = [];
const note = (usage) =>
  told.push([usage.prompt_tokens, usage.completion_tokens ?? 0, usage.total_tokens]);
const client = (apiKey = KEY, options = {}) => new OpenAI({ baseURL: BASE_URL, apiKey, ...options });

const messages = [{ role: "user", content: "Hello there!" }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  },
];
const sdk = client();

const chat = await sdk.chat.completions.create({ model: "team/fast", messages });
assert.equal(chat.model, "team/fast");
assert.match(chat.choices[0].message.content, /^Hello!/);
note(chat.usage);

const stream = await sdk.chat.completions.create({
  model: "gpt-4o",
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
let text = "";
let usage;
for await (const chunk of stream) {
  assert.equal(chunk.model, "gpt-4o");
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.match(text, /^Hello! I am a simulated model/);
assert.ok(usage.cost > 0, JSON.stringify(usage));
note(usage);

const question = [{ role: "user", content: "Use the tool: what is the weather?" }];
const call = await sdk.chat.completions.create({ model: "gpt-4o", messages: question, tools });
assert.equal(call.choices[0].finish_reason, "tool_calls");
assert.equal(call.choices[0].message.tool_calls[0].function.arguments, '{"city":"Paris"}');
note(call.usage);

const streamedCall = sdk.chat.completions.stream({
  model: "gpt-4o",
  messages: question,
  tools,
  stream_options: { include_usage: true },
});
const finalCall = await streamedCall.finalChatCompletion();
assert.equal(finalCall.choices[0].message.tool_calls[0].function.name, "get_weather");
note(await streamedCall.totalUsage());

const legacy = await sdk.completions.create({
  model: "gpt-3.5-turbo-instruct",
  prompt: "Say it",
  max_tokens: 4,
});
assert.equal(legacy.choices[0].text, "Hello! I am");
note(legacy.usage);

const embedding = await sdk.embeddings.create({
  model: "text-embedding-3-small",
  input: ["one", "two words"],
  dimensions: 16,
});
assert.deepEqual(
  embedding.data.map((item) => item.embedding.length),
  [16, 16],
);
note(embedding.usage);

const names = [];
for await (const model of sdk.models.list()) names.push(model.id);
assert.ok(names.includes("team/fast") && names.includes("gpt-4o"), names.join());
assert.equal((await sdk.models.retrieve("team/fast")).id, "team/fast");

const refused = async (kind, code, promise) => {
  const error = await promise.then(
    () => assert.fail(`${kind.name} expected`),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${error}`);
  assert.equal(error.code, code);
  return error;
};
const ask = (key, model = "gpt-4o", options = {}) =>
  client(key, options).chat.completions.create({ model, messages });

await refused(OpenAI.AuthenticationError, "invalid_api_key", ask("sk-nobody"));
await refused(OpenAI.PermissionDeniedError, "key_blocked", ask(BLOCKED_KEY));
await refused(OpenAI.PermissionDeniedError, "model_not_allowed", ask(LIMITED_KEY, "gpt-4o-mini"));
await refused(OpenAI.NotFoundError, "model_not_found", ask(KEY, "gpt-17"));
await refused(OpenAI.NotFoundError, "model_not_found", sdk.models.retrieve("gpt-17"));
await refused(OpenAI.BadRequestError, "invalid_field", ask(KEY, 7));

note((await ask(RATED_KEY)).usage);
const tooSoon = await refused(
  OpenAI.RateLimitError,
  "rate_limit_exceeded",
  ask(RATED_KEY, "gpt-4o", { maxRetries: 0 }),
);
assert.equal(tooSoon.status, 429);
const seconds = Number(tooSoon.headers.get("retry-after"));
assert.ok(seconds >= 1 && seconds <= 60, `${seconds}`);
assert.equal(tooSoon.headers.get("x-ratelimit-limit-requests"), "1");
assert.equal(tooSoon.headers.get("x-ratelimit-remaining-requests"), "0");

let tries = 0;
const counting = (...given) => {
  tries += 1;
  return fetch(...given);
};
const overBudget = await refused(
  OpenAI.RateLimitError,
  "budget_exceeded",
  ask(SPENT_KEY, "gpt-4o", { fetch: counting, maxRetries: 2 }),
);
assert.equal(overBudget.status, 429);
assert.equal(overBudget.headers.get("x-should-retry"), "false");
assert.equal(tries, 1, "a spent budget must not be tried again");

console.log(JSON.stringify(told));
