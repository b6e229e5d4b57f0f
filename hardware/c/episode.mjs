// node episode.mjs minisnn_edge.wasm model.bin selftest.bin: the episode of selftest.bin (episode.h) in WebAssembly
import { readFileSync } from "node:fs";
import { Edge } from "./minisnn_edge.mjs";

const [wasm, model, test] = process.argv.slice(2).map((name) => readFileSync(name));
const view = new DataView(test.buffer, test.byteOffset, test.length), number = (at) => view.getInt32(at, true);
const [support, query, steps] = [0, 4, 8].map(number), labels = Array.from({ length: support }, (_, n) => number(12 + 4 * n));
const net = await Edge.create(wasm, model, { steps });
const ways = new DataView(model.buffer, model.byteOffset).getInt32(4 * (3 + 12), true), inputs = net.c.inputs(), samples = [];
let at = 12 + 4 * support, crc = ~0, compared = 0, wrong = 0;

for (let n = 0; n < support + query; n++) {
  const counts = new Uint8Array(steps * net.cells), perStep = Array.from({ length: steps }, (_, t) => view.getUint16(at + 2 * t, true));
  at += 2 * steps;
  perStep.forEach((events, t) => {
    for (; events; events--, at += 3) counts[((t * net.height + test[at + 1]) * net.width + test[at]) * net.channels + test[at + 2]]++;
  });
  samples.push(counts);
}
const expect = (x) => { compared++; wrong += x !== number(at); at += 4; };
const sum = (x) => {
  for (let n = 0; n < 4; n++, x >>= 8)
    for (let k = (crc ^= x & 255, 0); k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
};
const present = (counts) => net.recording(counts, steps, (scores) => scores.forEach(expect)).forEach(sum);

if (net.byMeans) for (let k = 0; k < ways; k++) net.addClass();
const untaught = net.save();
net.recording(samples[0], steps); // once, to be compiled
net.load(untaught); // and as if it had not been: the noise of traces starts again
const began = process.cpuUsage();
samples.slice(0, support).forEach(net.byMeans ? (counts) => net.recording(counts, steps) : present);
labels.forEach((label, n) => { net.recording(samples[n], steps); net.learn(label); });
net.update();
const columns = Array.from({ length: ways }, (_, k) => net.column(k)), both = (x) => { expect(x); sum(x); };
if (net.byMeans) columns.forEach((column) => column.forEach(both));
else for (let i = 0; i < inputs; i++) columns.forEach((column) => both(column[i]));
for (let k = 0; k < ways && !net.byMeans; k++) both(net.c.bias(k));
samples.slice(support).forEach(present);
const took = process.cpuUsage(began).user / 1000 / (2 * support + query);
console.log(`${wrong} of ${compared} numbers differ, crc ${(~crc >>> 0).toString(16).padStart(8, "0")}, ` +
            `${took.toFixed(1)} ms a sample, ${wasm.length + model.length} bytes`);
process.exit(wrong || at !== test.length ? 1 : 0);
