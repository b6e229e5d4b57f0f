/* The page: draw, watch, teach, recognise. DATA, which make.py writes above, holds the library, the model and the camera. */
import { Camera } from "./camera.mjs";
import { Edge } from "../c/minisnn_edge.mjs";
import { Pen, raster, normal } from "./pen.mjs";

const at = (id) => document.getElementById(id), bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const numbers = (text) => new Float64Array(bytes(text).buffer);
const COLOURS = ["#2f6fe0", "#d9480f", "#0f9d6b", "#b5338a", "#b7860b", "#0b8fa8", "#7a4fd0", "#c22f3d", "#5d7a1f", "#8a5a3c", "#56789a", "#a05bbf"];
const MOST = COLOURS.length, STEPS = DATA.steps, SLOWER = 10;     // a second of the page is 100 ms of the camera
const LONG = STEPS * DATA.bin;                                     // us that the network sees
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const camera = new Camera({ ...DATA.scene, ...Object.fromEntries(Object.entries(DATA.arrays).map(([k, v]) => [k, numbers(v)])) });
const wasm = bytes(DATA.wasm), model = bytes(DATA.model);
let net, rule = "class-mean", strokes = [], seen = null, classes = [], lessons = [], recordings = 0, turn = 0, waiting = 0;

/* ---- the network: what was taught is learned anew, from the first lesson on, so that every lesson counts the same */

async function build() {
  const words = new DataView(model.buffer);
  DATA.learners[rule].forEach((n, i) => words.setInt32(4 * (3 + DATA.learner + i), n, true));
  net = await Edge.create(wasm, model, { steps: STEPS, classes: MOST });
}

function relearn() {
  const columns = () => { const of = Array.from({ length: net.classes }, (_, k) => net.column(k)); return (i, k) => of[k]?.[i] ?? 0; };
  const before = columns();
  net.forget();
  while (net.classes < classes.length) net.addClass();
  for (const { counts, label } of lessons) { net.recording(counts, STEPS); net.learn(label); }
  if (lessons.length) net.update();
  const after = columns(), inputs = net.c.inputs();
  let written = 0;
  for (let i = 0; i < inputs; i++) for (let k = 0; k < Math.max(classes.length, 1); k++) written += before(i, k) !== after(i, k);
  return { written, of: inputs * Math.max(classes.length, 1), column: (k) => Array.from({ length: inputs }, (_, i) => after(i, k)) };
}

/* ---- seeing */

const counted = (events) => camera.counts(events, STEPS, net.height, net.width, DATA.bin, DATA.centred);

function look() {
  clearTimeout(waiting);
  if (!strokes.length) return;
  const picture = raster(normal(strokes, DATA.pen), DATA.pen, camera.side), number = recordings++;
  const events = camera.record(picture, number), counts = counted(events);
  seen = { picture, number, events, counts };
  judge();
  show("h-watch");
  play(SLOWER);
}

/* On a phone, where panels stand under each other, the one that matters comes into view. */
function show(id) {
  if (innerWidth < 672) at(id).scrollIntoView({ behavior: still() ? "auto" : "smooth" });
}

function judge() {                                               // what the network says of what was seen last
  const u = [];
  seen.scores = classes.length ? Array.from(net.recording(seen.counts, STEPS, (scores) => u.push(scores))) : [];
  seen.u = u;
  seen.found = classes.length ? net.label : -1;                  // ids are places: classes are added anew with the lessons
}

function play(slower) {
  const mine = ++turn, first = seen.events.length ? seen.events[0].t : 0, end = 1000 * (camera.places.length / 2 - 1);
  at("answer").setAttribute("aria-busy", "true");
  at("answer").textContent = "Watching …";
  at("replay").disabled = false;
  const began = performance.now();
  let told = false;
  const frame = (now) => {
    if (mine !== turn) return;
    const t = slower && !still() ? Math.min(first - 20000 + ((now - began) * 1000) / slower, end) : end;
    draw(t, first, end);
    if (!told && t >= Math.min(first + LONG, end)) { told = true; tell(); }
    if (t < end) requestAnimationFrame(frame);
  };
  frame(began);
}

/* ---- pictures */

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (name) => css(name).match(/[0-9a-f]{2}/gi).slice(0, 3).map((h) => parseInt(h, 16));

function pixels(canvas, width, height, colour) {                  // colour(i): [r, g, b]
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([...colour(i), 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function draw(t, first, end) {                                    // the moment t (us) of the recording
  const on = rgb("--on"), off = rgb("--off"), screen = rgb("--screen"), [height, width] = camera.sensor, glow = new Float64Array(height * width);
  const whole = t >= end;
  for (const e of seen.events) {
    if (e.t > t) break;
    const place = e.y * width + e.x, fresh = whole ? 0.3 : Math.exp((e.t - t) / 9000);
    if (whole || fresh > 0.02) glow[place] = Math.max(-1, Math.min(1, (whole ? glow[place] : 0) + (e.p ? fresh : -fresh)));
  }
  const mix = (x) => screen.map((c, k) => c + ((x > 0 ? on : off)[k] - c) * Math.min(1, Math.abs(x)));
  pixels(at("sensor"), width, height, (i) => mix(glow[i]));
  const step = Math.floor((t - first) / DATA.bin), n = net.height * net.width, sum = new Float64Array(n);
  for (let s = whole ? 0 : step - 5; s <= Math.min(whole ? STEPS - 1 : step, STEPS - 1); s++)
    for (let i = 0; s >= 0 && i < n; i++) sum[i] += (seen.counts[2 * (s * n + i) + 1] - seen.counts[2 * (s * n + i)]) * (whole ? 0.2 : 0.5);
  pixels(at("input"), net.width, net.height, (i) => mix(sum[i]));
  at("seen").style.left = `${(100 * first) / end}%`;
  at("seen").style.width = `${(100 * Math.max(0, Math.min(t - first, LONG))) / end}%`;
  at("hand").style.left = `${(99 * Math.max(t, 0)) / end}%`;
  membranes(Math.max(0, Math.min(step + 1, STEPS)));
}

function membranes(until) {                                       // one line a class, up to a step
  const all = seen ? seen.u : [], svg = at("membranes"), [low, high] = all.length ? [Math.min(...all.flatMap((u) => [...u])), Math.max(...all.flatMap((u) => [...u]))] : [-1, 0];
  const x = (t) => 4 + (t / STEPS) * 240, y = (u) => 146 - ((u - low) / Math.max(high - low, 1)) * 134;
  const order = (seen?.scores ?? []).map((u, k) => [y(u), k]).sort((a, b) => a[0] - b[0]);
  let last = -99;
  for (const place of order) last = place[0] = Math.max(place[0], last + 12);      // names apart
  const over = Math.max(0, last - 150);
  const line = (k) => `<path d="M${all.slice(0, until).map((u, t) => `${x(t).toFixed(1)} ${y(u[k]).toFixed(1)}`).join("L")}" stroke="${COLOURS[k]}" stroke-opacity="${k === seen.found ? 1 : 0.6}"/>`;
  svg.innerHTML = `<path class="axis" d="M4 8V150H244"/><text x="4" y="164">0</text><text x="244" y="164" text-anchor="end">${LONG / 1000} ms</text>` +
    (all.length && until ? classes.map((_, k) => line(k)).join("") : `<text x="124" y="80" text-anchor="middle">the membrane of each class, in time</text>`) +
    (until >= STEPS ? order.map(([place, k]) => `<text x="250" y="${(place + 3 - over).toFixed(1)}" style="fill:${COLOURS[k]};font-weight:${k === seen.found ? 700 : 400}"></text>`).join("") : "");
  [...svg.querySelectorAll("text[style]")].forEach((text, n) => { text.textContent = classes[order[n][1]].name.slice(0, 11); });
}

function thumbnail(picture, size = camera.side) {
  const canvas = document.createElement("canvas"), ink = rgb("--ink"), paper = rgb("--paper");
  pixels(canvas, size, size, (i) => paper.map((c, k) => c + ((ink[k] - c) * picture[i]) / 255));
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

const first = (k) => thumbnail(lessons.find(({ label }) => label === k).picture);

/* ---- words */

function tell() {
  at("answer").removeAttribute("aria-busy");
  const answer = at("answer");
  answer.textContent = "";
  if (seen.found < 0) answer.append("I have not seen this before.", small("Teach it below, then draw it again."));
  else {
    const name = classes[seen.found].name, rest = seen.scores.filter((_, k) => k !== seen.found), gap = rest.length ? seen.scores[seen.found] - Math.max(...rest) : 0;
    answer.append(first(seen.found), `This is ${name}.`, small(rest.length ? `Its membrane ends ${(gap / 1024).toFixed(2)} above the next one.` : "It is the only one I know: teach me another."));
  }
  at("events").textContent = `${seen.events.length.toLocaleString("en")} events in ${camera.places.length / 2 - 1} ms; the network sees ${seen.counts.reduce((a, b) => a + b, 0).toLocaleString("en")} of them in ${LONG / 1000} ms.`;
  refresh();
}

function small(text) { const found = document.createElement("small"); found.textContent = text; return found; }

function button(text, act) {
  const found = document.createElement("button");
  found.textContent = text;
  found.addEventListener("click", act);
  return found;
}

function chip(k) {
  const found = button(classes[k].name, () => teach(k));
  found.className = "chip";
  found.style.setProperty("--colour", COLOURS[k]);
  found.prepend(first(k));
  return found;
}

function refresh(columns) {
  const ready = !!seen;
  at("teach").replaceChildren(...classes.map((_, k) => chip(k)));
  if (classes.length < MOST) at("teach").append(button("A new symbol", () => teach(classes.length)));
  for (const one of at("teach").children) one.disabled = !ready;
  if (ready && classes.length < MOST) at("teach").lastChild.classList.toggle("primary", seen.found < 0);
  for (const id of ["undo", "forget", "save", "board"]) at(id).disabled = !lessons.length;
  at("look").disabled = at("clear").disabled = !strokes.length;
  at("hint").hidden = strokes.length > 0;
  if (columns) at("known").replaceChildren(...classes.map((one, k) => card(one, k, columns(k))));
}

function card(one, k, column) {
  const item = document.createElement("li"), name = document.createElement("input"), drawings = document.createElement("div"), synapses = document.createElement("canvas");
  item.style.setProperty("--colour", COLOURS[k]);
  name.value = one.name;
  name.maxLength = 24;
  name.setAttribute("aria-label", `Name of symbol ${k + 1}`);
  name.addEventListener("change", () => { one.name = name.value.trim() || one.name; refresh(); if (seen) membranes(STEPS); });
  drawings.className = "drawings";
  drawings.append(...lessons.filter(({ label }) => label === k).map(({ picture }) => thumbnail(picture)));
  synapses.className = "synapses";
  const rows = column.length % 4 ? 1 : 4, most = Math.max(1, ...column.map(Math.abs)), [paper, on, off] = ["--ground", "--on", "--off"].map(rgb);
  pixels(synapses, column.length / rows, rows, (i) => paper.map((c, j) => c + ((column[i] > 0 ? on : off)[j] - c) * Math.abs(column[i]) / most));
  synapses.setAttribute("role", "img");
  const used = column.filter((w) => w).length;
  synapses.setAttribute("aria-label", `${used} of ${column.length} synapses are not zero`);
  item.append(name, drawings, synapses, small(`${used} of ${column.length} synapses`));
  return item;
}

/* ---- what one can do */

function teach(label) {
  if (!seen) return;
  if (label === classes.length) classes.push({ name: free() });
  lessons.push({ ...seen, label });
  const { written, of, column } = relearn();
  clear();
  turn++;                                                         // no more frames of what is taught
  seen = null;
  at("answer").textContent = `Learned: ${classes[label].name}.`;
  at("answer").append(small(classes.length < 2 ? "Now draw another symbol." : "Draw one of them again, and see."));
  at("written").textContent = `${written.toLocaleString("en")} of ${of.toLocaleString("en")} synapses were written.`;
  membranes(0);
  refresh(column);
  show("h-draw");
}

const free = () => COLOURS.map((_, k) => `Symbol ${k + 1}`).find((one) => !classes.some(({ name }) => name === one));

function again(said) {                                            // after lessons went or came
  const { written, of, column } = relearn();
  at("written").textContent = `${said} ${written.toLocaleString("en")} of ${of.toLocaleString("en")} synapses were written.`;
  if (seen) { judge(); turn++; draw(1e9, seen.events.length ? seen.events[0].t : 0, 1000 * (camera.places.length / 2 - 1)); tell(); }
  refresh(column);
}

function undo() {
  const { label } = lessons.pop();
  if (!lessons.some((one) => one.label === label)) classes.splice(label, 1);         // classes come in the order of their first lesson
  again("The last lesson is undone.");
}

function clear() {
  clearTimeout(waiting);
  strokes = [];
  pen.show(strokes);
  refresh();
}

function keep(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const saved = () => JSON.stringify({ minisnn: 1, side: camera.side, rule, classes, lessons: lessons.map(({ label, number, picture }) => ({ label, number, picture: [...picture] })) });

async function open(text) {
  let found;
  try {
    found = JSON.parse(text);
    const whole = (x, most) => Number.isInteger(x) && x >= 0 && x <= most, taught = found.lessons.map(({ label }) => label);
    if (found.minisnn !== 1 || found.side !== camera.side || !(found.rule in DATA.learners) || found.classes.length > MOST) throw 0;
    if (!found.classes.every(({ name }, k) => typeof name === "string" && taught.includes(k))) throw 0;
    if (!found.lessons.every((l) => whole(l.label, found.classes.length - 1) && whole(l.number, 1e9) && l.picture.length === camera.side ** 2 && l.picture.every((x) => whole(x, 255)))) throw 0;
  } catch { return void (at("written").textContent = "That file is not one that this page saved; nothing was changed."); }
  classes = found.classes.map(({ name }) => ({ name: name.slice(0, 24) }));
  lessons = found.lessons.map(({ label, number, picture }) => ({ label, number, picture: Uint8Array.from(picture), counts: counted(camera.record(picture, number)) }));
  recordings = 1 + Math.max(-1, ...lessons.map(({ number }) => number));
  at("rule").value = rule = found.rule;
  await build();
  again("Opened.");
}

const pen = new Pen(at("paper"), {
  colour: () => css("--ink"),
  began: () => { clearTimeout(waiting); if (turn && seen) { turn++; } },
  changed: (all, lifted) => { strokes = all; if (lifted || !at("hint").hidden) refresh(); if (lifted) waiting = setTimeout(look, 900); },
  enter: look,
  escape: clear,
});

await build();
at("look").addEventListener("click", look);
at("clear").addEventListener("click", clear);
at("replay").addEventListener("click", () => play(4 * SLOWER));
at("undo").addEventListener("click", undo);
at("forget").addEventListener("click", () => { lessons = []; classes = []; again("Everything is forgotten."); });
at("save").addEventListener("click", () => keep("symbols.json", saved(), "application/json"));
at("board").addEventListener("click", () => keep("learned.bin", net.save(), "application/octet-stream"));
at("open").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", async () => { await open(await at("file").files[0].text()); at("file").value = ""; });
at("rule").addEventListener("change", async () => { rule = at("rule").value; await build(); again("Learned anew."); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { pen.show(strokes); if (lessons.length) again("Learned anew."); });
for (const id of ["sensor", "input"]) pixels(at(id), 16, 16, () => rgb("--screen"));
membranes(0);
refresh(() => []);
globalThis.minisnn = { camera, get net() { return net; }, get seen() { return seen; }, get classes() { return classes; }, get lessons() { return lessons; }, saved, open };
document.documentElement.dataset.ready = "yes";
