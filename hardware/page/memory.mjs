/* What was taught, and the network that holds it; no page is needed here. A class is {name, colour}; a lesson {of, number, picture} is of
   a class, with {counts, live: true} where they are no drawing's. Lists of them are replaced, never changed, so that an undo is an
   earlier pair of lists. */

export class Memory {
  /* counting(one): an iterator that returns the counts of a drawing, {picture, number} */
  constructor(net, counting) {
    Object.assign(this, { net, counting, classes: [], lessons: [], held: new Set(), ids: new Map(), given: null });
  }

  *presenting(one, steps) {                                      // a recording {picture, number, counts?}, piece by piece
    this.given = null;
    yield* this.net.presenting(one.counts ?? (yield* this.counting(one)), steps);
    this.given = one.picture;
  }

  async give(one, steps, pause) {                                // a recording, unless the network has it already
    if (this.given !== one.picture) for (const _ of this.presenting(one, steps)) await pause();
  }

  differing() {                                                  // lessons that the network holds and should not, and the other way round
    const wanted = new Set(this.lessons);
    return { going: [...this.held].filter((one) => !wanted.has(one)), coming: this.lessons.filter((one) => !this.held.has(one)) };
  }

  /* The classes whose columns `settle` will write. */
  touched() {
    if (!this.net.byMeans) return new Set(this.classes);
    const { going, coming } = this.differing();
    return new Set([...going, ...coming].map(({ of }) => of).filter((one) => this.classes.includes(one)));
  }

  /* The network learns and unlearns until it holds `lessons`. By class means, only what differs costs a pass; by its membranes, all is
     learned again, so that an early lesson counts as much as a late one. pause(done, all) is awaited often, and told after every pass. */
  async settle(steps, pause = () => {}) {
    const { net, held, ids, classes, lessons } = this, used = new Set(classes);
    if (!net.byMeans) {
      held.clear();
      ids.clear();
      net.forget();
      this.given = null;
    }
    const { going, coming } = this.differing();
    let done = 0;
    for (const one of going) {
      if (used.has(one.of)) {
        await this.give(one, steps, pause);
        net.correct(ids.get(one.of), -1);
        await pause(++done, going.length + coming.length);
      }
      held.delete(one);
    }
    for (const [one, id] of [...ids]) {
      if (used.has(one)) continue;
      net.removeClass(id);
      ids.delete(one);
    }
    classes.forEach((one, k) => {
      if (!ids.has(one)) ids.set(one, !net.byMeans && k < net.classes ? k : net.addClass());
    });
    for (const one of coming) {
      await this.give(one, steps, pause);
      net.learn(ids.get(one.of));
      held.add(one);
      await pause(++done, going.length + coming.length);
    }
    if (!net.byMeans && lessons.length) net.update();
  }

  state() {                                                      // what spares learning again: ids of the classes, and the network's bytes
    return { ids: this.classes.map((one) => this.ids.get(one)), bytes: letters(this.net.save()) };
  }

  /* The classes and lessons of an empty memory are these, which a network in that state has learned. Throws where it has not; the network is of no use then. */
  adopt(classes, lessons, { ids, bytes }) {
    const { net } = this, shots = new Map(classes.map((one) => [one, 0]));
    for (const { of } of lessons) shots.set(of, shots.get(of) + 1);
    net.load(Uint8Array.from(binary(bytes), (c) => c.charCodeAt(0)));
    const known = new Map(net.known().map((one) => [one.id, one.shots]));
    if (known.size !== classes.length || !classes.every((one, k) => known.get(ids[k]) === shots.get(one))) throw 0;
    Object.assign(this, { classes, lessons, held: new Set(lessons), ids: new Map(classes.map((one, k) => [one, ids[k]])), given: null });
  }

  places(of = this.classes) {                                    // of classes, in the network's order
    if (!this.net.byMeans) return of.map((one) => this.classes.indexOf(one));
    const place = new Map(this.net.known().map(({ id }, n) => [id, n]));
    return of.map((one) => place.get(this.ids.get(one)));
  }

  columns(of = this.classes) {                                   // what classes have learned, of those that the network holds
    const held = [...of].filter((one) => this.ids.has(one)), places = this.places(held);
    return new Map(held.map((one, k) => [one, Int16Array.from(this.net.column(places[k]))]));
  }
}

/* ---- as text: a bit a pixel, in letters that a link may have */

const letters = (bytes) => btoa(Array.from(bytes, (x) => String.fromCharCode(x)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const binary = (text) => atob(text.replaceAll("-", "+").replaceAll("_", "/"));
const packs = new WeakMap();                                     // a picture is packed once
const packed = (picture) => packs.get(picture) ?? packs.set(picture, pack(picture)).get(picture);
const pack = (picture) => letters(Array.from({ length: Math.ceil(picture.length / 8) }, (_, i) => Array.from({ length: 8 }, (_, k) => (picture[8 * i + k] ? 128 >> k : 0)).reduce((a, b) => a + b)));

const unpacked = (text, n) => {
  const found = binary(text);
  if (found.length !== Math.ceil(n / 8)) throw 0;
  return Uint8Array.from({ length: n }, (_, i) => (found.charCodeAt(i >> 3) & (128 >> (i & 7)) ? 255 : 0));
};

/* Counts of which few are not zero: of every event, how many cells further it is, in sevens of bits, the lowest first. */
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
  for (const c of binary(text)) {
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
   many cells; counts of only a camera's lessons. Throws for any other. */
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
export const unlinked = (hash) => new TextDecoder().decode(Uint8Array.from(binary(hash.slice(MARK.length)), (c) => c.charCodeAt(0)));
