// node wasm.mjs edge.wasm selftest.bin: the episode in WebAssembly, and its processor time a sample
import { readFileSync } from "node:fs";

const [, , module, vectors] = process.argv;
const { instance } = await WebAssembly.instantiate(readFileSync(module));
const edge = instance.exports;
const bytes = readFileSync(vectors);
if (bytes.length > edge.buffer_bytes()) throw new Error(`${vectors} is larger than the buffer`);
new Uint8Array(edge.memory.buffer).set(bytes, edge.buffer());
edge.episode(bytes.length); // once to be compiled
const began = process.cpuUsage();
const wrong = edge.episode(bytes.length);
const took = process.cpuUsage(began).user / 1000;
console.log(`${wrong} numbers differ, crc ${(edge.episode_crc() >>> 0).toString(16).padStart(8, "0")}, ` +
            `${(took / edge.episode_samples()).toFixed(1)} ms a sample, ${readFileSync(module).length} bytes`);
process.exit(wrong ? 1 : 0);
