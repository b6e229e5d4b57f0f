/* The event camera of minisnn/data/camera in JavaScript: the same events of the same picture, seed and number. */

/* NumPy's default_rng((seed, number)).random(): PCG64 (O'Neill 2014), seeded by SeedSequence's hash of 32-bit words. */
export function randoms(seed, number, n) {
  const words = [seed, number].flatMap((x) => (x < 2 ** 32 ? [x] : [x >>> 0, Math.floor(x / 2 ** 32)]));
  let factor = 0x43b0d7e5;
  const hash = (x, multiplier) => {
    x ^= factor;
    factor = Math.imul(factor, multiplier);
    x = Math.imul(x, factor);
    return x ^ (x >>> 16);
  };
  const mixed = (x, y) => {
    const z = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return z ^ (z >>> 16);
  };
  const pool = [0, 1, 2, 3].map((i) => hash(words[i] ?? 0, 0x931e8875));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to], hash(pool[from], 0x931e8875));
  factor = 0x8b51f9dd;
  const key = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4], 0x58f38ded) >>> 0));
  const wide = (i) => (key[i] << 64n) | (key[i + 1] << 96n) | key[i + 2] | (key[i + 3] << 32n);
  const low = (x) => BigInt.asUintN(128, x), step = () => (state = low(state * 0x2360ed051fc65da44385df649fccf645n + odd));
  const odd = low((wide(4) << 1n) | 1n);
  let state = 0n;
  step();
  state = low(state + wide(0));
  step();
  return Float64Array.from({ length: n }, () => {
    step();
    const x = BigInt.asUintN(64, (state >> 64n) ^ state), turn = state >> 122n;
    const turned = BigInt.asUintN(64, (x >> turn) | (x << (64n - turn)));
    return Number(turned >> 11n) / 2 ** 53;
  });
}

export class Camera {
  /* scene: what hardware/page/make.py found of an EventCamera: sizes, and its arrays as Float64Array.
       side, sensor [rows, columns], fine, samples [of y, of x], floor, refractory, keep, scale, seed
       luminance (256), rows, columns (samples, side), places (T + 1, 2), on, off, leak (pixels) */
  constructor(scene) { Object.assign(this, scene); }

  /* log(blur of the picture + floor) on the fine map */
  view(picture) {
    const { side, rows, columns, floor, luminance } = this, [height, width] = this.samples;
    const half = new Float64Array(height * side), view = new Float64Array(height * width);
    for (let i = 0; i < height; i++)
      for (let u = 0; u < side; u++) {
        const weight = rows[i * side + u];
        if (weight !== 0) for (let v = 0; v < side; v++) half[i * side + v] += weight * luminance[picture[u * side + v]];
      }
    for (let j = 0; j < width; j++)
      for (let v = 0; v < side; v++) {
        const weight = columns[j * side + v];
        if (weight !== 0) for (let i = 0; i < height; i++) view[i * width + j] += half[i * side + v] * weight;
      }
    return view.map((x) => Math.log(x + floor));
  }

  look(view, step, out) {                                       // what the pixels see, interpolated between the map's samples
    const { fine, sensor } = this, width = this.samples[1];
    const top = this.places[2 * step], left = this.places[2 * step + 1], i = Math.floor(top), j = Math.floor(left);
    const a = top - i, b = left - j;
    for (let y = 0, k = 0; y < sensor[0]; y++)
      for (let x = 0; x < sensor[1]; x++, k++) {
        const at = (i + y * fine) * width + j + x * fine;
        out[k] = (1 - a) * ((1 - b) * view[at] + b * view[at + 1]) + a * ((1 - b) * view[at + width] + b * view[at + width + 1]);
      }
    return out;
  }

  /* Events [{t (us), x, y, p}] of a recording of the picture (side * side grey values, 255 ink), sorted by time, then pixel. */
  record(picture, number) {
    const view = this.view(picture);
    return this.events(() => view, number);
  }

  /* The same of a scene that may move: view(step) is what `view` makes of its picture at that millisecond. */
  events(view, number) {
    const work = this.looking(view, number);
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
    }
  }

  *looking(view, number) {                                      // the same, a millisecond at a time: whoever asks for the next one may rest
    const { on, off, leak, keep, refractory, sensor } = this, n = sensor[0] * sensor[1], events = [];
    const residual = randoms(this.seed, number, n), light = new Float64Array(n), free = new Float64Array(n).fill(-1);
    let before = new Float64Array(n), now = this.look(view(0), 0, new Float64Array(n));
    const reference = now.map((x, k) => x - residual[k] * on[k]);
    for (let step = 1; step < this.places.length / 2; step++) {
      [before, now] = [now, before];
      this.look(view(step), step, light);
      for (let k = 0; k < n; k++) {
        const old = before[k], start = step - 1;
        now[k] = old + keep * (light[k] - old);
        let begin = free[k] - start;
        if (begin >= 1) continue;
        const rise = now[k] - old;
        if (begin >= 0) reference[k] = old + rise * begin;
        else begin = 0;
        const slope = rise + leak[k];                           // the reference leaks downwards
        for (;;) {
          const difference = old + rise * begin - reference[k], target = slope > 0 ? on[k] : -off[k];
          const crossing = slope !== 0 ? begin + Math.max((target - difference) / slope, 0) : 1;
          if (!(crossing < 1)) {
            reference[k] -= leak[k] * (1 - begin);
            break;
          }
          events.push({ t: Math.trunc((start + crossing) * 1000), x: k % sensor[1], y: Math.floor(k / sensor[1]), p: slope > 0 ? 1 : 0 });
          begin = crossing + refractory;
          free[k] = start + begin;
          if (begin >= 1) break;
          reference[k] = old + rise * begin;
        }
      }
      yield;
    }
    return events.sort((a, b) => a.t - b.t || a.y - b.y || a.x - b.x || a.p - b.p);
  }

  /* Counts (steps, height, width, 2) of the milliseconds from the first event on, `scale` pixels per cell. */
  /* Of steps of `bin` us from the first event on; centred: moved by whole pixels, so that the mean event is in the middle. */
  counts(events, steps, height, width, bin = 1000, centred = false) {
    const counts = new Uint8Array(steps * height * width * 2), first = events.length ? events[0].t : 0, scale = this.scale;
    const inside = events.filter(({ t, x, y }) => t - first < steps * bin && x < width * scale && y < height * scale);
    const to = (place, size) => (centred && inside.length ? Camera.shift(size * scale, inside.reduce((sum, one) => sum + one[place], 0), inside.length) : 0);
    const right = to("x", width), down = to("y", height);
    for (const { t, x, y, p } of inside) {
      const step = Math.floor((t - first) / bin), row = Math.floor((y + down) / scale), column = Math.floor((x + right) / scale);
      const cell = ((step * height + row) * width + column) * 2 + p;
      if (row >= 0 && row < height && column >= 0 && column < width && counts[cell] < 255) counts[cell]++;
    }
    return counts;
  }
  static shift(size, total, number) {                           // round((size - 1) / 2 - total / number), ties to even
    const twice = (size - 1) * number - 2 * total + number, whole = Math.floor(twice / (2 * number));
    return whole - (twice === 2 * number * whole && whole % 2 !== 0 ? 1 : 0);
  }
}
