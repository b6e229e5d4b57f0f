// One network unrolled in time, walked up and down: a graph with numbers in it. What a lesson draws is in unrolledN.js, which stands in place of the line "graph".
// A node is a quantity, an arrow a term of a line. value = sum of factor * from, unless the node has a rule of its own.
const WAYS = {
  up: ["Spikes climb", "#D55E00"], dots: ["Dots under lines", "#009E73"], blame: ["Blame descends", "#0072B2"],
  moves: ["How blame moves", "#A8559B"], first: ["FOMAML's blame", "#009E73"],
};
const SUB = "₀₁₂₃₄₅₆₇₈₉", DOT = "\u0307", nodes = [], arrows = [], at = {};
const kappa = 4, alpha = 0.7, beta = 0.5, gamma = 0.65, rho = 1, threshold = 0;
const slope = a => 1 / (kappa * Math.abs(a) + 1) ** 2, bend = a => -2 * kappa * Math.sign(a) / (kappa * Math.abs(a) + 1) ** 3;
function node(letter, t, x, y, more = {}) {  // more: value (a number or a rule), line, rest, adjoint, dot, seed
  const one = {key: letter + t, letter, sub: SUB[t] ?? "", x, y, into: [], out: [], ...more};
  at[one.key] = one; nodes.push(one); return one;
}
function arrow(from, to, symbol, factor, more = {}) {  // more: dot, the motion of the factor; symbolDot; cut, FOMAML's
  const one = {from: at[from], to: at[to], symbol, factor: () => typeof factor === "number" ? factor : factor(), ...more};
  one.from.out.push(one); one.to.into.push(one); arrows.push(one);
}
function spike(u, s) {  // s = step(u - threshold), with the slope on loan
  const a = `(${at[u].letter}${at[u].sub} − u<sub>th</sub>)`;
  Object.assign(at[s], {value: () => at[u].up >= threshold ? 1 : 0, line: `Θ${a}`});
  arrow(u, s, `σ′${a}`, () => slope(at[u].up - threshold), {symbolDot: () => `σ″${a} ${named(at[u], "dots")}`, dot: () => bend(at[u].up - threshold) * at[u].dots});
}
const trace = (from, to, T, weight = "", w = 1, w_dot = 0) => {  // the two filters of a synapse as one: the response after k steps
  for (let t = 0; t < T; t++) for (let k = 2; t + k < T; k++) {
    let sum = 0; for (let i = 0; i < k - 1; i++) sum += alpha ** i * beta ** (k - 2 - i);
    const h = (1 - alpha) * (1 - beta) * sum;
    arrow(from + t, to + (t + k), `${weight ? weight + " " : ""}h${SUB[k]}`, w * h, w_dot ? {dot: () => w_dot * h, symbolDot: () => `${weight}${DOT} h${SUB[k]}`} : {});
  }
};
const reset = (s, u, T) => {  // r = gamma r + (1 - gamma) s, and u = ... - rho r, as one
  for (let t = 0; t < T; t++) for (let k = 1; t + k < T; k++) arrow(s + t, u + (t + k), `−ρ (1 − γ)${k > 1 ? ` γ${k > 2 ? "²³⁴"[k - 3] : ""}` : ""}`, -rho * (1 - gamma) * gamma ** (k - 1));
};
const rows = (T, x0, dx, lines) => { for (let t = 0; t < T; t++) for (const [letter, y, more, shift] of lines) node(letter, t, x0 + t * dx + (shift ?? 0), y, typeof more === "function" ? more(t) : more); };
const last = (u, t, x, y, line) => { node("L", "", x, y, {line, adjoint: "dL", seed: 1}); arrow(u + t, "L", "", 1); };
/* graph */

// Four walks: value, tangent, adjoint, and the adjoint's tangent.
const order = [], seen = new Set(), visit = one => { if (!seen.has(one)) { seen.add(one); one.into.forEach(e => visit(e.from)); order.push(one); } };
nodes.forEach(visit);
const sum = (list, f) => list.reduce((total, one) => total + f(one), 0);
for (const one of order) one.up = typeof one.value === "function" ? one.value() : one.value ?? sum(one.into, e => e.factor() * e.from.up) + (one.add ?? 0);
for (const one of order) one.dots = one.dot ?? sum(one.into, e => e.factor() * e.from.dots + (e.dot && !one.value ? e.dot() * e.from.up : 0));
for (const one of [...order].reverse()) {
  one.blame = (one.seed ?? 0) + sum(one.out, e => e.factor() * e.to.blame);
  one.first = (one.seed ?? 0) + sum(one.out, e => e.cut ? 0 : e.factor() * e.to.first);
  one.moves = sum(one.out, e => e.factor() * e.to.moves + (e.dot ? e.dot() * e.to.blame : 0));
}

// What is said of an arrow: the line it stands in, its own term marked, and the term's number.
const down = way => ["blame", "first", "moves"].includes(way);
function named(one, way) {
  const adjoint = one.adjoint ?? `d${one.letter}${one.sub}`;
  return down(way) ? way === "moves" ? adjoint.replace(/(.)([¹²³]?)([₀-₉]?)$/, `$1${DOT}$2$3`) : adjoint : way === "dots" ? one.letter.replace(/^(.)/, `$1${DOT}`) + one.sub : one.letter + one.sub;
}
function term(e, way) {
  const other = down(way) ? e.to : e.from, parts = [`${e.symbol ? e.symbol + " " : ""}${named(other, way)}`];
  if (way === "moves" && e.dot) parts.push(`${e.symbolDot()} ${named(other, "blame")}`);
  if (way === "dots" && e.dot && !e.to.value) parts.push(`${e.symbolDot()} ${named(other, "up")}`);
  return parts.join(" + ");
}
function line(e, way, mark) {
  const one = down(way) ? e.from : e.to, signed = (text, k) => text[0] === "−" ? `${k ? " − " : "−"}${text.slice(1).trim()}` : `${k ? " + " : ""}${text}`;
  const head = `${named(one, way)} = `;
  if (!down(way) && way !== "dots" && one.line) return head + mark(one.line);
  const all = (down(way) ? one.out : one.into).filter(o => !(way === "first" && o.cut)), text = all.map((o, k) => { const t = signed(term(o, way), k); return o === e ? mark(t) : t; }).join("");
  return head + text + (way === "up" && one.rest ? ` ${one.rest}` : "");
}
const digits = v => (Math.abs(v) < 0.0005 ? 0 : v).toPrecision(3).replace(/\.?0+$/, "").replace("-", "−");
function number(e, way) {
  const other = down(way) ? e.to : e.from, one = down(way) ? e.from : e.to;
  if (way === "up" && typeof one.value === "function") return `${named(other, way)} is ${digits(other[way])}, so ${named(one, way)} is ${digits(one[way])}.`;
  const more = e.dot && (way === "moves" || way === "dots" && !e.to.value) ? ` + ${digits(e.dot())} × ${digits(way === "moves" ? other.blame : other.up)}` : "", f = e.factor(), first = f * other[way];
  const total = first + (more ? e.dot() * (way === "moves" ? other.blame : other.up) : 0);
  return `This arrow brings ${digits(f)} × ${digits(other[way])}${more} = ${digits(total)}, and in all ${named(one, way)} is ${digits(one[way])}.`;
}
const none = (e, way) => way === "first" && e.cut || Math.abs(e.factor() * (down(way) ? e.to : e.from)[way]) < 1e-12;
function told(e, way) {
  if (way === "first" && e.cut) return [`FOMAML leaves this arrow out: it takes each step's gradient for a constant.`, ""];
  return [line(e, way, text => `<mark>${text}</mark>`), number(e, way)];
}

// The drawing.
const R = 15, n = v => String(Math.round(v * 10) / 10);
function path(e, way) {
  const [from, to] = down(way) ? [e.to, e.from] : [e.from, e.to], t = Math.atan2(to.y - from.y, to.x - from.x), c = Math.cos(t), s = Math.sin(t);
  const at = (r, by) => `${n(r * Math.cos(t + by))} ${n(r * Math.sin(t + by))}`, long = Math.hypot(to.x - from.x, to.y - from.y) - 2 * R - 2;
  return `M${n(from.x + R * c)} ${n(from.y + R * s)}l${at(long, 0)}l${at(-6, 0.5)}m${at(6, 0.5)}l${at(-6, -0.5)}`;
}
const STYLE = `<style>.ms-graph path{fill:none;stroke:currentColor;stroke-width:1.3;opacity:.6;outline:none}.ms-graph circle{stroke:currentColor}.ms-graph .none{opacity:.18}.ms-graph .on{stroke:var(--on);stroke-width:3;opacity:1;stroke-dasharray:7 3;animation:ms-flow .6s linear infinite}.ms-graph .later{opacity:.25}@keyframes ms-flow{to{stroke-dashoffset:-20}}@media(prefers-reduced-motion:reduce){.ms-graph .on{animation:none}}</style>`;
function draw(way) {
  const colour = WAYS[way][1], size = o => Math.abs(o[way]), most = list => Math.max(...list.map(size)) || 1;
  // values fill by the row they stand in; blame fades from row to row, and its root can still be seen
  const full = o => down(way) ? Math.sqrt(Math.min(1, size(o) / most(nodes.filter(p => p.letter !== "L")))) : size(o) / most(nodes.filter(p => p.letter === o.letter));
  const lines = arrows.map((e, k) => `<path${none(e, way) ? ' class="none"' : ""} d="${path(e, way)}"/>`).join("");
  const circles = nodes.map(o => `<g><circle cx="${n(o.x)}" cy="${n(o.y)}" r="${R}" fill="${colour}" fill-opacity="${n(0.8 * Math.min(1, full(o)))}"/><text x="${n(o.x)}" y="${n(o.y + 4.5)}">${named(o, way)}</text></g>`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" class="ms-graph" viewBox="0 0 ${graph.size.join(" ")}" width="${graph.size[0]}" font-family="sans-serif" font-size="13" text-anchor="middle" role="group" fill="currentColor" style="max-width:100%;height:auto"><title>${graph.title}</title>${STYLE}${lines}${circles}</svg>`;
}

// Buttons, pointing, arrow keys, and a walk that plays.
let way = graph.ways[0], chosen = 0, timer = 0;
const bar = root.querySelector(".controls"), place = root.querySelector(".drawing"), said = root.querySelector(".said");
const paths = () => [...place.querySelectorAll("path")], circle = o => place.querySelectorAll("g")[nodes.indexOf(o)];
const light = list => paths().forEach((one, k) => one.classList.toggle("on", list.includes(arrows[k])));
function choose(k, focus) {
  stop(); chosen = k; light([arrows[k]]);
  const [first, second] = told(arrows[k], way);
  said.innerHTML = `<span class="line">${first}</span> ${second}`;
  paths().forEach((one, j) => one.setAttribute("tabindex", j === k ? 0 : -1));
  paths()[k].setAttribute("role", "img"); paths()[k].setAttribute("aria-label", said.textContent);
  if (focus) paths()[k].focus();
}
function stop() { clearInterval(timer); timer = 0; play.textContent = "▶ Play"; nodes.forEach(o => circle(o)?.classList.remove("later")); }
function walk() {
  if (timer) { stop(); light([]); return; }
  const steps = (down(way) ? [...order].reverse() : order).slice();
  nodes.forEach(o => circle(o).classList.add("later"));
  play.textContent = "■ Stop";
  const next = () => {
    const one = steps.shift();
    if (!one) { stop(); light([]); said.textContent = hint; return; }
    const edges = (down(way) ? one.out : one.into).filter(e => !(way === "first" && e.cut));
    circle(one).classList.remove("later"); light(edges);
    if (edges.length) said.innerHTML = `<span class="line">${line(edges[0], way, text => text)}</span> It is ${digits(one[way])}.`;
  };
  next(); timer = setInterval(next, 420);
}
const hint = `${graph.note} Point at an arrow, or press Tab and the arrow keys: its term stands here.`;
function show(to) {
  stop(); way = to; root.style.setProperty("--on", WAYS[way][1]); place.innerHTML = draw(way); paths()[chosen].setAttribute("tabindex", 0);
  for (const one of bar.querySelectorAll("[data-way]")) one.setAttribute("aria-pressed", one.dataset.way === way);
  said.textContent = hint;
}
const button = (text, press, to) => { const one = document.createElement("button"); Object.assign(one, {type: "button", textContent: text, onclick: press}); if (to) one.dataset.way = to; bar.append(one, " "); return one; };
bar.textContent = "";
for (const to of graph.ways) button(graph.words?.[to] ?? WAYS[to][0], () => show(to), to);
const play = button("▶ Play", walk);
function near(event) {  // the arrow that the pointer is at, or -1
  const box = place.firstElementChild.getBoundingClientRect(), by = graph.size[0] / box.width, x = (event.clientX - box.x) * by, y = (event.clientY - box.y) * by;
  const off = arrows.map(({from, to}) => {
    const u = to.x - from.x, v = to.y - from.y, l = Math.hypot(u, v), s = ((x - from.x) * u + (y - from.y) * v) / l;
    return s < R || s > l - R ? 99 : Math.abs((x - from.x) * v - (y - from.y) * u) / l;
  }), k = off.indexOf(Math.min(...off));
  return off[k] < 9 ? k : -1;
}
const point = (event, focus) => { const k = near(event); if (k >= 0 && (focus || k !== chosen || !place.querySelector(".on"))) choose(k, focus); };
place.addEventListener("pointermove", event => { if (!timer) point(event); });
place.addEventListener("click", event => point(event, true));
place.addEventListener("focusin", event => { const k = paths().indexOf(event.target); if (k >= 0 && !event.target.matches(".on")) choose(k); });
place.addEventListener("keydown", event => {
  const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  if (by && paths().includes(event.target)) { event.preventDefault(); choose((chosen + by + arrows.length) % arrows.length, true); }
});
show(way);
root.dataset.values = JSON.stringify(Object.fromEntries(nodes.map(o => [o.key, graph.ways.map(w => +o[w].toPrecision(9))])));
