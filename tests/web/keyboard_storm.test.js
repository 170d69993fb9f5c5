/**
 * Whatever hands, windows and connections do, in any order: no key stays down, none arrives twice, none is lost.
 *
 * Hands press and release keys at a made-up text area that has or has not the focus, a connection that is cut at any
 * moment carries what goes out, and at its end is what the worker keeps: the keys that are down.
 */

import assert from "node:assert/strict";
import test from "node:test";

import { Outbox } from "../../web_client/core/input/outbox.js";
import { Desk, stroke } from "./keyboard_desk.js";

const STEPS = 300;
const STORMS = 60;
const MODIFIERS = { Shift: "ShiftLeft", Control: "ControlLeft", Alt: "AltLeft", Meta: "MetaLeft" };
const PLATFORMS = { linux: {}, windows: { isWindows: true }, mac: { isMac: true }, "chromium on linux": { isChromiumOnLinux: true } };

/** The same numbers for the same seed (mulberry32). @param {number} seed */
function chance(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (limit) => Math.floor(next() * limit), of: (list) => list[Math.floor(next() * list.length)] };
}

/** The worker's end: what was applied, once each and in order, and what is down after it. */
class Worker {
  last = 0;
  down = new Set();
  strokes = [];

  apply(input) {
    if (input.sequence <= this.last) return;
    assert.equal(input.sequence, this.last + 1, "nothing is left out");
    this.last = input.sequence;
    if (input.message === "RELEASE_ALL") return this.down.clear();
    if (input.message !== "KEY") return this.strokes.push(input.text);
    if (!input.down) return this.down.delete(input.code);
    this.down.add(input.code);
    if (!(input.text in MODIFIERS)) this.strokes.push(input.text);
  }
}

/** What is sent arrives later, in order, unless the connection is cut before. */
class Line {
  #underWay = [];
  #outbox = new Outbox();
  isUp = true;

  constructor(worker) {
    this.worker = worker;
  }

  send(input) {
    if (this.isUp) this.#underWay.push(this.#outbox.add(input));
    else assert.ok(this.#outbox.addWhileAway(input));
  }

  carry(count) {
    for (const input of this.#underWay.splice(0, count)) this.worker.apply(input);
    if (count > 1) this.#outbox.acknowledge(this.worker.last);
  }

  cut() {
    this.isUp = false;
    this.#underWay = [];
    this.worker.down.clear(); // as the worker does when a viewer is lost
  }

  resume() {
    if (this.isUp) return;
    this.isUp = true;
    this.#underWay = [...this.#outbox.resume(this.worker.last)];
  }

  settle() {
    this.resume();
    this.carry(Infinity);
  }
}

class Storm {
  #held = new Map();
  #isFocused = true;
  #wanted = [];

  constructor(seed, platform, timers) {
    this.timers = timers;
    this.random = chance(seed);
    this.platform = platform;
    this.worker = new Worker();
    this.line = new Line(this.worker);
    this.desk = new Desk({ platform, isAway: () => !this.line.isUp, send: (input) => this.line.send(input) });
  }

  step() {
    const { below, of } = this.random;
    const act = below(20);
    if (act < 6) this.#press(of("abcdefgh"));
    else if (act < 8) this.#press(of(Object.keys(MODIFIERS)));
    else if (act === 8) this.#repeat(of([...this.#held]));
    else if (act < 16) this.#release(of([...this.#held.keys()]));
    else if (act === 16) this.#turn(!this.#isFocused);
    else if (act === 17) this.line.isUp ? this.line.cut() : this.line.resume();
    else if (act === 18) this.line.carry(1 + below(4));
    else this.timers.tick(1 + below(80));
  }

  #flags() {
    const isHeld = (name) => this.#held.has(MODIFIERS[name]);
    return { shiftKey: isHeld("Shift"), ctrlKey: isHeld("Control"), altKey: isHeld("Alt"), metaKey: isHeld("Meta") };
  }

  #press(key) {
    const code = MODIFIERS[key] ?? `Key${key.toUpperCase()}`;
    if (this.#held.has(code)) return;
    this.#held.set(code, key);
    this.#strike(code, key, false);
  }

  #repeat([code, key] = []) {
    if (code !== undefined) this.#strike(code, key, true);
  }

  #strike(code, key, repeat) {
    if (!this.#isFocused) return;
    const isForNothing = repeat && !this.line.isUp;
    if (!(key in MODIFIERS) && !isForNothing) this.#wanted.push(key);
    const { defaultPrevented } = this.desk.down(key, { code, repeat, ...this.#flags() });
    // A busy page hears of the text later than it waits for.
    if (!defaultPrevented && this.random.below(9)) this.desk.fire("keypress", stroke(key, { code }));
  }

  #release(code) {
    if (code === undefined) return;
    const key = this.#held.get(code);
    this.#held.delete(code);
    // macOS tells of no release while Command is held.
    const isHidden = this.platform.isMac && this.#held.has("MetaLeft") && !(key in MODIFIERS);
    if (this.#isFocused && !isHidden) this.desk.up(key, { code, ...this.#flags() });
  }

  #turn(isFocused) {
    this.#isFocused = isFocused;
    if (!isFocused) this.desk.fire("blur");
    if (isFocused) return;
    this.line.settle();
    assert.deepEqual([...this.worker.down], [], "a window without the focus holds no key");
  }

  /** All hands off. */
  end() {
    this.#turn(true);
    for (const code of [...this.#held.keys()]) this.#release(code);
    this.timers.tick(1000);
    this.line.settle();
    assert.deepEqual([...this.worker.down], [], "no key is down once no finger is");
    assert.deepEqual(this.worker.strokes, this.#wanted, "each stroke arrived once and in order");
  }
}

for (const [name, platform] of Object.entries(PLATFORMS)) {
  test(`on ${name}, no key is stuck, doubled or lost in any storm`, (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    for (let seed = 0; seed < STORMS; seed++) {
      const storm = new Storm(seed, platform, t.mock.timers);
      for (let step = 0; step < STEPS; step++) storm.step();
      storm.end();
    }
  });
}
