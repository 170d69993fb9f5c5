import assert from "node:assert/strict";
import test from "node:test";

import { Fling } from "../../web_client/core/input/fling.js";
import { Gestures } from "../../web_client/core/input/gestures.js";

/** Fingers on a picture, and what they come to. */
class Hand {
  told = [];
  isLarger = false;
  time = 1000;

  constructor() {
    const point = ({ x, y }) => `${Math.round(x)},${Math.round(y)}`;
    this.gestures = new Gestures({
      click: (at, buttons) => this.told.push(`click ${buttons} ${point(at)}`),
      drag: (at, buttons) => this.told.push(`drag ${buttons} ${point(at)}`),
      scroll: (at, dx, dy) => this.told.push(`scroll ${point(at)} by ${dx},${dy}`),
      fling: (at, vx, vy) => this.told.push(`fling ${vx},${vy}`),
      pinch: (from, to) => this.told.push(`pinch ${(to.distance / from.distance).toFixed(2)}`),
      pinched: () => this.told.push("pinched"),
      moves: () => this.isLarger,
      call: () => this.told.push("call"),
    });
  }

  down(id, x, y) {
    this.gestures.down(id, { x, y }, this.time);
  }

  move(id, x, y, ms = 16) {
    this.gestures.move(id, { x, y }, (this.time += ms));
  }

  up(id, x, y, ms = 16) {
    this.gestures.up(id, { x, y }, (this.time += ms));
  }

  tap(x, y) {
    this.down(1, x, y);
    this.up(1, x, y, 60);
  }
}

function hand(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  return new Hand();
}

test("a tap clicks where the finger left, once it left", (t) => {
  const it = hand(t);
  it.down(1, 50, 60);
  it.move(1, 53, 62);
  assert.deepEqual(it.told, []);
  it.up(1, 53, 62);
  assert.deepEqual(it.told, ["click 1 53,62"]);
});

test("two taps click at one place, and a third begins anew", (t) => {
  const it = hand(t);
  for (const x of [50, 58, 66]) it.tap(x, 60);
  assert.deepEqual(it.told, ["click 1 50,60", "click 1 50,60", "click 1 66,60"]);
});

test("taps that are slow or far apart are two single ones", (t) => {
  const it = hand(t);
  it.tap(50, 60);
  it.time += 500;
  it.tap(54, 60);
  it.tap(154, 60);
  assert.deepEqual(it.told, ["click 1 50,60", "click 1 54,60", "click 1 154,60"]);
});

test("a long press is the right button, and lifting the finger adds nothing", (t) => {
  const it = hand(t);
  it.down(1, 50, 60);
  it.move(1, 55, 62);
  t.mock.timers.tick(500);
  it.move(1, 90, 90);
  it.up(1, 90, 90);
  assert.deepEqual(it.told, ["click 2 50,60"]);
});

test("a way drags from where it began", (t) => {
  const it = hand(t);
  it.down(1, 50, 60);
  it.move(1, 70, 60);
  t.mock.timers.tick(1000);
  it.move(1, 90, 80);
  it.up(1, 90, 80);
  assert.deepEqual(it.told, ["drag 1 50,60", "drag 1 70,60", "drag 1 90,80", "drag 0 90,80"]);
});

test("a second finger does not disturb a drag", (t) => {
  const it = hand(t);
  it.down(1, 50, 60);
  it.move(1, 70, 60);
  it.down(2, 200, 200);
  it.move(1, 80, 60);
  it.up(1, 80, 60);
  assert.deepEqual(it.told.at(-1), "drag 0 80,60");
});

test("two fingers scroll, straight where they nearly go straight, and nothing is pressed", (t) => {
  const it = hand(t);
  it.down(1, 100, 300);
  it.down(2, 200, 300);
  for (const y of [290, 270, 250]) {
    it.move(1, 102, y);
    it.move(2, 202, y);
  }
  it.up(1, 102, 250);
  it.up(2, 202, 250);
  const scrolled = it.told.filter((each) => each.startsWith("scroll"));
  assert.ok(scrolled.length >= 4, it.told.join("; "));
  assert.ok(scrolled.every((each) => each.startsWith("scroll 150,300 by 0,-")), scrolled.join("; "));
  assert.ok(!it.told.some((each) => /click|drag|pinch/.test(each)), it.told.join("; "));
  assert.match(it.told.at(-1), /^fling 0,-0\.\d+$/);
});

test("fingers that rested before they left set nothing going", (t) => {
  const it = hand(t);
  it.down(1, 100, 300);
  it.down(2, 200, 300);
  for (const y of [280, 260]) {
    it.move(1, 100, y);
    it.move(2, 200, y);
  }
  it.up(1, 100, 260, 200);
  it.up(2, 200, 260);
  assert.ok(it.told.length > 0);
  assert.ok(!it.told.some((each) => each.startsWith("fling")), it.told.join("; "));
});

test("a pinch zooms by how far the fingers go apart", (t) => {
  const it = hand(t);
  it.down(1, 100, 100);
  it.down(2, 200, 100);
  it.move(2, 230, 100);
  it.move(2, 300, 100);
  it.up(2, 300, 100);
  it.up(1, 100, 100);
  assert.deepEqual(it.told, ["pinch 1.30", "pinch 1.54", "pinched"]);
});

test("two fingers move a picture that is larger than its view, three scroll it", (t) => {
  const it = hand(t);
  it.isLarger = true;
  it.down(1, 100, 100);
  it.down(2, 200, 100);
  it.move(1, 100, 140);
  it.up(1, 100, 140);
  it.up(2, 200, 100);
  assert.match(it.told.join(), /^pinch/);
  it.told = [];
  for (const id of [1, 2, 3]) it.down(id, 100 * id, 100);
  for (const y of [120, 140, 160]) for (const id of [1, 2, 3]) it.move(id, 100 * id, y);
  assert.match(it.told[0], /^scroll/);
});

test("two fingers that tap are the right button, three call the keyboard", (t) => {
  const it = hand(t);
  it.down(1, 100, 100);
  it.down(2, 200, 100);
  it.up(1, 100, 100);
  it.move(2, 202, 100);
  it.up(2, 202, 100);
  for (const id of [1, 2, 3]) it.down(id, 100 * id, 100);
  for (const id of [1, 2, 3]) it.up(id, 100 * id, 100);
  assert.deepEqual(it.told, ["click 2 150,100", "call"]);
});

test("one finger of two that stays on the screen drags nothing", (t) => {
  const it = hand(t);
  it.down(1, 100, 300);
  it.down(2, 200, 300);
  it.move(1, 100, 260);
  it.move(2, 200, 260);
  it.up(1, 100, 260);
  it.told = [];
  it.move(2, 200, 400);
  t.mock.timers.tick(1000);
  it.up(2, 200, 400);
  assert.deepEqual(it.told, []);
});

test("what the system takes away lets go and clicks nothing", (t) => {
  const it = hand(t);
  it.down(1, 50, 60);
  it.gestures.cancel();
  t.mock.timers.tick(1000);
  it.down(1, 50, 60);
  it.move(1, 90, 60);
  it.gestures.cancel();
  it.up(1, 90, 60);
  assert.deepEqual(it.told, ["drag 1 50,60", "drag 1 90,60", "drag 0 90,60"]);
});

test("no order of fingers leaves a button held", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (let seed = 1; seed <= 300; seed++) {
    const it = new Hand();
    let state = seed;
    const random = (limit) => (state = (state * 48271) % 2147483647) % limit;
    for (let step = 0; step < 60; step++) {
      const [id, x, y] = [random(4), random(400), random(400)];
      [() => it.down(id, x, y), () => it.move(id, x, y), () => it.up(id, x, y), () => t.mock.timers.tick(random(600))][random(4)]();
      if (random(40) === 0) it.gestures.cancel();
    }
    for (const id of [0, 1, 2, 3]) it.up(id, 0, 0);
    const held = it.told.filter((each) => each.startsWith("drag")).at(-1) ?? "drag 0";
    assert.match(held, /^drag 0/, `seed ${seed}`);
    it.told = [];
    it.tap(10, 10);
    assert.equal(it.told.length, 1, `seed ${seed}: ${it.told}`);
  }
});

test("what was set going slows down and comes to rest, as far as its speed takes it", () => {
  const fling = new Fling();
  assert.equal(fling.start(0, 0.1, 0), false);
  assert.equal(fling.start(0, -1, 0), true);
  const steps = [];
  for (let now = 16; ; now += 16) {
    const way = fling.step(now);
    if (way === null) break;
    steps.push(way.dy);
  }
  const way = steps.reduce((sum, each) => sum + each, 0);
  assert.ok(way < -300 && way > -325, String(way));
  assert.ok(steps.every((each, index) => index === 0 || Math.abs(each) < Math.abs(steps[index - 1])));
});

test("a speed that no hand has is bounded", () => {
  const fling = new Fling();
  fling.start(1000, 0, 0);
  assert.ok(fling.step(16).dx <= 64);
});
