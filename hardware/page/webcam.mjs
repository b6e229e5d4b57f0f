/* The camera of this device in place of a drawing: its frames are the scene that the event camera looks at. No frame is kept or sent. */
const FINE = 4, PLAIN = 30;                                       // points of a frame a pixel and axis; grey values that are no contrast
const SAYS = {
  NotAllowedError: "The camera was not allowed. Drawing works without it.",
  NotFoundError: "No camera was found. Drawing works without one.",
  NotReadableError: "Another program uses the camera. Drawing works without it.",
};

export class Webcam {
  constructor(video, side) { Object.assign(this, { video, side, stream: null }); }
  get open() { return this.stream !== null; }

  async begin(lost = () => {}) {                                  // asks for permission; an Error says what a visitor can read
    if (!globalThis.navigator?.mediaDevices?.getUserMedia) throw new Error("This browser gives the page no camera. Drawing works without one.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "environment" } });
      this.video.srcObject = this.stream;
      await this.video.play();
    } catch (error) {
      this.end();
      throw new Error(SAYS[error.name] ?? "The camera could not be opened. Drawing works without it.");
    }
    for (const track of this.stream.getTracks()) track.addEventListener("ended", () => { this.end(); lost(); });
  }

  end() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
  }

  grey() {                                                        // of the square in the middle, side * side, 0 to 255
    const { video, side } = this, n = side * FINE, whole = Math.min(video.videoWidth, video.videoHeight), canvas = document.createElement("canvas");
    canvas.width = canvas.height = n;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, (video.videoWidth - whole) / 2, (video.videoHeight - whole) / 2, whole, whole, 0, 0, n, n);
    const { data } = context.getImageData(0, 0, n, n), grey = new Float64Array(side * side);
    for (let i = 0; i < n * n; i++) {
      const at = Math.floor(Math.floor(i / n) / FINE) * side + Math.floor((i % n) / FINE);
      grey[at] += (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / (FINE * FINE);
    }
    return grey;
  }

  /* [{t (ms), grey}] of so many milliseconds, and one after them */
  async frames(ms) {
    const found = [], next = () => new Promise((done) => (this.video.requestVideoFrameCallback ? this.video.requestVideoFrameCallback(done) : requestAnimationFrame(done)));
    let began;
    while (this.open && (found.at(-1)?.t ?? 0) < ms) {
      await Promise.race([next(), new Promise((late) => setTimeout(late, 200))]);
      if (!this.open) break;
      began ??= performance.now();
      found.push({ t: performance.now() - began, grey: this.grey() });
    }
    return found;
  }
}

/* The frames as pictures of ink (0 to 255), by the first one's levels: most of it is paper, and the rest is ink, darker or brighter.
   Shadows of a fifth of the contrast are paper, too. null where there is no contrast. */
export function inked(frames) {
  const sorted = Float64Array.from(frames[0].grey).sort(), share = (x) => sorted[Math.round(x * (sorted.length - 1))];
  const paper = share(0.5), low = share(0.01), high = share(0.99), ink = paper - low > high - paper ? low : high;
  if (Math.abs(ink - paper) < PLAIN) return null;
  return frames.map(({ t, grey }) => ({ t, picture: Uint8Array.from(grey, (x) => Math.max(0, Math.min(255, 255 * (1.6 * (x - paper) / (ink - paper) - 0.3)))) }));
}

/* view(step) of the scene at that millisecond, between two frames; every frame is looked at once. */
export function between(frames, view) {
  const views = frames.map(({ picture }) => view(picture)), out = new Float64Array(views[0].length);
  let k = 0;
  return (step) => {
    while (k + 2 < frames.length && frames[k + 1].t < step) k++;
    if (k + 1 >= frames.length) return views[k];
    const share = Math.max(0, Math.min(1, (step - frames[k].t) / (frames[k + 1].t - frames[k].t)));
    for (let i = 0; i < out.length; i++) out[i] = views[k][i] + share * (views[k + 1][i] - views[k][i]);
    return out;
  };
}
