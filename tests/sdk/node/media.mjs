// The official Node client: images, speech, transcripts and moderations.
//
// Prints what each call is to be billed for, as [call type, units, nano-dollars].

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// NODE_PATH is not read for `import`, so the package is found as `require` would.
const require = createRequire(join(process.env.NODE_PATH, "_"));
const { OpenAI, toFile } = require("openai");

const { BASE_URL, KEY } = process.env;
const sdk = new OpenAI({ baseURL: BASE_URL, apiKey: KEY, maxRetries: 0 });
const expected = [];
const bill = (call, nanos, units = {}) => expected.push([call, units, nanos]);

const picture = () => toFile(Buffer.from("\x89PNG a picture", "latin1"), "a.png", { type: "image/png" });
const sound = (seconds = 3) => {
  const head = Buffer.alloc(44);
  head.write("RIFF\0\0\0\0WAVEfmt ", 0, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(16_000, 24);
  head.writeUInt32LE(32_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(32_000 * seconds, 40);
  return toFile(Buffer.concat([head, Buffer.alloc(32_000 * seconds)]), "a.wav");
};

const made = await sdk.images.generate({ model: "picture", prompt: "a cat" });
assert.equal(made.data.length, 1);
bill("aimage_generation", 9 * 5_000 + 272 * 40_000, { images: 1, image_output_tokens: 272 });

const edited = await sdk.images.edit({ image: await picture(), model: "picture", prompt: "a dog" });
assert.equal(edited.data.length, 1);
bill("aimage_edit", 9 * 5_000 + 40 * 10_000 + 272 * 40_000, {
  images: 1,
  image_input_tokens: 40,
  image_output_tokens: 272,
});

const spoken = await sdk.audio.speech.create({ model: "voice", voice: "alloy", input: "Grüße" });
assert.equal((await spoken.arrayBuffer()).byteLength, 131_072);
bill("aspeech", 5 * 15_000, { characters: 5 });

// The file comes before the model here.
const heard = await sdk.audio.transcriptions.create({ file: await sound(), model: "whisper" });
assert.equal(heard.text, "Hello");
bill("atranscription", 5_000 * 100, { audio_ms: 5_000 });

const long = await sdk.audio.translations.create({ model: "whisper", file: await sound(60) });
assert.equal(long.text, "Hello");
bill("atranscription", 60_000 * 100, { audio_ms: 60_000 });

const judged = await sdk.moderations.create({ input: "hello" });
assert.equal(judged.model, "omni-moderation-latest");
bill("amoderation", 0);

console.log(JSON.stringify(expected));
