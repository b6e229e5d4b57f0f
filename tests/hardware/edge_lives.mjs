// node edge_lives.mjs minisnn_edge.mjs minisnn_edge.wasm < record > numbers: as edge_lives.c, in WebAssembly
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { Edge } = await import(pathToFileURL(process.argv[2])), module = await WebAssembly.compile(readFileSync(process.argv[3])), all = readFileSync(0);
let at = 0;
const word = () => all.readInt32LE((at += 4) - 4), bytes = (n) => all.subarray(at, (at += n)), found = [];
const model = Uint8Array.from(bytes(word()));
const [steps, classes, room, samples] = Array.from({ length: 4 }, word), residuals = model[4 * (3 + 31)];
const open = () => Edge.create(module, model, { steps, classes });
let net = await open();
const x = bytes(samples * steps * net.cells);
at += -x.length & 3;
const crc = (content) => {
  let x = ~0;
  for (const byte of content) { x ^= byte; for (let k = 0; k < 8; k++) x = (x >>> 1) ^ (x & 1 ? 0xedb88320 : 0); }
  return ~x;
};
const slot = (k) => new Uint8Array(net.c.memory.buffer, net.c.slot(k), room);
const tell = () => {
  const known = net.known(), inputs = net.c.inputs();
  found.push(known.length);
  known.forEach(({ id, shots, slack }, place) => {
    const mean = net.column(place);
    found.push(id, shots, slack | 0, ...(residuals ? Array.from(net.residual(place), (r, i) => 256 * mean[i] + r) : mean));
  });
};
for (let lives = word(); lives; lives--) {
  let kept = [new Uint8Array(room).fill(255), new Uint8Array(room).fill(255)];
  const power = async () => { net = await open(); net.c.slots(room); kept.forEach((content, k) => slot(k).set(content)); };
  await power();
  for (let n = word(); n; n--) {
    const [what, a, b, shown] = Array.from({ length: 4 }, word);
    if (shown >= 0) {
      net.start();
      for (let t = 0; t < steps; t++) net.step(x.subarray((shown * steps + t) * net.cells, (shown * steps + t + 1) * net.cells));
    }
    if (what === 0) { const error = net.c.add_class(); found.push(error, error ? 0 : net.c.label()); }
    else if (what === 1) found.push(net.c.learn(a));
    else if (what === 2) found.push(net.c.correct(a, b));
    else if (what === 3) found.push(net.c.remove_class(a));
    else if (what === 4) found.push(net.c.forget());
    else if (what === 5) {
      const error = net.c.read();
      found.push(error);
      if (error) continue;
      const scores = net.scores(), far = net.distances();
      found.push(net.label, net.classes);
      scores.forEach((score, k) => found.push(score, far[k] | 0));
      continue;
    } else if (what === 6) {
      const saved = net.save();
      await power();
      net.load(saved);
      found.push(0, crc(saved));
    } else if (what === 7) {
      let error = net.c.save_to();
      const now = [0, 1].map((k) => slot(k).slice()), to = now[0].some((byte, i) => byte !== kept[0][i]) ? 0 : 1;
      if (a >= 0 && a < net.c.saved_bytes()) now[to].fill(255, a), now[to][a] = b, error = 12;
      kept = now;
      found.push(error);
      continue;
    } else { await power(); const error = net.c.load_from(); found.push(error, error ? 0 : net.c.label()); }
    tell();
  }
}
const out = Buffer.from(Int32Array.from(found).buffer);
for (let done = 0; done < out.length; ) done += writeSync(1, out, done);
