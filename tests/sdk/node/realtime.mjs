// The official Node client's Realtime socket through the gateway. Prints what it was told of usage.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// NODE_PATH is not read for `import`, so the package is found as `require` would.
const require = createRequire(join(process.env.NODE_PATH, "_"));
const { OpenAI } = require("openai");
const { OpenAIRealtimeWS } = require("openai/realtime/ws");

const { BASE_URL, KEY, MODEL, PARTING } = process.env;
const client = new OpenAI({ baseURL: BASE_URL, apiKey: KEY });
// The gateway of the tests has a certificate of its own making.
const options = { rejectUnauthorized: false };
const told = [];

function session() {
  const socket = new OpenAIRealtimeWS({ model: MODEL, options }, client);
  return new Promise((resolve, reject) => {
    socket.on("error", (error) => resolve({ error: error.error ?? error }));
    socket.on("session.created", (event) => {
      assert.equal(event.session.model, MODEL);
      say(socket, "hello");
    });
    socket.on("response.done", ({ response }) => {
      const { input_tokens, output_tokens, total_tokens } = response.usage;
      told.push([input_tokens, output_tokens, total_tokens]);
      if (told.length < 2) say(socket, PARTING);
      else if (PARTING !== "close") socket.close();
    });
    socket.socket.on("close", (code) => resolve({ code }));
    socket.socket.on("unexpected-response", (_request, answer) => reject(answer.statusCode));
  });
}

function say(socket, text) {
  const content = [{ type: "input_text", text }];
  socket.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  socket.send({ type: "response.create" });
}

const end = await session();
assert.equal(end.code, PARTING === "close" ? 1001 : 1000, JSON.stringify(end));
console.log(JSON.stringify(told));
