/* Drawing with finger, mouse, pen or keyboard, and drawings as pictures like those that the network was trained with. */

/* Strokes [[[x, y], ...], ...] of a square from 0 to 1, moved so that their box is in the middle and its longer side is `size`;
   small ones grow `most` times at most. */
export function normal(strokes, { size, most }) {
  const points = strokes.flat(), [low, high] = [Math.min, Math.max].map((f) => [0, 1].map((axis) => points.reduce((a, p) => f(a, p[axis]), points[0][axis])));
  const scale = Math.min(most, size / Math.max(high[0] - low[0], high[1] - low[1], 1e-9));
  return strokes.map((stroke) => stroke.map((p) => [0, 1].map((axis) => 0.5 + (p[axis] - (low[axis] + high[axis]) / 2) * scale)));
}

/* Grey values (side * side, 255 ink): a pixel is ink where more than `share` of its 5 x 5 points lie within half a `width` of a
   stroke, as in data/make_omniglot.py. */
export function raster(strokes, { width, share }, side) {
  const fine = 5, n = side * fine, ink = new Uint8Array(n * n), reach = (width / 2) * n;
  const mark = ([ax, ay], [bx, by]) => {
    const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    const from = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - reach)), to = (a, b) => Math.min(n - 1, Math.ceil(Math.max(a, b) + reach));
    for (let y = from(ay, by); y <= to(ay, by); y++)
      for (let x = from(ax, bx); x <= to(ax, bx); x++) {
        const px = x + 0.5 - ax, py = y + 0.5 - ay, along = length ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : 0;
        if ((px - along * dx) ** 2 + (py - along * dy) ** 2 <= reach * reach) ink[y * n + x] = 1;
      }
  };
  for (const stroke of strokes) stroke.forEach((p, i) => mark((stroke[i - 1] ?? p).map((v) => v * n), p.map((v) => v * n)));
  return Uint8Array.from({ length: side * side }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < fine * fine; k++) sum += ink[(Math.floor(i / side) * fine + Math.floor(k / fine)) * n + (i % side) * fine + (k % fine)];
    return sum > share * fine * fine ? 255 : 0;
  });
}

export class Pen {
  /* changed(strokes, lifted) after every change; began() as a stroke begins; enter() and escape() of the keyboard */
  constructor(canvas, { colour, began, changed, enter, escape }) {
    Object.assign(this, { canvas, colour, strokes: [], place: [0.5, 0.5], down: false, keys: false });
    const point = (e) => { const box = canvas.getBoundingClientRect(); return [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height].map((v) => Math.max(0, Math.min(1, v))); };
    const more = (p) => { this.strokes.at(-1).push(p); this.show(); changed(this.strokes, false); };
    canvas.addEventListener("pointerdown", (e) => {
      if (e.button) return;
      canvas.setPointerCapture?.(e.pointerId);
      if (this.down !== false) return;                           // a second finger draws nothing
      began();
      this.keys = false;
      this.down = e.pointerId;
      this.strokes.push([]);
      more(point(e));
    });
    canvas.addEventListener("pointermove", (e) => {
      if (this.down !== e.pointerId) return;
      const all = e.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [e]) more(point(one));
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(name, (e) => { if (this.down === e.pointerId) { this.down = false; changed(this.strokes, true); } });
    canvas.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (move) {
        this.keys = true;
        this.place = this.place.map((v, axis) => Math.max(0, Math.min(1, v + 0.025 * move[axis] * (e.shiftKey ? 4 : 1))));
        this.down === "keys" ? more([...this.place]) : this.show();
      } else if (e.key === " ") {
        this.keys = true;
        if (this.down === "keys") { this.down = false; changed(this.strokes, true); }
        else { began(); this.down = "keys"; this.strokes.push([]); more([...this.place]); }
        this.show();
      } else if (e.key === "Enter") { this.down = false; enter(); }
      else if (e.key === "Escape") { this.down = false; escape(); }
      else return;
      e.preventDefault();
    });
    canvas.addEventListener("blur", () => { this.keys = false; this.show(); });
  }

  show(strokes = this.strokes) {
    this.strokes = strokes;
    const { canvas } = this, size = canvas.width, context = canvas.getContext("2d");
    context.clearRect(0, 0, size, size);
    Object.assign(context, { lineWidth: size * 0.045, lineCap: "round", lineJoin: "round", strokeStyle: this.colour(), fillStyle: this.colour() });
    for (const stroke of strokes) {
      context.beginPath();
      stroke.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * size, y * size));
      if (stroke.length === 1) context.lineTo(stroke[0][0] * size, stroke[0][1] * size + 0.1);
      context.stroke();
    }
    if (!this.keys) return;
    context.globalAlpha = 0.6;
    context.lineWidth = 3;
    context.beginPath();
    context.arc(this.place[0] * size, this.place[1] * size, this.down === "keys" ? 8 : 16, 0, 7);
    context.stroke();
    context.globalAlpha = 1;
  }
}
