// node page_camera.mjs camera.mjs data.json pictures.bin: the counts of every picture, one after the other, on stdout
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , script, data, pictures] = process.argv, { Camera } = await import(pathToFileURL(script));
const { scene, arrays, steps, cells, numbers, bin, centred } = JSON.parse(readFileSync(data)), all = readFileSync(pictures);
const floats = (text) => new Float64Array(new Uint8Array(Buffer.from(text, "base64")).buffer);
const camera = new Camera({ ...scene, ...Object.fromEntries(Object.entries(arrays).map(([k, v]) => [k, floats(v)])) });
numbers.forEach((number, n) => {
  const counts = camera.counts(camera.record(all.subarray(n * camera.side ** 2, (n + 1) * camera.side ** 2), number), steps, ...cells, bin, centred);
  for (let at = 0; at < counts.length; ) at += writeSync(1, counts, at);
});
