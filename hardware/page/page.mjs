/* The page: draw, watch, teach, recognise. DATA, which make.py writes above, holds the library, the model and the camera. */
import { Camera } from "./camera.mjs";
import { Edge } from "../c/minisnn_edge.mjs";
import { Pen, raster, normal } from "./pen.mjs";
import { MARK, Memory, linked, read, unlinked, written } from "./memory.mjs";
import { evidence, fired, mosaic } from "./views.mjs";
import { Webcam, between, inked } from "./webcam.mjs";

const at = (id) => document.getElementById(id), bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const numbers = (text) => new Float64Array(bytes(text).buffer);
const COLOURS = ["#0a94ff", "#d60304", "#0a9864", "#8560c2", "#b28f00", "#22708d", "#ec47f2", "#86604f", "#8791a1", "#a901f4", "#fb5570", "#c72694"];      // told apart by the colour-blind, too
const MOST = 250, STEPS = DATA.steps, REFUSE = DATA.refuse;
const LONG = STEPS * DATA.bin, SLOWER = Math.min(10, 1.2e6 / LONG);                      // us that the network sees; they are shown in 1.2 s
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const camera = new Camera({ ...DATA.scene, ...Object.fromEntries(Object.entries(DATA.arrays).map(([k, v]) => [k, numbers(v)])) });
const wasm = bytes(DATA.wasm), model = bytes(DATA.model);
const LIFTED = 500, PAUSE = 1700;             // ms after the pen is lifted: the drawing is shown; what is drawn later is another one
const DOT = 0.03;                                                  // of the paper's side: no symbol
const hash = (text) => { let h = 7; for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0; return h >>> 0; };
const STORE = `minisnn.page.${hash(DATA.model)}`;
const STATE = `${STORE}.state`;
const SLICE = 12;                                                  // ms of computing after which the page may breathe
const LEAST = 50;                                                  // events of a scene in which there is something to see
const eye = new Webcam(at("eye"), camera.side);
let net, memory, rule = "class-mean", strokes = [], seen = null, tests = [], earlier = [], recordings = 0, turn = 0, waiting = 0, told = false, ended = -1e9, busy = false, keeps = true, watching = false, ahead = null, preparing = 0;
let clicked = [-1e9, -1e9];                                        // where on the page
let chips = new WeakMap(), cards = new WeakMap(), shots = new WeakMap();                 // of classes and of lessons: what stands on the page

/* ---- the network */

async function build() {
  stop();
  const words = new DataView(model.buffer), refuse = words.getInt32(4 * (3 + DATA.learner + REFUSE), true);
  DATA.learners[rule].forEach((n, i) => words.setInt32(4 * (3 + DATA.learner + i), n, true));
  words.setInt32(4 * (3 + DATA.learner + REFUSE), refuse, true);
  busy = true;
  net = await Edge.create(wasm, model, { steps: STEPS, classes: MOST }).finally(() => { busy = false; });
  const old = memory;
  memory = new Memory(net, function* (one) { return counted(yield* recording(one.picture, one.number)); });
  if (old) [memory.classes, memory.lessons] = [old.classes, old.lessons];
}

const breath = () => new Promise((next) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); next(); };
  port2.postMessage(0);
});

const patience = () => {                                           // lets the page breathe, and says how far it is
  let last = performance.now();
  return async (done, all) => {
    if (performance.now() - last < SLICE) return;
    if (all > 1) say(`Learning ${done} of ${all} …`);
    await breath();
    last = performance.now();
  };
};

/* What is known becomes this; what was known can be had back. A class without a lesson goes. */
async function change(classes, lessons, said, { undo = true } = {}) {
  if (busy) return;
  busy = true;
  at("known").setAttribute("aria-busy", "true");
  stop();
  if (seen) seen.rest = null;                                      // it is looked at again
  const { classes: were, lessons: had } = memory, pause = patience();
  let before = net.byMeans ? null : memory.columns(), touched;
  if (undo) earlier.push([were, had]);
  const used = new Set(lessons.map(({ of }) => of));
  memory.lessons = lessons;
  memory.classes = classes.filter((one) => used.has(one));
  tests = tests.filter(({ truth, found }) => used.has(truth) && (!found || used.has(found)));
  try {
    touched = memory.touched();
    before ??= memory.columns(touched);
    await memory.settle(STEPS, pause);
    if (seen) for (const _ of watched(seen)) await pause();
  } finally {
    busy = false;
    at("known").removeAttribute("aria-busy");
  }
  const after = memory.columns(touched), all = memory.classes.length * net.traces().length;
  let changed = 0;
  for (const [one, column] of after) column.forEach((w, i) => { changed += w !== (before.get(one)?.[i] ?? 0); });
  if (!touched.size) say(said);
  else say(`${said} ${changed.toLocaleString("en")} of ${all.toLocaleString("en")} synapses were written.`);
  remember();
  showLesson(false);
  if (seen) {
    judge();
    turn++;
    draw(1e9, seen.events.length ? seen.events[0].t : 0, 1000 * (camera.places.length / 2 - 1));
    tell();
  } else if (strokes.length && pen.down === false) soon();   // drawn meanwhile
  relist(after);
  refresh();
}

function say(text) { at("written").textContent = text; }

function remember() {                                              // in this browser; one that keeps nothing is told of, and no reason to stop
  try {
    if (memory.lessons.length) localStorage.setItem(STORE, saved());
    else for (const name of [STORE, STATE]) localStorage.removeItem(name);
    keeps = true;
  } catch { keeps = false; }
  const warning = " This browser keeps nothing: save what was taught before you leave.";
  if (!keeps && memory.lessons.length && !at("written").textContent.endsWith(warning)) at("written").append(warning);
}

function leave() {                                                 // so that who comes back need not wait while all is learned again
  if (busy || !net.byMeans || !memory.lessons.length) return;
  try { localStorage.setItem(STATE, JSON.stringify({ of: hash(saved()), ...memory.state() })); } catch {}
}

/* ---- seeing */

const counted = (events) => camera.counts(events, STEPS, net.height, net.width, DATA.bin, DATA.centred);

const points = () => strokes.reduce((sum, one) => sum + one.length, 0);

/* Events of a picture, piece by piece. */
function* recording(picture, number) {
  const view = camera.view(picture);
  yield;
  return yield* camera.looking(() => view, number);
}

/* A recording of what is on the paper, piece by piece, or null of a dot. */
function* scene() {
  const size = [0, 1].map((axis) => strokes.flat().map((p) => p[axis]).reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [1, 0])).map(([low, high]) => high - low);
  if (Math.max(...size) < DOT) return null;
  const picture = raster(normal(strokes, DATA.pen), DATA.pen, camera.side), number = recordings, events = yield* recording(picture, number);
  return { picture, number, events, counts: counted(events) };
}

/* The camera looks at the strokes, piece by piece; `found` is what it saw. */
function looking() {
  const one = { points: points(), found: null };
  one.camera = (function* () { one.found = yield* scene(); })();
  return one;
}

/* It looks as soon as the pen is lifted, a little at a time, so that the pen may come back meanwhile; then the network does, and need
   not be awaited: it goes on while one watches. */
async function prepare() {
  const mine = stop();
  await breath();
  if (mine !== preparing || busy || eye.open || !strokes.length) return;
  const one = looking();
  ahead = one;
  await slices(one.camera, mine);
  if (mine === preparing && one.found) slices((one.found.rest = watched(one.found)), mine);
}

async function warm() {                                            // the browser compiles, before the first drawing waits for it
  const picture = new Uint8Array(camera.side ** 2).map((_, i) => (i % camera.side === 9 ? 255 : 0));
  await slices(memory.presenting({ picture, number: 0 }, STEPS), stop());
}

async function slices(work, mine) {                                // until something else is prepared
  let last = performance.now();
  while (!work.next().done) {
    if (performance.now() - last < SLICE) continue;
    await breath();
    if (mine !== preparing) return;
    last = performance.now();
  }
}

function stop() {                                                  // whatever is being prepared; the number of the next one
  ahead = null;
  return ++preparing;
}

function soon() {                                            // shown, unless the pen comes back
  clearTimeout(waiting);
  const prepared = prepare(), mine = preparing;
  waiting = setTimeout(async () => {
    await prepared;
    if (mine === preparing) look();
  }, LIFTED);
}

/* The camera looks at what is on the paper, and the network begins to; whether there is anything to see. */
function see() {
  clearTimeout(waiting);
  if (!strokes.length || busy || eye.open) return false;
  const one = ahead?.points === points() ? ahead : looking();
  while (!one.camera.next().done);                                // what is left of it
  const mine = stop();
  if (!one.found) {
    at("answer").replaceChildren("That is only a dot.", small("Draw a symbol, as large as you like."));
    return false;
  }
  seen = one.found;
  recordings++;
  slices((seen.rest ??= watched(seen)), mine);
  return true;
}

/* What the network has not yet done of what is seen; then it is judged. */
function finish() {
  if (!seen?.rest) return;
  while (!seen.rest.next().done);
  seen.rest = null;
  judge();
}

function look(asked = false) {
  if (!see()) return;
  if (asked) {                                                     // whoever asks has finished the drawing
    ended = -1e9;
    finish();
  }
  show("h-watch");
  play(SLOWER);
}

/* What is before the camera of this device, for as long as the event camera looks. */
async function watch() {
  if (watching || busy) return;
  watching = true;
  clear();
  const answer = at("answer"), last = camera.places.length / 2 - 1, number = recordings++;
  answer.textContent = "Looking …";
  refresh();
  const frames = await eye.frames(last), pictures = frames.length > 1 ? inked(frames) : null;
  watching = false;
  if (!eye.open || busy) {
    answer.textContent = "Draw a symbol.";
    return refresh();
  }
  const events = pictures ? camera.events(between(pictures, (picture) => camera.view(picture)), number) : [];
  if (events.length < LEAST) {
    answer.replaceChildren("There is no symbol before the camera.", small("Hold a dark one on bright paper into the square, as large as half of it."));
    return refresh();
  }
  seen = { picture: traced(events), number, events, counts: counted(events), live: true };
  for (const _ of watched(seen));
  judge();
  show("h-watch");
  play(SLOWER);
}

/* Where the camera's pixels reported anything, as a drawing of its own: what is kept of a scene. */
function traced(events) {
  const { side, sensor } = camera, often = new Uint16Array(side * side), rim = (sensor[0] - side) / 2;
  for (const { x, y } of events) if (x >= rim && x < side + rim && y >= rim && y < side + rim) often[(y - rim) * side + x - rim]++;
  const most = Math.max(...often);
  return Uint8Array.from(often, (n) => (4 * n > most ? 255 : 0));
}

/* On a phone, where panels stand under each other, the one that matters comes into view. */
function show(id) {
  if (innerWidth < 672) at(id).scrollIntoView({ behavior: still() ? "auto" : "smooth" });
}

function* watched(one) {                                         // what the network does with a recording, in every step so far
  const places = memory.places(), u = [], spikes = net.layers.map(() => []), total = net.layers.map(() => 0), totals = net.layers.map(() => []);
  const sums = net.layers.map((shape) => new Float64Array(shape.reduce((a, b) => a * b)));
  Object.assign(one, { u, spikes, sums, totals });
  for (const t of memory.presenting(one, STEPS)) {
    if (net.byMeans) u.push(away(places).map((x) => -x / 2));
    else {
      const scores = net.scores();
      u.push(places.map((k) => scores[k] / 1024));
    }
    spikes.forEach((steps, n) => {
      const now = t % (net.lasts ?? 1) ? new Uint8Array(steps[0].length) : net.spikes(n);
      for (let i = 0; i < now.length; i++) {
        total[n] += now[i];
        sums[n][i] += now[i];
      }
      steps.push(now);
      totals[n].push(total[n]);
    });
    yield t;
  }
  const scores = net.scores();
  one.scores = places.map((k) => scores[k]);
}

function judge() {                                                // what the network says of what was seen last
  const { classes } = memory, places = memory.places(), { u } = seen;
  Object.assign(seen, { found: -1, near: -1, far: [], why: null });
  if (!classes.length) return;
  seen.near = u.at(-1).indexOf(Math.max(...u.at(-1)));
  seen.found = net.byMeans && net.label < 0 ? -1 : seen.near;
  seen.far = away(places);
  if (classes.length < 2) return;
  const last = u.at(-1), order = last.map((_, k) => k).sort((a, b) => last[b] - last[a]), [a, b] = order.map((k) => net.column(places[k]));
  seen.why = { other: order[1], shares: evidence(net.traces(), a, b, net.byMeans, net.layers.at(-1)[2]) };
}

function away(places) {                                          // how far what was given last is from every class
  if (!net.byMeans) return [];
  const all = net.distances();
  return places.map((k) => all[k] / 65536);
}

function play(slower) {
  const mine = ++turn, first = seen.events.length ? seen.events[0].t : 0, end = 1000 * (camera.places.length / 2 - 1);
  at("answer").setAttribute("aria-busy", "true");
  at("answer").textContent = "Watching …";
  at("replay").disabled = false;
  const began = performance.now();
  told = false;
  let drawn = -1;
  const frame = (now) => {
    if (mine !== turn) return;
    const t = slower && !still() ? Math.min(first - 20000 + ((now - began) * 1000) / slower, end) : end;
    const telling = !told && t >= Math.min(first + LONG, end) && !!seen.scores && !busy;
    if (telling) finish();
    if (telling || t !== drawn) draw((drawn = t), first, end);
    if (telling) {
      tell();
      show("h-answer");
    }
    if (t < end || !told) requestAnimationFrame(frame);            // the network may be slower than its pictures
  };
  frame(began);
}

/* ---- pictures */

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const known = new Map(), ramps = new Map();                        // of this colour scheme
const hex = (text) => text.match(/[0-9a-f]{2}/gi).slice(0, 3).map((h) => parseInt(h, 16));
const rgb = (name) => {
  if (!known.has(name)) known.set(name, hex(css(name)));
  return known.get(name);
};

/* shade(x): the colour at x, 0 to 1, on the way from [r, g, b] to another, as a word of an image's memory. */
function ramp(from, to) {
  const key = `${from}:${to}`;
  if (!ramps.has(key)) {
    const words = new Uint32Array(256), rgba = new Uint8ClampedArray(words.buffer);
    for (let n = 0; n < 256; n++) rgba.set([...from.map((c, k) => c + ((to[k] - c) * n) / 255), 255], 4 * n);
    ramps.set(key, (x) => words[Math.round(255 * Math.min(1, x))]);
  }
  return ramps.get(key);
}

function pixels(canvas, width, height, colour) {                  // colour(i): a word of `ramp`
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const image = new ImageData(width, height), words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i++) words[i] = colour(i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function draw(t, first, end) {                                    // the moment t (us) of the recording
  const [up, down] = ["--on", "--off"].map((name) => ramp(rgb("--screen"), rgb(name))), [height, width] = camera.sensor, glow = new Float64Array(height * width);
  const whole = t >= end;
  for (const e of seen.events) {
    if (e.t > t) break;
    const place = e.y * width + e.x, fresh = whole ? 0.3 : Math.exp((e.t - t) / 9000);
    if (whole || fresh > 0.02) glow[place] = Math.max(-1, Math.min(1, (whole ? glow[place] : 0) + (e.p ? fresh : -fresh)));
  }
  const mix = (x) => (x > 0 ? up(x) : down(-x));
  pixels(at("sensor"), width, height, (i) => mix(glow[i]));
  const step = Math.floor((t - first) / DATA.bin), n = net.height * net.width, sum = new Float64Array(n);
  for (let s = whole ? 0 : step - 5; s <= Math.min(whole ? STEPS - 1 : step, STEPS - 1); s++)
    for (let i = 0; s >= 0 && i < n; i++) sum[i] += (seen.counts[2 * (s * n + i) + 1] - seen.counts[2 * (s * n + i)]) * (whole ? 0.2 : 0.5);
  pixels(at("input"), net.width, net.height, (i) => mix(sum[i]));
  layers(step, whole);
  at("seen").style.left = `${(100 * first) / end}%`;
  at("seen").style.width = `${(100 * Math.max(0, Math.min(t - first, LONG))) / end}%`;
  at("hand").style.left = `${(99 * Math.max(t, 0)) / end}%`;
  membranes(Math.max(0, Math.min(step + 1, STEPS)));
}

/* Every neuron of every layer is a pixel, in the tile of its channel; it glows for a while. */
function layers(step, whole) {
  net.layers.forEach((shape, n) => {
    const { spikes, sums, totals } = seen ?? {}, sum = !seen ? [] : whole ? sums[n] : fired(spikes[n], step - 4, step), most = Math.max(...sum, 1);
    const [canvas, caption] = at("layers").children[n].children;
    tiles(canvas, shape, (i) => (sum[i] ?? 0) / most);
    caption.textContent = `layer ${n + 1}: ${(totals?.[n][Math.min(step, totals[n].length - 1)] ?? 0).toLocaleString("en")} spikes`;
  });
}

function tiles(canvas, shape, bright) {                           // bright(place): 0 to 1
  const { width, height, at: place } = mosaic(shape), [screen, gap, spike] = ["--screen", "--gap", "--spike"].map(rgb), shade = ramp(screen, spike), between = ramp(gap, gap)(0);
  pixels(canvas, width, height, (i) => {
    const k = place(i);
    return k < 0 ? between : shade(bright(k));
  });
}

/* Which places of the drawing speak for the nearest class, and which for the next one, under the drawing. */
function where() {
  const { classes } = memory, { shares, other } = seen.why ?? {}, [rows, columns] = net.layers.at(-1), side = rows * Math.ceil((camera.side + 4) / rows);
  at("where").parentNode.hidden = !shares || rows * columns < 4;
  if (at("where").parentNode.hidden) return;
  const most = Math.max(...shares.map(Math.abs), 1e-9), both = [seen.near, other].map((k) => ramp(rgb("--screen"), hex(colour(classes[k])))), white = ramp([255, 255, 255], [255, 255, 255])(0), rim = Math.floor((side - camera.side) / 2);
  pixels(at("where"), side, side, (i) => {
    const x = i % side, y = Math.floor(i / side), share = shares[Math.floor((y * rows) / side) * columns + Math.floor((x * columns) / side)] / most;
    if (seen.picture[(y - rim) * camera.side + x - rim] && x >= rim && x < rim + camera.side) return white;
    return both[share > 0 ? 0 : 1](Math.abs(share) * 0.9);
  });
  at("for").replaceChildren("Parts that speak for ", named(classes[seen.near]), ", and for ", named(classes[other]), " instead.");
}

function named(one) {
  const found = document.createElement("b");
  found.className = "named";
  found.style.setProperty("--colour", colour(one));
  found.textContent = one.name;
  return found;
}

function showLesson(shown) {                                       // in place of the membranes
  at("lesson").hidden = !shown;
  at("membranes").toggleAttribute("hidden", shown);
}

/* What a class held before the last lesson, and what it holds now, as tiles of the last layer. */
function lesson(one, before, far, after) {
  const now = memory.columns([one]).get(one), most = Math.max(1, ...now.map(Math.abs), ...(before ?? []).map(Math.abs));
  showLesson(!!now);
  if (!now) return;
  for (const [id, column] of [["before", before], ["after", now]]) tiles(at(id), net.layers.at(-1), (i) => Math.abs(column?.[i] ?? 0) / most);
  const said = (x) => (x === undefined ? "" : `; this drawing was ${x.toFixed(1)} away`);
  at("before").nextElementSibling.textContent = before ? `before${said(far)}` : "before: nothing";
  at("after").nextElementSibling.textContent = `after${said(after).replace("was", "is")}`;
}

function membranes(until) {                                       // one line per class, up to a step; of many, those that end highest
  const { classes } = memory, all = seen ? seen.u : [], svg = at("membranes");
  if (seen) until = Math.min(until, all.length);                  // names stand where all steps are known
  const last = all.at(-1) ?? [], order = last.map((u, k) => [u, k]).sort((a, b) => b[0] - a[0]).slice(0, COLOURS.length).map(([, k]) => k);
  const shown = all.flatMap((u) => order.map((k) => u[k])), [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [-1, 0];
  const x = (t) => 4 + (t / STEPS) * 216, y = (u) => 146 - ((u - low) / Math.max(high - low, 0.001)) * 134;
  const places = order.map((k) => y(last[k]));
  for (let n = 1; n < places.length; n++) places[n] = Math.max(places[n], places[n - 1] + 12);         // names apart
  const over = Math.max(0, (places.at(-1) ?? 0) - 150);
  const line = (k) => `<path d="M${all.slice(0, until).map((u, t) => `${x(t).toFixed(1)} ${y(u[k]).toFixed(1)}`).join("L")}" stroke="${colour(classes[k])}" stroke-opacity="${k === seen.near ? 1 : 0.7}"/>`;
  svg.innerHTML = `<path class="axis" d="M4 8V150H220"/><text x="4" y="164">0</text><text x="220" y="164" text-anchor="end">${LONG / 1000} ms</text>` +
    (all.length && until ? order.map(line).join("") : `<text x="112" y="80" text-anchor="middle">the membrane of each class, in time</text>`) +
    (until >= STEPS ? order.map((k, n) => `<rect x="226" y="${(places[n] - 5 - over).toFixed(1)}" width="8" height="8" rx="2" fill="${colour(classes[k])}"/><text class="name" x="238" y="${(places[n] + 3 - over).toFixed(1)}" font-weight="${k === seen.near ? 700 : 400}"></text>`).join("") : "");
  [...svg.querySelectorAll(".name")].forEach((text, n) => { text.textContent = classes[order[n]].name.slice(0, 13); });
}

function thumbnail(picture, size = camera.side) {
  const canvas = document.createElement("canvas"), shade = ramp(rgb("--paper"), rgb("--ink"));
  pixels(canvas, size, size, (i) => shade(picture[i] / 255));
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
    const one = classes[seen.near], last = seen.u.at(-1), rest = last.filter((_, k) => k !== seen.near), gap = rest.length ? last[seen.near] - Math.max(...rest) : 0;
    if (seen.found < 0) answer.append(first(one), "I am not sure.", small(`It is most like ${one.name}, but not enough like it.`));
    else answer.append(first(one), `This is ${one.name}.`, small(rest.length ? `Its membrane ends ${gap.toFixed(2)} above the next one.` : "It is the only one I know: teach me another."));
  }
  const order = seen.far.map((far, k) => [far, k]).sort((a, b) => a[0] - b[0]).slice(0, 3), most = order.at(-1)?.[0] || 1;
  at("why").hidden = !order.length && !seen.why;
  at("near").previousElementSibling.hidden = !order.length;
  showLesson(false);
  where();
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

/* A double click is one; two taps with a scroll between them are at different places of the page. */
const once = (act) => (event) => {
  const twice = event.detail > 1 && Math.hypot(event.pageX - clicked[0], event.pageY - clicked[1]) < 40;
  clicked = [event.pageX, event.pageY];
  if (!twice) act();
};

function button(text, act) {
  const found = document.createElement("button");
  found.textContent = text;
  found.addEventListener("click", once(act));
  return found;
}

function chip(one, picture) {                                     // made again where it changed, so that it keeps the keyboard's focus
  let found = chips.get(one);
  if (found?.picture !== picture) {
    const made = button("", () => choose(one));
    made.className = "chip";
    made.style.setProperty("--colour", colour(one));
    made.append(thumbnail(picture), one.name);
    chips.set(one, { made, picture });
    found = chips.get(one);
  }
  if (found.made.lastChild.data !== one.name) found.made.lastChild.data = one.name;
  return found.made;
}

function arrange(parent, nodes) {                                 // what stays is not touched
  const kept = new Set(nodes);
  for (const one of [...parent.children]) if (!kept.has(one)) one.remove();
  nodes.forEach((one, n) => { if (parent.children[n] !== one) parent.insertBefore(one, parent.children[n] ?? null); });
}

const anew = button("A new symbol", () => choose({ name: free(), colour: hue() })), none = button("None of these", () => choose(null));
const full = small(`There is room for ${MOST} symbols; forget one to teach another.`);

function refresh() {
  const { classes, lessons } = memory, testing = at("testing").checked, ready = (strokes.length > 0 || !!seen) && !busy && ((!testing && !eye.open) || !!seen), firsts = new Map();
  for (const { of, picture } of lessons) if (!firsts.has(of)) firsts.set(of, picture);
  at("h-teach").textContent = testing ? "What was it?" : "Teach it as";
  arrange(at("teach"), [...classes.map((one) => chip(one, firsts.get(one))), testing ? none : classes.length < MOST ? anew : full]);
  for (const one of at("teach").children) one.disabled = !ready;
  anew.classList.toggle("primary", ready && !(seen?.found >= 0));
  for (const id of ["forget", "save", "board", "share"]) at(id).disabled = !lessons.length;
  at("undo").disabled = !earlier.length;
  at("look").disabled = eye.open ? watching || busy : !strokes.length;
  at("clear").disabled = !strokes.length && !seen;
  at("hint").hidden = strokes.length > 0;
  at("eye").hidden = !eye.open;
  at("paper").hidden = eye.open;
  at("camera").setAttribute("aria-pressed", eye.open);
  tally();
}

function relist(columns) {                                        // the cards, of which those with a column here have changed
  const all = new Map();
  for (const lesson of memory.lessons) all.set(lesson.of, [...(all.get(lesson.of) ?? []), lesson]);
  arrange(at("known"), memory.classes.map((one, k) => {
    if (columns.has(one) || !cards.has(one)) cards.set(one, card(one, all.get(one), columns.get(one) ?? memory.columns([one]).get(one)));
    cards.get(one).firstChild.setAttribute("aria-label", `Name of symbol ${k + 1}`);
    label(one, all.get(one));
    return cards.get(one);
  }));
}

function label(one, lessons) {                                    // for a screen reader, by the name that it has now
  cards.get(one).querySelector(".gone").setAttribute("aria-label", `Forget ${one.name}`);
  lessons.forEach((lesson, n) => shots.get(lesson).setAttribute("aria-label", `Forget drawing ${n + 1} of ${one.name}`));
}

function tally() {                                                // rows: what it was; columns: what the network said
  const { classes } = memory, right = tests.filter(({ truth, found }) => truth === found).length, all = [...classes, null];
  at("tally").textContent = tests.length ? `${right} of ${tests.length} tests were right.` : "No tests yet.";
  const table = at("confusion");
  table.hidden = !tests.length;
  table.replaceChildren();
  if (table.hidden) return;
  const row = (cells, head) => {
    const tr = table.insertRow();
    cells.forEach((text, n) => {
      const cell = document.createElement(head || !n ? "th" : "td");
      if (head || !n) cell.scope = head ? "col" : "row";
      else cell.classList.toggle("right", n === tr.rowIndex);
      cell.textContent = text;
      tr.append(cell);
    });
  };
  row(["was \\ said", ...all.map((one) => one?.name ?? "not sure")], true);
  for (const truth of all) row([truth?.name ?? "none of these", ...all.map((found) => tests.filter((one) => one.truth === truth && one.found === found).length || "")]);
}

function shot(lesson) {                                          // a lesson's drawing, as a button that forgets it
  if (shots.has(lesson)) return shots.get(lesson);
  const found = button("", () => change(memory.classes, memory.lessons.filter((other) => other !== lesson), `A drawing of ${lesson.of.name} is forgotten.`));
  found.append(thumbnail(lesson.picture));
  found.title = "Forget this drawing";
  shots.set(lesson, found);
  return found;
}

function card(one, lessons, column) {
  const item = document.createElement("li"), name = document.createElement("input"), drawings = document.createElement("div"), synapses = document.createElement("canvas");
  item.style.setProperty("--colour", colour(one));
  name.value = one.name;
  name.maxLength = 24;
  name.addEventListener("change", () => rename(one, name));
  drawings.className = "drawings";
  drawings.append(...lessons.map(shot));
  const gone = button("Forget", () => change(memory.classes, memory.lessons.filter(({ of }) => of !== one), `${one.name} is forgotten.`));
  gone.className = "gone";
  synapses.className = "synapses";
  const rows = column.length % 4 ? 1 : 4, most = Math.max(1, ...column.map(Math.abs)), [up, down] = ["--on", "--off"].map((to) => ramp(rgb("--ground"), rgb(to)));
  pixels(synapses, column.length / rows, rows, (i) => (column[i] > 0 ? up(column[i] / most) : down(-column[i] / most)));
  synapses.setAttribute("role", "img");
  const used = column.filter((w) => w).length;
  synapses.setAttribute("aria-label", `${used} of ${column.length} synapses are not zero`);
  item.append(name, drawings, synapses, small(`${used} of ${column.length} synapses`), gone);
  return item;
}

/* ---- what one can do */

/* What is on the paper is of this class: a lesson, or where tests are counted, a test. */
async function choose(one) {
  if (busy) return;
  if (at("testing").checked) {
    if (!seen) return;
    finish();
    tests.push({ truth: one, found: memory.classes[seen.found] ?? null });
    say("Counted; nothing was learned.");
    return clear();
  }
  if (!seen && !see()) return;                                    // Teach takes what is on the paper, never what was there
  finish();
  const { classes, lessons } = memory, { picture, number, counts, live, far } = seen, thought = classes[seen.found], held = memory.columns([one]).get(one);
  turn++;                                                         // no more frames of what is taught
  seen = null;
  clear();
  await change(classes.includes(one) ? classes : [...classes, one], [...lessons, { of: one, number, picture, ...(live && { counts, live }) }], "");
  at("answer").removeAttribute("aria-busy");
  const before = thought && thought !== one ? `Before this lesson, it was ${thought.name} to me. ` : "";
  at("answer").replaceChildren(`Learned: ${one.name}.`, small(before + (memory.classes.length < 2 ? "Now draw another symbol." : "Draw one of them again, and see.")));
  at("why").hidden = true;
  lesson(one, held, far[classes.indexOf(one)], away(memory.places([one]))[0]);
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
  label(one, memory.lessons.filter(({ of }) => of === one));
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
  stop();
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
  showLesson(false);
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
async function open(text, said = "Opened.", state = null) {
  const undo = memory.lessons.length > 0;
  let found;
  try { found = read(text, camera.side, Object.keys(DATA.learners), MOST, STEPS * net.cells); }
  catch { say("That is not what this page saves; nothing was changed."); return false; }
  const classes = found.names.map((name, colour) => ({ name, colour })), lessons = found.lessons.map(({ label, number, picture, counts }) => ({ of: classes[label], number, picture, ...(counts && { counts, live: true }) }));
  recordings = lessons.reduce((most, { number }) => Math.max(most, number + 1), recordings);
  if (rule !== found.rule) {
    at("rule").value = rule = found.rule;
    await build();
  }
  if (state?.of === hash(text) && net.byMeans && !undo) try { memory.adopt(classes, lessons, state); } catch { await build(); }
  await change(classes, lessons, said, { undo });
  return true;
}

async function arrive() {                                          // lessons of the last visit, or of a link
  let last = null, state = null;
  try {
    last = localStorage.getItem(STORE);
    state = JSON.parse(localStorage.getItem(STATE));
  } catch {}
  if (last) await open(last, "Welcome back.", state);
  if (memory.lessons.length) at("answer").textContent = "Draw a symbol.";
  await follow();
}

async function follow() {                                          // a link, once nothing is being learned
  while (busy) await breath();
  const { hash } = location;
  if (!hash.startsWith(MARK)) return;
  let text = "";
  try { text = unlinked(hash); } catch {}
  await open(text, memory.lessons.length ? "These lessons came by the link; Undo brings back yours." : "These lessons came by the link.");
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
  stop();
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
    soon();
  },
  enter: () => look(true),
  escape: clear,
});

for (const kind of ["error", "unhandledrejection"])
  addEventListener(kind, ({ error, reason }) => {                  // rather than to watch for ever
    turn++;
    at("answer").removeAttribute("aria-busy");
    at("answer").replaceChildren("This page met a defect.", small(`${(error ?? reason)?.message ?? "It has no name"}. ${keeps ? "Load it again: what was taught is kept." : "Save what was taught, then load it again."}`));
  });
await build();
const on = (id, act) => at(id).addEventListener("click", once(() => { if (!busy) act(); }));
on("look", () => (eye.open ? watch() : look(true)));
on("camera", async () => {                                         // asks for permission, and only here
  clear();
  at("aside").textContent = "";
  if (eye.open) eye.end();
  else {
    try {
      await eye.begin(refresh);
      at("aside").textContent = "Hold a symbol into the square, then show it. No frame leaves this page.";
    } catch (error) { at("aside").textContent = error.message; }
  }
  refresh();
});
addEventListener("pagehide", () => { leave(); eye.end(); refresh(); });
document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); });
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
at("rule").addEventListener("change", async () => {
  if (busy) return void (at("rule").value = rule);
  rule = at("rule").value;
  await build();
  await change(memory.classes, memory.lessons, "Learned anew.", { undo: false });
});
addEventListener("hashchange", follow);
addEventListener("storage", ({ key }) => {                         // null: all was removed
  if (key === STORE || key === null) say("Another tab changed what is kept: load this page again to see it; teaching here replaces it.");
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  known.clear();
  [chips, cards, shots] = [new WeakMap(), new WeakMap(), new WeakMap()];
  pen.show(strokes);
  relist(memory.columns());
  refresh();
});
for (const id of ["sensor", "input"]) pixels(at(id), 16, 16, () => ramp(rgb("--screen"), rgb("--on"))(0));
at("layers").replaceChildren(...net.layers.map(([rows, columns, channels], n) => {
  const figure = document.createElement("figure"), canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Spikes of layer ${n + 1}: ${channels} channels of ${rows} by ${columns} neurons`);
  figure.append(canvas, document.createElement("figcaption"));
  return figure;
}));
layers(-1, false);
membranes(0);
refresh();
globalThis.minisnn = { camera, eye, get net() { return net; }, get seen() { return seen; }, get classes() { return memory.classes; }, get lessons() { return memory.lessons; }, get tests() { return tests; }, get strokes() { return strokes; }, saved, open };
await arrive();
document.documentElement.dataset.ready = "yes";
if (!strokes.length && !busy) warm();
