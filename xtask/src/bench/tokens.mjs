// Prints how many megabytes a second of CPU time the example counts, in the best of a few runs.
import { readFileSync } from 'node:fs';

// What `core/examples/tokens_speed.rs` counts in each run.
const MEGABYTES = 16;

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
let best = 0;
for (let run = 0; run < 6; run++) {
  const before = process.cpuUsage();
  instance.exports.main(0, 0);
  const { user, system } = process.cpuUsage(before);
  best = Math.max(best, (MEGABYTES * 1e6) / (user + system));
}
console.log(best.toFixed(1));
