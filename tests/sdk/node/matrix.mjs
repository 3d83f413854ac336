// The official Node SDKs against a provider of every wire format.
//
// Each model is one of the providers of ../python/stand_in.py, which has the scenarios. Prints the
// usage that each call was told, as [[prompt, completion, total], ...]; `null` where the provider
// did not tell.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// NODE_PATH is not read for `import`, so the packages are found as `require` would.
const require = createRequire(join(process.env.NODE_PATH, "_"));
const { OpenAI } = require("openai");
const { Anthropic } = require("@anthropic-ai/sdk");

const { GATEWAY_URL, KEY } = process.env;
const MODELS = ["openai", "responses", "anthropic", "google", "ollama"];
const SYSTEM = "Answer briefly.";
const TEXT = 'Hello! Grüße, 世界 🌍\n"quoted" \\ done.';
const THOUGHTS = "Let me think: 6 × 7.";
const CALLS = [
  ["get_weather", { city: "Paris" }],
  ["get_time", { zone: "Europe/Paris" }],
];
const RESULTS = { get_weather: "sunny", get_time: "noon" };
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg" +
  "gg==";
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, population: { type: "integer" } },
  required: ["city", "population"],
  additionalProperties: false,
};
const tool = (name, argument) => ({
  name,
  description: `Answers for one ${argument}.`,
  parameters: {
    type: "object",
    properties: { [argument]: { type: "string" } },
    required: [argument],
  },
});
const TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")];

class Chat {
  tooMany = OpenAI.RateLimitError;
  // What cannot be asked for and is not told unasked.
  silent = ["responses", "google"];
  sdk = new OpenAI({ baseURL: `${GATEWAY_URL}/v1`, apiKey: KEY, maxRetries: 0 });

  async ask(model, text, { stream, picture, schema, thinks }) {
    const url = `data:image/png;base64,${picture}`;
    const image = { type: "image_url", image_url: { url } };
    const content = picture ? [image, { type: "text", text }] : text;
    const form = { name: "place", schema, strict: true };
    return said(
      await this.create(model, [{ role: "user", content }], stream, {
        ...(schema && { response_format: { type: "json_schema", json_schema: form } }),
        ...(thinks && { reasoning_effort: "low" }),
      }),
    );
  }

  async create(model, conversation, stream, options) {
    const messages = [{ role: "system", content: SYSTEM }, ...conversation];
    const asked = { model, messages, ...options };
    if (!stream) return this.sdk.chat.completions.create(asked);
    const runner = this.sdk.chat.completions.stream({
      ...asked,
      stream_options: { include_usage: true },
    });
    let thoughts = "";
    runner.on("chunk", (chunk) => {
      thoughts += chunk.choices[0]?.delta?.reasoning_content ?? "";
    });
    const answer = await runner.finalChatCompletion();
    answer.usage = await runner.totalUsage();
    if (thoughts) answer.choices[0].message.reasoning_content = thoughts;
    return answer;
  }

  async loop(model, text, stream) {
    const messages = [{ role: "user", content: text }];
    const tools = TOOLS.map((tool) => ({ type: "function", function: tool }));
    const first = await this.create(model, messages, stream, { tools });
    const { role, content, tool_calls } = first.choices[0].message;
    messages.push({ role, content, tool_calls });
    for (const call of tool_calls) {
      const result = RESULTS[call.function.name];
      messages.push({ role: "tool", tool_call_id: call.id, content: result });
    }
    return [said(first), said(await this.create(model, messages, stream, { tools }))];
  }

  async embed(model, input) {
    const { data, usage } = await this.sdk.embeddings.create({ model, input });
    const told = usage.total_tokens ? [usage.prompt_tokens, 0, usage.total_tokens] : null;
    return [data.map((item) => item.embedding), told];
  }
}

const said = ({ choices: [{ message, finish_reason }], usage, model }) => {
  const calls = (message.tool_calls ?? []).map((call) => [
    call.function.name,
    JSON.parse(call.function.arguments),
  ]);
  assert.equal(finish_reason, calls.length ? "tool_calls" : "stop");
  return {
    text: message.content ?? "",
    thoughts: message.reasoning_content ?? "",
    calls,
    model,
    usage: [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
  };
};

class Messages {
  tooMany = Anthropic.RateLimitError;
  silent = [];
  sdk = new Anthropic({ baseURL: GATEWAY_URL, apiKey: KEY, maxRetries: 0 });

  async ask(model, text, { stream, picture, schema, thinks }) {
    const source = { type: "base64", media_type: "image/png", data: picture };
    const content = picture ? [{ type: "image", source }, { type: "text", text }] : text;
    return told(
      await this.create(model, [{ role: "user", content }], stream, {
        ...(schema && { output_config: { format: { type: "json_schema", schema } } }),
        ...(thinks && { thinking: { type: "enabled", budget_tokens: 1024 } }),
      }),
    );
  }

  async create(model, messages, stream, options) {
    const asked = { model, system: SYSTEM, messages, max_tokens: 4096, ...options };
    if (!stream) return this.sdk.messages.create(asked);
    return this.sdk.messages.stream(asked).finalMessage();
  }

  async loop(model, text, stream) {
    const messages = [{ role: "user", content: text }];
    const tools = TOOLS.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters }));
    const first = await this.create(model, messages, stream, { tools });
    const results = first.content
      .filter((block) => block.type === "tool_use")
      .map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }));
    messages.push({ role: "assistant", content: first.content });
    messages.push({ role: "user", content: results });
    return [told(first), told(await this.create(model, messages, stream, { tools }))];
  }

  async count(model, text) {
    const messages = [{ role: "user", content: text }];
    return (await this.sdk.messages.countTokens({ model, messages })).input_tokens;
  }
}

const told = ({ content, stop_reason, usage, model }) => {
  const of = (type) => content.filter((block) => block.type === type);
  const calls = of("tool_use").map((block) => [block.name, block.input]);
  assert.equal(stop_reason, calls.length ? "tool_use" : "end_turn");
  const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
  const prompt = usage.input_tokens + cached;
  return {
    text: of("text").map((block) => block.text).join(""),
    thoughts: of("thinking").map((block) => block.thinking).join(""),
    calls,
    model,
    usage: [prompt, usage.output_tokens, prompt + usage.output_tokens],
  };
};

const all = [];

async function story(client, model) {
  const check = (answer, { text = "", calls = [], thoughts = "" }) => {
    const { usage, ...rest } = answer;
    assert.deepEqual(rest, { text, thoughts, calls, model });
    all.push(usage);
  };
  const ask = (scenario, options) => client.ask(model, `scenario: ${scenario}`, options);
  const thoughts = client.silent.includes(model) ? "" : THOUGHTS;

  for (const stream of [false, true]) {
    check(await ask("text", { stream }), { text: TEXT });
    const [first, second] = await client.loop(model, "scenario: tools", stream);
    check(first, { calls: CALLS });
    check(second, { text: "It is sunny in Paris at noon." });
    check(await ask("thinking", { stream, thinks: true }), { text: "It is 42.", thoughts });
    const failed = await ask("error", { stream }).then(
      () => assert.fail("an error was expected"),
      (error) => error,
    );
    assert.ok(failed instanceof client.tooMany, `${failed}`);
    assert.match(failed.message, /wants a rest/);
    all.push([0, 0, 0]);
  }
  check(await ask("picture", { picture: PICTURE }), { text: "A single pixel." });
  const { text, usage } = await ask("schema", { schema: SCHEMA });
  assert.deepEqual(JSON.parse(text), { city: "Paris", population: 2100000 });
  all.push(usage);
  // Anthropic has no vectors.
  if (client.embed && model !== "anthropic") {
    for (const input of [["one", "two"], "three"]) {
      const [vectors, usage] = await client.embed(model, input);
      assert.deepEqual(vectors, Array(input === "three" ? 1 : 2).fill([0.5, -0.25, 1]));
      all.push(usage);
    }
  }
  if (client.count) {
    const count = await client.count(model, "Hello there, how are you?");
    assert.ok(count >= 1 && count <= 20, `${count}`);
  }
}

for (const client of [new Chat(), new Messages()]) {
  for (const model of MODELS) {
    try {
      await story(client, model);
    } catch (error) {
      console.error(`--- ${client.constructor.name} to ${model}`);
      throw error;
    }
  }
}
console.log(JSON.stringify(all));
