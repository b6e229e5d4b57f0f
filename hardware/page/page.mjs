/* The page: draw, watch, teach, recognise. DATA, which make.py writes above, holds the library, the model and the camera. */
import { Camera } from "./camera.mjs";
import { Edge } from "../c/minisnn_edge.mjs";
import { Pen, raster, normal } from "./pen.mjs";
import { MARK, Memory, linked, read, unlinked, written } from "./memory.mjs";

const at = (id) => document.getElementById(id), bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const numbers = (text) => new Float64Array(bytes(text).buffer);
const COLOURS = ["#2f6fe0", "#d9480f", "#0f9d6b", "#b5338a", "#b7860b", "#0b8fa8", "#7a4fd0", "#c22f3d", "#5d7a1f", "#946244", "#56789a", "#a05bbf"];
const MOST = 250, STEPS = DATA.steps, SLOWER = 10;     // a second of the page is 100 ms of the camera
const LONG = STEPS * DATA.bin, REFUSE = DATA.refuse;                                     // us that the network sees
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const camera = new Camera({ ...DATA.scene, ...Object.fromEntries(Object.entries(DATA.arrays).map(([k, v]) => [k, numbers(v)])) });
const wasm = bytes(DATA.wasm), model = bytes(DATA.model);
const LIFTED = 500, PAUSE = 1700;             // ms after the pen is lifted: the drawing is shown; what is drawn later is another one
const DOT = 0.03;                                                  // of the paper's side: no symbol
const STORE = `minisnn.page.${[...DATA.model].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) | 0, 7) >>> 0}`;
let net, memory, rule = "class-mean", strokes = [], seen = null, tests = [], earlier = [], recordings = 0, turn = 0, waiting = 0, told = false, ended = -1e9, busy = false;

/* ---- the network */

async function build() {
  const words = new DataView(model.buffer), refuse = words.getInt32(4 * (3 + DATA.learner + REFUSE), true);
  DATA.learners[rule].forEach((n, i) => words.setInt32(4 * (3 + DATA.learner + i), n, true));
  words.setInt32(4 * (3 + DATA.learner + REFUSE), refuse, true);
  net = await Edge.create(wasm, model, { steps: STEPS, classes: MOST });
  const old = memory;
  memory = new Memory(net);
  if (old) [memory.classes, memory.lessons] = [old.classes, old.lessons];
}

const patience = () => {                                           // lets the page breathe, and says how far it is
  let last = performance.now();
  return async (done, all) => {
    if (performance.now() - last < 50) return;
    say(`Learning ${done} of ${all} …`);
    await new Promise((next) => setTimeout(next));
    last = performance.now();
  };
};

/* What is known becomes this; what was known can be had back. A class without a lesson goes. */
async function change(classes, lessons, said, { undo = true } = {}) {
  if (busy) return;
  busy = true;
  const { classes: were, lessons: had } = memory, before = memory.columns();
  if (undo) earlier.push([were, had]);
  const used = new Set(lessons.map(({ of }) => of));
  memory.lessons = lessons;
  memory.classes = classes.filter((one) => used.has(one));
  tests = tests.filter(({ truth, found }) => used.has(truth) && (!found || used.has(found)));
  try { await memory.settle(STEPS, patience()); } finally { busy = false; }
  const after = memory.columns();
  let changed = 0, all = 0;
  for (const [one, column] of after) column.forEach((w, i) => { all++; changed += w !== (before.get(one)?.[i] ?? 0); });
  say(`${said} ${changed.toLocaleString("en")} of ${all.toLocaleString("en")} synapses were written.`);
  remember();
  if (seen) {
    judge();
    turn++;
    draw(1e9, seen.events.length ? seen.events[0].t : 0, 1000 * (camera.places.length / 2 - 1));
    tell();
  }
  refresh(after);
}

function say(text) { at("written").textContent = text; }

function remember() {                                              // in this browser; one that keeps nothing is no reason to stop
  try {
    if (memory.lessons.length) localStorage.setItem(STORE, saved());
    else localStorage.removeItem(STORE);
  } catch {}
}

/* ---- seeing */

const counted = (events) => camera.counts(events, STEPS, net.height, net.width, DATA.bin, DATA.centred);

/* The camera and the network look at what lies on the paper; whether there is anything to see. */
function see() {
  clearTimeout(waiting);
  if (!strokes.length || busy) return false;
  const points = strokes.flat(), size = Math.max(...[0, 1].map((axis) => Math.max(...points.map((p) => p[axis])) - Math.min(...points.map((p) => p[axis]))));
  if (size < DOT) {
    at("answer").replaceChildren("That is only a dot.", small("Draw a symbol, as large as you like."));
    return false;
  }
  const picture = raster(normal(strokes, DATA.pen), DATA.pen, camera.side), number = recordings++;
  const events = camera.record(picture, number), counts = counted(events);
  seen = { picture, number, events, counts };
  judge();
  return true;
}

function look(asked = false) {
  if (!see()) return;
  if (asked) ended = -1e9;                                         // whoever asks has finished the drawing
  show("h-watch");
  play(SLOWER);
}

/* On a phone, where panels stand under each other, the one that matters comes into view. */
function show(id) {
  if (innerWidth < 672) at(id).scrollIntoView({ behavior: still() ? "auto" : "smooth" });
}

function judge() {                                               // what the network says of what was seen last
  const { classes } = memory, places = memory.places(), u = [];
  Object.assign(seen, { u, scores: [], found: -1, near: -1, far: [] });
  if (!classes.length) return;
  memory.give(seen.counts, STEPS, (scores) => u.push(places.map((k) => scores[k])));
  seen.scores = [...u.at(-1)];
  seen.near = seen.scores.indexOf(Math.max(...seen.scores));
  seen.found = net.byMeans && net.label < 0 ? -1 : seen.near;
  if (net.byMeans) { const all = net.distances(); seen.far = places.map((k) => all[k] / 65536); }
}

function play(slower) {
  const mine = ++turn, first = seen.events.length ? seen.events[0].t : 0, end = 1000 * (camera.places.length / 2 - 1);
  at("answer").setAttribute("aria-busy", "true");
  at("answer").textContent = "Watching …";
  at("replay").disabled = false;
  const began = performance.now();
  told = false;
  const frame = (now) => {
    if (mine !== turn) return;
    const t = slower && !still() ? Math.min(first - 20000 + ((now - began) * 1000) / slower, end) : end;
    draw(t, first, end);
    if (!told && t >= Math.min(first + LONG, end)) tell();
    if (t < end) requestAnimationFrame(frame);
  };
  frame(began);
}

/* ---- pictures */

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const known = new Map();                                           // of this colour scheme
const rgb = (name) => {
  if (!known.has(name)) known.set(name, css(name).match(/[0-9a-f]{2}/gi).slice(0, 3).map((h) => parseInt(h, 16)));
  return known.get(name);
};

function pixels(canvas, width, height, colour) {                  // colour(i): [r, g, b]
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const found = colour(i);
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = found[k];
    image.data[4 * i + 3] = 255;
  }
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

function membranes(until) {                                       // one line a class, up to a step; of many, those that end highest
  const { classes } = memory, all = seen ? seen.u : [], svg = at("membranes");
  const order = (seen?.scores ?? []).map((u, k) => [u, k]).sort((a, b) => b[0] - a[0]).slice(0, COLOURS.length).map(([, k]) => k);
  const shown = all.flatMap((u) => order.map((k) => u[k])), [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [-1, 0];
  const x = (t) => 4 + (t / STEPS) * 216, y = (u) => 146 - ((u - low) / Math.max(high - low, 1)) * 134;
  const places = order.map((k) => y(seen.scores[k]));
  for (let n = 1; n < places.length; n++) places[n] = Math.max(places[n], places[n - 1] + 12);         // names apart
  const over = Math.max(0, (places.at(-1) ?? 0) - 150);
  const line = (k) => `<path d="M${all.slice(0, until).map((u, t) => `${x(t).toFixed(1)} ${y(u[k]).toFixed(1)}`).join("L")}" stroke="${colour(classes[k])}" stroke-opacity="${k === seen.near ? 1 : 0.7}"/>`;
  svg.innerHTML = `<path class="axis" d="M4 8V150H220"/><text x="4" y="164">0</text><text x="220" y="164" text-anchor="end">${LONG / 1000} ms</text>` +
    (all.length && until ? order.map(line).join("") : `<text x="112" y="80" text-anchor="middle">the membrane of each class, in time</text>`) +
    (until >= STEPS ? order.map((k, n) => `<rect x="226" y="${(places[n] - 5 - over).toFixed(1)}" width="8" height="8" rx="2" fill="${colour(classes[k])}"/><text class="name" x="238" y="${(places[n] + 3 - over).toFixed(1)}" font-weight="${k === seen.near ? 700 : 400}"></text>`).join("") : "");
  [...svg.querySelectorAll(".name")].forEach((text, n) => { text.textContent = classes[order[n]].name.slice(0, 13); });
}

function thumbnail(picture, size = camera.side) {
  const canvas = document.createElement("canvas"), ink = rgb("--ink"), paper = rgb("--paper");
  pixels(canvas, size, size, (i) => paper.map((c, k) => c + ((ink[k] - c) * picture[i]) / 255));
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

const first = (one) => thumbnail(memory.lessons.find(({ of }) => of === one).picture);
const colour = (one) => COLOURS[one.colour % COLOURS.length];

/* ---- words */

function tell() {
  const { classes } = memory, answer = at("answer");
  answer.removeAttribute("aria-busy");
  answer.textContent = "";
  told = true;
  if (seen.near < 0) answer.append("I have not seen this before.", small("Teach it below, then draw it again."));
  else {
    const one = classes[seen.near], rest = seen.scores.filter((_, k) => k !== seen.near), gap = rest.length ? seen.scores[seen.near] - Math.max(...rest) : 0;
    if (seen.found < 0) answer.append(first(one), "I am not sure.", small(`The nearest that I know is ${one.name}, but it lies too far away.`));
    else answer.append(first(one), `This is ${one.name}.`, small(rest.length ? `Its membrane ends ${(gap / 1024).toFixed(2)} above the next one.` : "It is the only one I know: teach me another."));
  }
  const order = seen.far.map((far, k) => [far, k]).sort((a, b) => a[0] - b[0]).slice(0, 3), most = order.at(-1)?.[0] || 1;
  at("why").hidden = !order.length;
  at("near").replaceChildren(...order.map(([far, k]) => {
    const item = document.createElement("li"), bar = document.createElement("b");
    item.style.setProperty("--colour", colour(classes[k]));
    bar.style.width = `${(60 * far) / most}%`;
    item.append(`${classes[k].name}: ${far.toFixed(1)} away`, bar);
    return item;
  }));
  at("events").textContent = `${seen.events.length.toLocaleString("en")} events in ${camera.places.length / 2 - 1} ms; the network sees ${seen.counts.reduce((a, b) => a + b, 0).toLocaleString("en")} of them in ${LONG / 1000} ms.`;
  refresh();
}

function small(text) { const found = document.createElement("small"); found.textContent = text; return found; }

function button(text, act) {
  const found = document.createElement("button");
  found.textContent = text;
  found.addEventListener("click", (event) => { if (event.detail < 2) act(); });       // a double click is one
  return found;
}

function chip(one) {
  const found = button(one.name, () => choose(one));
  found.className = "chip";
  found.style.setProperty("--colour", colour(one));
  found.prepend(first(one));
  return found;
}

function refresh(columns) {
  const { classes, lessons } = memory, testing = at("testing").checked, ready = strokes.length > 0 && !busy && (!testing || !!seen);
  at("h-teach").textContent = testing ? "What was it?" : "Teach it as";
  at("teach").replaceChildren(...classes.map(chip));
  if (testing) at("teach").append(button("None of these", () => choose(null)));
  else if (classes.length < MOST) at("teach").append(button("A new symbol", () => choose({ name: free(), colour: hue() })));
  else at("teach").append(small(`There is room for ${MOST} symbols; forget one to teach another.`));
  for (const one of at("teach").querySelectorAll("button")) one.disabled = !ready;
  if (!testing) at("teach").lastChild.classList.toggle("primary", ready && !(seen?.found >= 0));
  for (const id of ["forget", "save", "board", "share"]) at(id).disabled = !lessons.length;
  at("undo").disabled = !earlier.length;
  at("look").disabled = at("clear").disabled = !strokes.length;
  at("hint").hidden = strokes.length > 0;
  tally();
  if (columns) at("known").replaceChildren(...classes.map((one, k) => card(one, k, columns.get(one))));
}

function tally() {                                                // rows: what it was; columns: what the network said
  const { classes } = memory, right = tests.filter(({ truth, found }) => truth === found).length, all = [...classes, null];
  at("tally").textContent = tests.length ? `${right} of ${tests.length} tests were right.` : "No tests yet.";
  const table = at("confusion");
  table.hidden = !tests.length;
  table.replaceChildren();
  const row = (cells, head) => { const tr = table.insertRow(); cells.forEach((text, n) => { const cell = document.createElement(head || !n ? "th" : "td"); if (head || !n) cell.scope = head ? "col" : "row"; cell.textContent = text; tr.append(cell); }); };
  row(["was \\ said", ...all.map((one) => one?.name ?? "not sure")], true);
  for (const truth of all) row([truth?.name ?? "none of these", ...all.map((found) => tests.filter((one) => one.truth === truth && one.found === found).length || "")]);
}

function card(one, k, column) {
  const item = document.createElement("li"), name = document.createElement("input"), drawings = document.createElement("div"), synapses = document.createElement("canvas");
  item.style.setProperty("--colour", colour(one));
  name.value = one.name;
  name.maxLength = 24;
  name.setAttribute("aria-label", `Name of symbol ${k + 1}`);
  name.addEventListener("change", () => rename(one, name));
  drawings.className = "drawings";
  drawings.append(...memory.lessons.filter(({ of }) => of === one).map((lesson, n) => {
    const found = button("", () => change(memory.classes, memory.lessons.filter((other) => other !== lesson), `A drawing of ${one.name} is forgotten.`));
    found.append(thumbnail(lesson.picture));
    found.title = "Forget this drawing";
    found.setAttribute("aria-label", `Forget drawing ${n + 1} of ${one.name}`);
    return found;
  }));
  const gone = button("Forget", () => change(memory.classes, memory.lessons.filter(({ of }) => of !== one), `${one.name} is forgotten.`));
  gone.className = "gone";
  gone.setAttribute("aria-label", `Forget ${one.name}`);
  synapses.className = "synapses";
  const rows = column.length % 4 ? 1 : 4, most = Math.max(1, ...column.map(Math.abs)), [paper, on, off] = ["--ground", "--on", "--off"].map(rgb);
  pixels(synapses, column.length / rows, rows, (i) => paper.map((c, j) => c + ((column[i] > 0 ? on : off)[j] - c) * Math.abs(column[i]) / most));
  synapses.setAttribute("role", "img");
  const used = column.filter((w) => w).length;
  synapses.setAttribute("aria-label", `${used} of ${column.length} synapses are not zero`);
  item.append(name, drawings, synapses, small(`${used} of ${column.length} synapses`), gone);
  return item;
}

/* ---- what one can do */

/* What lies on the paper is of this class: a lesson, or where tests are counted, a test. */
async function choose(one) {
  if (busy) return;
  if (at("testing").checked) {
    if (!seen) return;
    tests.push({ truth: one, found: memory.classes[seen.found] ?? null });
    say("Counted; nothing was learned.");
    return clear();
  }
  if (!seen && !see()) return;                                    // Teach takes what is on the paper, never what was there
  const { classes, lessons } = memory, { picture, number, counts } = seen, thought = classes[seen.found];
  turn++;                                                         // no more frames of what is taught
  seen = null;
  clear();
  await change(classes.includes(one) ? classes : [...classes, one], [...lessons, { of: one, number, picture, counts }], "");
  at("answer").removeAttribute("aria-busy");
  const before = thought && thought !== one ? `Before this lesson, it was ${thought.name} to me. ` : "";
  at("answer").replaceChildren(`Learned: ${one.name}.`, small(before + (memory.classes.length < 2 ? "Now draw another symbol." : "Draw one of them again, and see.")));
  at("why").hidden = true;
  membranes(0);
  show("h-draw");
}

const unused = (taken) => { let k = 0; while (taken(k)) k++; return k; };
const free = () => `Symbol ${1 + unused((k) => memory.classes.some(({ name }) => same(name, `Symbol ${k + 1}`)))}`;
const hue = () => unused((k) => memory.classes.some(({ colour }) => colour === k));
const same = (a, b) => a.trim().toLowerCase() === b.trim().toLowerCase();

function rename(one, field) {
  const name = field.value.trim(), other = memory.classes.find((two) => two !== one && same(two.name, name));
  field.value = name && !other ? (one.name = name) : one.name;
  if (other) {
    say(`Another symbol is called ${other.name}; two need different names. `);
    at("written").append(button("Make them one", () => change(memory.classes, memory.lessons.map((lesson) => (lesson.of === one ? { ...lesson, of: other } : lesson)), `They are one now: ${other.name}.`)));
    return;
  }
  remember();
  refresh();
  if (seen) membranes(STEPS);
}

async function undo() {
  const found = earlier.pop();
  if (found) await change(...found, "The last change is undone.", { undo: false });
}

function clear() {
  clearTimeout(waiting);
  if (seen || at("answer").hasAttribute("aria-busy")) {
    at("answer").removeAttribute("aria-busy");
    at("answer").replaceChildren("Draw a symbol.");
  }
  turn++;
  seen = null;
  told = false;
  strokes = [];
  pen.show(strokes);
  at("why").hidden = true;
  at("replay").disabled = true;
  refresh();
}

function keep(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const saved = () => written(memory, camera.side, rule);

/* Whether the text was one; what was known before can be had back by an undo. */
async function open(text, said = "Opened.") {
  let found;
  try { found = read(text, camera.side, Object.keys(DATA.learners), MOST); }
  catch { say("That is not what this page saves; nothing was changed."); return false; }
  const classes = found.names.map((name, colour) => ({ name, colour })), lessons = [], pause = patience();
  for (const { label, number, picture } of found.lessons) {
    lessons.push({ of: classes[label], number, picture, counts: counted(camera.record(picture, number)) });
    await pause(lessons.length, found.lessons.length);
  }
  recordings = Math.max(recordings, ...lessons.map(({ number }) => number + 1));
  if (rule !== found.rule) {
    at("rule").value = rule = found.rule;
    await build();
  }
  await change(classes, lessons, said, { undo: memory.lessons.length > 0 });
  return true;
}

async function arrive() {                                          // lessons of a link, or those of the last visit
  const hash = location.hash;
  let last = null;
  try { last = localStorage.getItem(STORE); } catch {}
  if (last) await open(last, "Welcome back.");
  if (memory.lessons.length) at("answer").textContent = "Draw a symbol.";
  if (!hash.startsWith(MARK)) return;
  let text = "";
  try { text = unlinked(hash); } catch {}
  await open(text, "These lessons came by the link.");
  history.replaceState(null, "", location.pathname + location.search);               // a reload keeps what is taught from here on
}

async function share() {
  const link = location.href.split("#")[0] + linked(saved());
  at("link").hidden = false;
  at("link").value = link;
  at("link").select();
  try {
    await navigator.clipboard.writeText(link);
    say("The link is copied; it holds all lessons.");
  } catch { say("This link holds all lessons: copy it."); }
}

function began() {                                                // after an answer, another drawing
  clearTimeout(waiting);
  const anew = told && performance.now() - ended > PAUSE;
  turn++;
  at("answer").removeAttribute("aria-busy");
  if (anew) clear();
  else if (seen) at("answer").textContent = "Drawing …";
  seen = null;
}

const pen = new Pen(at("paper"), {
  colour: () => css("--ink"),
  began,
  changed: (all, lifted) => {
    strokes = all;
    if (lifted || !at("hint").hidden) refresh();
    if (!lifted) return;
    ended = performance.now();
    clearTimeout(waiting);
    waiting = setTimeout(look, LIFTED);
  },
  enter: () => look(true),
  escape: clear,
});

await build();
const on = (id, act) => at(id).addEventListener("click", (event) => { if (event.detail < 2 && !busy) act(); });
on("look", () => look(true));
on("clear", clear);
on("replay", () => play(4 * SLOWER));
on("undo", undo);
on("forget", () => change([], [], "Everything is forgotten."));
on("save", () => keep("symbols.json", saved(), "application/json"));
on("board", () => keep("learned.bin", net.save(), "application/octet-stream"));
on("open", () => at("file").click());
on("share", share);
on("screen", () => {
  const wide = document.documentElement.classList.toggle("projector");
  at("screen").setAttribute("aria-pressed", wide);
  if (wide) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
});
at("testing").addEventListener("change", () => refresh());
at("file").addEventListener("change", async () => { await open(await at("file").files[0].text()); at("file").value = ""; });
at("rule").addEventListener("change", async () => { rule = at("rule").value; await build(); await change(memory.classes, memory.lessons, "Learned anew.", { undo: false }); });
addEventListener("hashchange", arrive);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { known.clear(); pen.show(strokes); if (memory.lessons.length) refresh(memory.columns()); });
for (const id of ["sensor", "input"]) pixels(at(id), 16, 16, () => rgb("--screen"));
membranes(0);
refresh(new Map());
globalThis.minisnn = { camera, get net() { return net; }, get seen() { return seen; }, get classes() { return memory.classes; }, get lessons() { return memory.lessons; }, get tests() { return tests; }, get strokes() { return strokes; }, saved, open };
await arrive();
document.documentElement.dataset.ready = "yes";
