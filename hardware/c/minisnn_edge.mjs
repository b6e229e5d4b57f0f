/* The library in a page, a worker or node:  const net = await Edge.create(wasmBytes, modelBytes, {steps: 100, classes: 20});
   What goes wrong is thrown, in the words of edge_message.

     net.recording(counts, steps)     a recording from its start; its scores, in the order of the classes
     net.presenting(counts, steps)    the same as an iterator over its steps
     net.scores(), net.label          of what was given last: scores in 1024ths, the id of the class, or -1 for none of them
     net.addClass()                   a class more; its id
     net.learn(id), net.update()      what was given last is of this class; class means need no update
     net.pending                      lessons that wait for one; net.save() throws while there are some
     net.column(place)                what a class has learned: Uint8Array of its mean, or Int8Array of its weights
     net.layers, net.spikes(n)        [rows, columns, channels] of every conv layer; its spikes in the last step, of this shape
     net.traces()                     Uint16Array of what the last layer's spikes left, in 4096ths: what a lesson takes in
     net.save(), net.load(bytes)      all that was learned, as edge_save and edge_load

   By class means (net.byMeans) only:

     net.distances()                  squared distances to every class, in 65536ths; 2^32 - 1 where nothing was taught
     net.correct(from, to)            what was given last was taught as `from` and is of `to`, or of none (-1)
     net.removeClass(id)              the others keep their ids
     net.known()                      [{id, shots, slack}], in the order of scores; slack: edge_class */
export class Edge {
  static async create(wasm, model, { steps = 1, classes, window, residuals } = {}) {         // the model's own where nothing is given
    const net = new Edge(), view = new DataView(model.buffer, model.byteOffset), word = (n) => view.getInt32(4 * (3 + n), true);
    const made = await WebAssembly.instantiate(wasm);                             // of bytes or of a WebAssembly.Module
    net.c = (made.instance ?? made).exports;
    const at = net.c.reserve(model.length);
    if (!at) throw new Error("no memory for the model");
    net.bytes(at, model.length).set(model);
    if (residuals !== undefined) new DataView(net.c.memory.buffer).setInt32(at + 4 * (3 + 31), residuals ? 1 : 0, true);
    for (const [name, x] of Object.entries({ steps, classes, window })) if (x !== undefined) Edge.whole(name, x, 65535);
    net.done(net.c.init(model.length, steps, classes ?? word(12), window ?? (word(16) === 1 ? word(20) : 1)));
    [net.height, net.width, net.channels] = [0, 1, 2].map((axis) => net.c.shape(axis));
    net.cells = net.height * net.width * net.channels;
    net.layers = Array.from({ length: net.c.layers() }, (_, n) => [0, 1, 2].map((axis) => net.c.layer_shape(n, axis)));
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
  get byMeans() { return this.c.rule() === 2; }
  get pending() { return this.c.pending(); }
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
  get label() {                                                 // -1: none of the classes
    this.done(this.c.read());
    return this.c.label();
  }
  distances() {
    this.done(this.c.measure());
    return new Uint32Array(this.c.memory.buffer, this.c.distances(), this.classes).slice();
  }
  known() {
    return Array.from({ length: this.classes }, (_, place) => {
      this.done(this.c.look(place));
      return { id: this.c.id(), shots: this.c.shots(), slack: this.c.slack() >>> 0 };
    });
  }
  column(place) {
    const at = this.c.column(Edge.whole("place", place, this.classes - 1, 0)), n = this.c.inputs();
    return this.byMeans ? this.bytes(at, n).slice() : new Int8Array(this.c.memory.buffer, at, n).slice();
  }
  spikes(n) {
    const [rows, columns, channels] = this.layers[Edge.whole("layer", n, this.layers.length - 1, 0)];
    return this.bytes(this.c.spikes(n), rows * columns * channels).slice();
  }
  traces() { return new Uint16Array(this.c.memory.buffer, this.c.traces(), this.c.inputs()).slice(); }
  residual(place) {                                             // where there are some: 256 times the mean, and this, is the mean in 65536ths
    return new Int8Array(this.c.memory.buffer, this.c.residual(Edge.whole("place", place, this.classes - 1, 0)), this.c.inputs()).slice();
  }
  *presenting(counts, steps) {                                  // the same, a step at a time: whoever asks for the next one may rest
    this.start();
    for (let t = 0; t < steps; t++) {
      this.step(counts.subarray(t * this.cells, (t + 1) * this.cells));
      yield t;
    }
  }
  recording(counts, steps, seen = () => {}) {                   // from the start; seen(scores, step) after every step
    for (const t of this.presenting(counts, steps)) seen(this.scores(), t);
    return this.scores();
  }
  static id(id) { return Edge.whole("id", id, 2147483647, 0); }
  learn(id) { this.done(this.c.learn(Edge.id(id))); }
  correct(from, to) { this.done(this.c.correct(Edge.id(from), Edge.whole("to", to, 2147483647, -1))); }
  removeClass(id) { this.done(this.c.remove_class(Edge.id(id))); }
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
