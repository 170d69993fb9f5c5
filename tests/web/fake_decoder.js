/** A VideoDecoder in a test's hands: each picture is of the unit's first byte all over. */

export class FakeFrame {
  static open = 0;
  #value;
  #isClosed = false;

  constructor(timestamp, value, width, height, format = null) {
    FakeFrame.open++;
    this.format = format;
    this.timestamp = timestamp;
    this.#value = value;
    this.visibleRect = { x: 0, y: 0, width, height };
  }

  async copyTo(target, { format, rect, layout }) {
    if (FakeDecoder.behaviour === "unreadable") throw new TypeError("copyTo");
    await null;
    // Its own planes: the numbers of a test are that of the plane and the value.
    if (format === undefined) return layout.forEach(({ offset }, plane) => target.set([plane, this.#value], offset));
    const [{ stride }] = layout;
    for (let y = 0; y < rect.height; y++) target.fill(this.#value, y * stride, y * stride + rect.width * 4);
  }

  close() {
    if (!this.#isClosed) FakeFrame.open--;
    this.#isClosed = true;
  }
}

export class FakeDecoder {
  static all = [];
  static behaviour = "good";
  /** Of its pictures; null: none that is known. */
  static format = null;
  static rounds = 0;
  state = "unconfigured";
  waiting = [];

  static get open() {
    return FakeDecoder.all.filter(({ state }) => state === "configured").length;
  }

  constructor({ output, error }) {
    this.output = output;
    this.error = error;
    FakeDecoder.all.push(this);
  }

  configure(config) {
    if (FakeDecoder.behaviour === "unknown") throw new TypeError("configure");
    this.state = "configured";
    this.config = config;
  }

  decode({ data, timestamp }) {
    if (this.state !== "configured") throw new TypeError("decode");
    let { behaviour } = FakeDecoder;
    if (behaviour === "random") behaviour = ["good", "refuses", "errs", "small", "good", "good"][FakeDecoder.rounds++ % 6];
    if (behaviour === "refuses") throw new TypeError("decode");
    this.waiting.push([timestamp, data[0], behaviour]);
    if (behaviour === "errs") queueMicrotask(() => this.#fail());
    else if (behaviour !== "silent") queueMicrotask(() => this.show());
  }

  /** The next picture. */
  show() {
    if (this.state !== "configured" || this.waiting.length === 0) return;
    const [timestamp, value, behaviour] = this.waiting.shift();
    const { codedWidth, codedHeight } = this.config;
    const width = behaviour === "small" ? 1 : codedWidth;
    this.output(new FakeFrame(timestamp, value, width, codedHeight, FakeDecoder.format));
  }

  async flush() {
    while (this.waiting.length > 0) this.show();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #fail() {
    if (this.state === "closed") return;
    this.state = "closed";
    this.error(new Error("a fake failure"));
  }

  close() {
    if (this.state === "closed") throw new TypeError("close");
    this.state = "closed";
  }
}

/** Runs it where there is a decoder, new and good. */
export async function withDecoder(run) {
  FakeDecoder.all = [];
  FakeDecoder.behaviour = "good";
  FakeDecoder.format = null;
  FakeDecoder.rounds = FakeFrame.open = 0;
  globalThis.VideoDecoder = FakeDecoder;
  globalThis.EncodedVideoChunk = class {
    constructor(init) {
      Object.assign(this, init);
    }
  };
  try {
    await run();
  } finally {
    delete globalThis.VideoDecoder;
    delete globalThis.EncodedVideoChunk;
  }
}
