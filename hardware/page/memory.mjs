/* What was taught, and the network that holds it; no page is needed here. A class is {name, colour}; a lesson {of, number, picture, counts}
   is of a class, and `live` where its counts are no drawing's. Lists of them are replaced, never changed, so that an undo is an earlier pair of lists. */

export class Memory {
  constructor(net) {
    Object.assign(this, { net, classes: [], lessons: [], held: new Set(), ids: new Map(), given: null });
  }

  *presenting(counts, steps) {                                   // a recording, step by step
    this.given = null;
    yield* this.net.presenting(counts, steps);
    this.given = counts;
  }

  give(counts, steps) {                                          // a recording, unless the network has it already
    if (this.given !== counts) for (const _ of this.presenting(counts, steps));
  }

  /* The network learns and unlearns until it holds `lessons`. By class means, only what differs costs a pass; by its membranes, all is
     learned anew, so that an early lesson counts as much as a late one. pause(done, all) is awaited after every pass. */
  async settle(steps, pause = () => {}) {
    const { net, held, ids, classes, lessons } = this;
    if (!net.byMeans) {
      held.clear();
      ids.clear();
      net.forget();
      this.given = null;
    }
    const going = [...held].filter((one) => !lessons.includes(one)), coming = lessons.filter((one) => !held.has(one));
    let done = 0;
    for (const one of going) {
      if (classes.includes(one.of)) {
        this.give(one.counts, steps);
        net.correct(ids.get(one.of), -1);
        await pause(++done, going.length + coming.length);
      }
      held.delete(one);
    }
    for (const [one, id] of [...ids]) {
      if (classes.includes(one)) continue;
      net.removeClass(id);
      ids.delete(one);
    }
    classes.forEach((one, k) => {
      if (!ids.has(one)) ids.set(one, !net.byMeans && k < net.classes ? k : net.addClass());
    });
    for (const one of coming) {
      this.give(one.counts, steps);
      net.learn(ids.get(one.of));
      held.add(one);
      await pause(++done, going.length + coming.length);
    }
    if (!net.byMeans && lessons.length) net.update();
  }

  places() {                                                     // of every class, in the network's order
    if (!this.net.byMeans) return this.classes.map((_, k) => k);
    const place = new Map(this.net.known().map(({ id }, n) => [id, n]));
    return this.classes.map((one) => place.get(this.ids.get(one)));
  }

  columns() {                                                    // what every class has learned
    const places = this.places();
    return new Map(this.classes.flatMap((one, k) => (this.ids.has(one) ? [[one, Array.from(this.net.column(places[k]))]] : [])));
  }
}

/* ---- as text: a bit a pixel, in letters that a link may have */

const letters = (bytes) => btoa(Array.from(bytes, (x) => String.fromCharCode(x)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const packed = (picture) => letters(Array.from({ length: Math.ceil(picture.length / 8) }, (_, i) => Array.from({ length: 8 }, (_, k) => (picture[8 * i + k] ? 128 >> k : 0)).reduce((a, b) => a + b)));

const unpacked = (text, n) => {
  const found = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (found.length !== Math.ceil(n / 8)) throw 0;
  return Uint8Array.from({ length: n }, (_, i) => (found.charCodeAt(i >> 3) & (128 >> (i & 7)) ? 255 : 0));
};

/* Counts of which few are not zero: of every event, how many cells further it lies, in sevens of bits, the lowest first. */
export function sparse(counts) {
  const found = [];
  let last = 0;
  counts.forEach((n, i) => {
    for (; n; n--, last = i) {
      let gap = i - last;
      for (; gap > 127; gap >>= 7) found.push(128 | (gap & 127));
      found.push(gap);
    }
  });
  return letters(found);
}

export function dense(text, cells) {
  const counts = new Uint8Array(cells);
  let at = 0, bits = 0, gap = 0;
  for (const c of atob(text.replaceAll("-", "+").replaceAll("_", "/"))) {
    const byte = c.charCodeAt(0);
    gap += (byte & 127) * 2 ** bits;
    bits += 7;
    if (byte > 127) continue;
    at += gap;
    if (!(at < cells) || ++counts[at] === 0) throw 0;
    bits = gap = 0;
  }
  if (bits) throw 0;
  return counts;
}

/* Lessons that a camera gave have their counts with them: the third format. */
export function written({ classes, lessons }, side, rule) {
  const live = lessons.find((one) => one.live), more = (one) => (one.live ? [sparse(one.counts)] : []);
  const taught = lessons.map((one) => [classes.indexOf(one.of), one.number, packed(one.picture), ...more(one)]);
  return JSON.stringify({ minisnn: live ? 3 : 2, side, rule, ...(live && { cells: live.counts.length }), names: classes.map(({ name }) => name), lessons: taught });
}

/* {rule, names, lessons: [{label, number, picture, counts}]} of such a text, or of one of the first format, for a network that takes so
   many cells; counts of a camera's lessons alone. Throws for any other. */
export function read(text, side, rules, most, cells) {
  const found = JSON.parse(text), whole = (x, top) => Number.isInteger(x) && x >= 0 && x <= top;
  if (found.side !== side || !rules.includes(found.rule)) throw 0;
  let names, lessons;
  if (found.minisnn === 1) {
    names = found.classes.map(({ name }) => name);
    lessons = found.lessons.map(({ label, number, picture }) => {
      if (picture.length !== side ** 2 || !picture.every((x) => whole(x, 255))) throw 0;
      return { label, number, picture: Uint8Array.from(picture) };
    });
  } else if (found.minisnn === 2 || (found.minisnn === 3 && whole(found.cells, cells) && found.cells === cells)) {
    names = found.names;
    lessons = found.lessons.map(([label, number, picture, counts]) => ({
      label, number, picture: unpacked(picture, side ** 2), ...(found.minisnn === 3 && counts !== undefined && { counts: dense(counts, cells) }),
    }));
  } else throw 0;
  const taught = new Set(lessons.map(({ label }) => label));
  if (names.length > most || !names.every((name, k) => typeof name === "string" && taught.has(k))) throw 0;
  if (!lessons.every(({ label, number }) => whole(label, names.length - 1) && whole(number, 1e9))) throw 0;
  return { rule: found.rule, names: names.map((name) => name.slice(0, 24)), lessons };
}

const encoded = (text) => letters(new TextEncoder().encode(text));
export const MARK = "#lessons=";
export const linked = (text) => MARK + encoded(text);
export const unlinked = (hash) => new TextDecoder().decode(Uint8Array.from(atob(hash.slice(MARK.length).replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)));
