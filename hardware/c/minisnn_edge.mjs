/* The library in a page or in node:  const net = await Edge.create(wasmBytes, modelBytes, {steps: 100, classes: 5});
   net.recording(counts, 100) gives the scores, Q5.10;  net.learn(label), net.update();  what goes wrong is thrown. */
export class Edge {
  static async create(wasm, model, { steps = 1, classes, window } = {}) {         // the model's own where nothing is given
    const net = new Edge(), view = new DataView(model.buffer, model.byteOffset), word = (n) => view.getInt32(4 * (3 + n), true);
    net.c = (await WebAssembly.instantiate(wasm)).instance.exports;
    const at = net.c.reserve(model.length);
    if (!at) throw new Error("no memory for the model");
    net.bytes(at, model.length).set(model);
    for (const [name, x] of Object.entries({ steps, classes, window })) if (x !== undefined) Edge.whole(name, x, 65535);
    net.done(net.c.init(model.length, steps, classes ?? word(12), window ?? (word(16) === 1 ? word(20) : 1)));
    [net.height, net.width, net.channels] = [0, 1, 2].map((axis) => net.c.shape(axis));
    net.cells = net.height * net.width * net.channels;
    return net;
  }
  static whole(name, x, most, least = 1) {                      // the module would take it modulo 2^32, and a half as nothing
    if (!Number.isInteger(x) || x < least || x > most) throw new Error(`${name} must be ${least} to ${most}, a whole number, not ${x}`);
    return x;
  }
  bytes(at, length) { return new Uint8Array(this.c.memory.buffer, at, length); }
  done(error) {
    if (!error) return;
    const text = this.bytes(this.c.message(error), 100);
    throw new Error(new TextDecoder().decode(text.subarray(0, text.indexOf(0))));
  }
  get classes() { return this.c.classes(); }
  get written() { return this.c.written(); }                    // synapses, since the beginning
  start() { this.done(this.c.start()); }
  step(counts) {                                                // of one step, (height, width, channels); those beyond 255 are 255
    if (counts.length !== this.cells) throw new Error(`a step has ${this.cells} counts, not ${counts.length}`);
    new Uint8ClampedArray(this.c.memory.buffer, this.c.counts(), this.cells).set(counts);
    this.done(this.c.step());
  }
  scores() {                                                    // of every class, at the last step
    this.done(this.c.read());
    return new Int16Array(this.c.memory.buffer, this.c.scores(), this.classes).slice();
  }
  recording(counts, steps, seen = () => {}) {                   // from the start; seen(scores, step) after every step
    this.start();
    for (let t = 0; t < steps; t++) {
      this.step(counts.subarray(t * this.cells, (t + 1) * this.cells));
      seen(this.scores(), t);
    }
    return this.scores();
  }
  learn(label) { this.done(this.c.learn(Edge.whole("label", label, this.classes - 1, 0))); }
  update() { this.done(this.c.update()); }
  addClass() { this.done(this.c.add_class()); return this.c.label(); }
  forget() { this.done(this.c.forget()); }
  save() {
    this.done(this.c.save());
    return this.bytes(this.c.saved(), this.c.saved_bytes()).slice();
  }
  load(saved) {
    if (saved.length > this.c.saved_room()) throw new Error("more classes than there is room for");
    this.bytes(this.c.saved(), saved.length).set(saved);
    this.done(this.c.load(saved.length));
  }
}
