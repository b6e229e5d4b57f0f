// Sliders above a drawing: kit(root, controls, draw). draw(values) returns {svg, said}; nothing is fetched, nothing is global.
const BLUE = "#0072B2", RED = "#D55E00", GREEN = "#009E73", SKY = "#56B4E9", GREY = "#999", BLACK = "currentColor";
let narrow = false;  // a telephone: drawings of 640 are drawn at 350, so that their letters stay legible
function kit(root, controls, draw) {
  let drawn = false;
  const values = {}, bar = root.querySelector(".controls"), show = () => {
    drawn = narrow = root.clientWidth > 0 && root.clientWidth < 480;
    const made = draw(values);
    root.querySelector(".drawing").innerHTML = made.svg;
    root.querySelector(".said").textContent = made.said;
  };
  bar.textContent = "";
  for (const [name, text, min, max, by, start] of controls) {
    const label = document.createElement("label"), input = document.createElement("input"), out = document.createElement("output");
    Object.assign(input, {type: "range", name, min, max, step: by, value: start});
    values[name] = start; out.textContent = start;
    input.addEventListener("input", () => { values[name] = +input.value; out.textContent = input.value; show(); });
    label.append(text + " ", input, " ", out); bar.append(label);
  }
  show();
  // also when a fold opens; nothing is drawn anew for a picture that nobody sees
  new ResizeObserver(() => { if (root.clientWidth && drawn !== root.clientWidth < 480) show(); }).observe(root);
}
function random(seed) {  // mulberry32: the same numbers everywhere
  return () => { seed = seed + 0x6D2B79F5 | 0; let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t; return ((t ^ t >>> 14) >>> 0) / 4294967296; };
}
const range = (n, f) => Array.from({length: n}, (_, k) => f(k));
function ticks(low, high) {
  const raw = (high - low) / 4, ten = 10 ** Math.floor(Math.log10(raw)), by = [1, 2, 5, 10].find(m => m * ten >= raw) * ten, found = [];
  for (let v = Math.ceil(low / by) * by; v <= high + 1e-9 * by; v += by) found.push(Math.abs(v) < by / 1e6 ? 0 : +v.toPrecision(6));
  return found;
}
// Axes with what is drawn on them: a box [x, y, width, height] of the drawing, ranges [low, high], labels.
function axes([x, y, w, h], [x0, x1], [y0, y1], xlabel, ylabel, clip) {
  if (narrow && w > 300) { x = 50; w = 286; }
  const X = v => x + (v - x0) / (x1 - x0) * w, Y = v => y + h - (v - y0) / (y1 - y0) * h, inside = [], n = v => v.toFixed(1);
  const held = (v, a, b) => Math.min(Math.max(v, a - 9 * (b - a)), b + 9 * (b - a));
  const put = {
    X, Y,
    line(points, colour, more = "") { inside.push(`<polyline fill="none" stroke="${colour}" stroke-width="1.8" ${more} points="${points.filter(p => isFinite(p[1])).map(([a, b]) => n(X(a)) + "," + n(Y(held(b, y0, y1)))).join(" ")}"/>`); return put; },
    dot(a, b, colour, size = 4, more = "") { inside.push(`<circle cx="${n(X(a))}" cy="${n(Y(b))}" r="${size}" fill="${colour}" ${more}/>`); return put; },
    stroke(a, low, high, colour, more = "") { inside.push(`<line x1="${n(X(a))}" x2="${n(X(a))}" y1="${n(Y(low))}" y2="${n(Y(high))}" stroke="${colour}" stroke-width="1.8" ${more}/>`); return put; },
    level(b, colour) { return put.line([[x0, b], [x1, b]], colour, 'stroke-dasharray="2 3"'); },
    arrow(a, b, c, d, colour, more = "") { const u = X(a), v = Y(b), p = X(c), q = Y(d), t = Math.atan2(q - v, p - u);
      inside.push(`<path ${more} fill="none" stroke="${colour}" stroke-width="2.2" d="M${n(u)} ${n(v)}L${n(p)} ${n(q)}M${n(p - 8 * Math.cos(t - .5))} ${n(q - 8 * Math.sin(t - .5))}L${n(p)} ${n(q)}L${n(p - 8 * Math.cos(t + .5))} ${n(q - 8 * Math.sin(t + .5))}"/>`); return put; },
    ellipse(a, b, ra, rb, colour, more = "") { inside.push(`<ellipse ${more} cx="${n(X(a))}" cy="${n(Y(b))}" rx="${n(ra * w / (x1 - x0))}" ry="${n(rb * h / (y1 - y0))}" fill="none" stroke="${colour}"/>`); return put; },
    keys: [],  // what stands above the drawing: beside curves that move there is no free place
    key(names) { put.keys.push(...names); return put; },
    svg() {
      const id = "c" + Math.round(x) + "_" + Math.round(y) + "_" + clip;
      const marks = ticks(x0, x1).map(v => `<text x="${n(X(v))}" y="${y + h + 14}" text-anchor="middle">${v}</text><line x1="${n(X(v))}" x2="${n(X(v))}" y1="${y + h}" y2="${y + h + 3}" stroke="currentColor"/>`).join("")
        + ticks(y0, y1).map(v => `<text x="${x - 6}" y="${n(Y(v) + 4)}" text-anchor="end">${v}</text><line x1="${x - 3}" x2="${x}" y1="${n(Y(v))}" y2="${n(Y(v))}" stroke="currentColor"/>`).join("");
      return `<clipPath id="${id}"><rect x="${x}" y="${y}" width="${w}" height="${h}"/></clipPath><rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="currentColor" stroke-width=".8"/>${marks}<text x="${x + w / 2}" y="${y + h + 29}" text-anchor="middle">${xlabel}</text><text transform="translate(${x - 38} ${y + h / 2}) rotate(-90)" text-anchor="middle">${ylabel}</text><g clip-path="url(#${id})">${inside.join("")}</g>`;
    }
  };
  return put;
}
function sheet(width, height, title, parts) {
  if (narrow) width = 350;
  const left = narrow ? 50 : 60;
  let x = left, down = 0;
  const keys = parts.flatMap(p => p.keys).map(([text, colour, dash]) => {
    const wide = 45 + 6.4 * text.length;
    if (!down || x + wide > width) { x = left; down += 16; }
    const made = `<line x1="${x}" x2="${x + 18}" y1="${down - 8}" y2="${down - 8}" stroke="${colour}" stroke-width="2.2" ${dash ? `stroke-dasharray="${dash}"` : ""}/><text x="${x + 23}" y="${down - 4}">${text}</text>`;
    x = Math.round(x + wide);
    return made;
  }).join("");
  const drawn = parts.map(p => p.svg()).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + down}" width="${width}" style="max-width:100%;height:auto" fill="currentColor" font-family="sans-serif" font-size="11" role="img"><title>${title}</title>${keys}${down ? `<g transform="translate(0 ${down})">${drawn}</g>` : drawn}</svg>`;
}
