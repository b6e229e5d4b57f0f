// node edge_many.mjs minisnn_edge.mjs minisnn_edge.wasm < records > numbers: as edge_many.c, in WebAssembly, without the counts
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { Edge } = await import(pathToFileURL(process.argv[2])), wasm = readFileSync(process.argv[3]), all = readFileSync(0);
const found = [];
for (let at = 0; at < all.length; ) {
  const word = () => all.readInt32LE((at += 4) - 4), bytes = (n) => all.subarray(at, (at += n));
  const model = Uint8Array.from(bytes(word()));
  const [steps, classes, window, samples, support, T] = Array.from({ length: 6 }, word), labels = Array.from({ length: support }, word);
  const shape = new Int32Array(model.buffer, 4 * (3 + 38), 3), cells = shape[0] * shape[1] * shape[2], x = bytes(samples * T * cells);
  let net;
  try { net = await Edge.create(wasm, model, { steps, classes, window }); } catch (error) { found.push(error.message.startsWith("the model's") ? 2 : -1); continue; }
  found.push(0);
  while (net.classes < classes) net.addClass();
  for (let n = 0; n < samples; n++) {
    net.recording(x.subarray(n * T * cells, (n + 1) * T * cells), T, (scores) => found.push(...scores));
    if (n < support) net.learn(labels[n]);
    if (n + 1 === support) net.update();
  }
  const columns = Array.from({ length: classes }, (_, k) => net.column(k)), inputs = net.c.inputs();
  if (net.byMeans) for (const column of columns) found.push(...column);
  else for (let i = 0; i < inputs; i++) for (const column of columns) found.push(column[i]);
  for (let k = 0; k < classes && !net.byMeans; k++) found.push(net.c.bias(k));
}
const out = Buffer.from(Int32Array.from(found).buffer);
for (let at = 0; at < out.length; ) at += writeSync(1, out, at);
