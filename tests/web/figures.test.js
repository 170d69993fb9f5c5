import assert from "node:assert/strict";
import test from "node:test";

import { verdict } from "../../web_client/app/verdict.js";
import { Figures, quantile, ratesBetween } from "../../web_client/core/figures.js";
import { LIMIT } from "../../web_client/core/protocol/messages.js";
import { QualityWatch, REPORT_MS, WATCH_MS } from "../../web_client/core/quality_watch.js";

const key = (text, modifiers = 0, down = true) => ({ message: "KEY", down, modifiers, locks: 0, code: "", text });
const pointer = (buttons) => ({ message: "POINTER", x: 0, y: 0, buttons, modifiers: 0 });

// --- what is measured

test("input is answered by the first picture that covers it", () => {
  const figures = new Figures();
  figures.sent(key("a"), 1, 1000);
  figures.sent(key("b"), 2, 1010);
  figures.drawn(0, 1, 1015);
  figures.drawn(1, 1, 1020);
  figures.drawn(1, 1, 1030);
  figures.drawn(2, 1, 1060);
  assert.deepEqual(figures.echoes(0), [20, 50]);
});

test("what changes no picture is not counted as slow", () => {
  const figures = new Figures();
  const unseen = [key("Shift"), key("c", 2), key("a", 0, false), pointer(0), { message: "RELEASE_ALL" }];
  unseen.forEach((input, index) => figures.sent(input, index + 1, 0));
  figures.drawn(5, 1, 400);
  assert.deepEqual(figures.echoes(0), []);
});

test("text, the wheel and the press of a button are counted, what follows the press is not", () => {
  const figures = new Figures();
  const seen = [{ message: "TEXT", text: "x" }, { message: "WHEEL", x: 0, y: 0, dx: 0, dy: 120, modifiers: 0 }, pointer(1), pointer(1), pointer(0)];
  seen.forEach((input, index) => figures.sent(input, index + 1, index));
  figures.drawn(5, 1, 10);
  assert.deepEqual(figures.echoes(0), [8, 9, 10]);
});

test("a picture that comes seconds later shows something else", () => {
  const figures = new Figures();
  figures.sent(key("a"), 1, 0);
  figures.drawn(1, 1, 3001);
  assert.deepEqual(figures.echoes(0), []);
});

test("input that is counted anew is not answered by its old number", () => {
  const figures = new Figures();
  figures.sent(key("a"), 7, 0);
  figures.restart();
  figures.drawn(9, 1, 20);
  assert.deepEqual(figures.echoes(0), []);
});

test("echoes of the last ten seconds are kept, and no more than a hand makes", () => {
  const figures = new Figures();
  for (let sequence = 1; sequence <= 5000; sequence++) {
    figures.sent(key("a"), sequence, sequence * 10);
    figures.drawn(sequence, 1, sequence * 10 + 5);
  }
  assert.equal(figures.echoes(0).length, 512);
  figures.sent(key("a"), 5001, 90_000);
  figures.drawn(5001, 1, 90_007);
  assert.deepEqual(figures.echoes(0), [7]);
});

test("rates are those between two moments", () => {
  const figures = new Figures();
  const from = figures.totals(1000, 500);
  for (const drawMs of [2, 4]) figures.drawn(0, drawMs, 1200);
  assert.deepEqual(ratesBetween(from, figures.totals(1500, 1500)), { framesPerSecond: 4, bytesPerSecond: 2000, drawMs: 3 });
  const still = figures.totals(2000, 1500);
  assert.equal(ratesBetween(still, figures.totals(2000, 1500)).drawMs, null);
});

test("a share of no values is unknown", () => {
  assert.equal(quantile([], 0.5), null);
  assert.equal(quantile([1, 2, 3], 0.5), 2);
  assert.equal(quantile([1, 2, 3], 0.95), 3);
});

// --- who is told

function watching(t) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const scene = { sent: [], shown: [], now: 0, bytes: 0 };
  t.mock.method(performance, "now", () => scene.now);
  scene.watch = new QualityWatch({
    send: (message) => scene.sent.push(message),
    receivedBytes: () => scene.bytes,
    show: (view) => scene.shown.push(view),
  });
  scene.pass = (ms) => {
    for (const end = scene.now + ms; scene.now < end; ) {
      scene.now += 100;
      t.mock.timers.tick(100);
    }
  };
  return scene;
}

const QUALITY = {
  message: "QUALITY", roundTripUs: 20_000, queueingUs: 0, encodingUs: 3000, qualityPercent: 100, hostLoadPercent: 40,
  limit: LIMIT.NONE, encoder: "tiles",
};

test("the worker is told every ten seconds how its pictures arrive", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.now = 500;
  scene.watch.figures.sent(key("a"), 1, 500);
  scene.watch.figures.drawn(1, 4, 530);
  scene.now = 0;
  scene.bytes = 1234;
  scene.pass(REPORT_MS);
  assert.deepEqual(scene.sent, [{
    message: "VIEW_REPORT", milliseconds: 10_000, frames: 1, receivedBytes: 1234, echoMedianUs: 30_000, echoP95Us: 30_000, drawingUs: 4000,
  }]);
});

test("a worker of an older version is told nothing, and asked nothing", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.watch(true);
  scene.pass(2 * REPORT_MS);
  assert.deepEqual(scene.sent, []);
  assert.equal(scene.shown.at(-1).worker, null);
});

test("a hidden view reports nothing, and then only of the time since", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.pass(5000);
  scene.watch.setVisible(false);
  scene.pass(30_000);
  assert.deepEqual(scene.sent, []);
  scene.watch.setVisible(true);
  scene.pass(REPORT_MS);
  assert.deepEqual(scene.sent.map(({ milliseconds }) => milliseconds), [10_000]);
});

test("who watches is told each second, and the worker asked to tell, after a reconnect as well", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.watch.watch(true);
  scene.watch.told(QUALITY);
  scene.pass(2 * WATCH_MS);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.watch.watch(false);
  scene.pass(3 * WATCH_MS);
  assert.deepEqual(scene.sent.map(({ on }) => on), [true, true, false]);
  assert.equal(scene.shown.length, 2);
  assert.equal(scene.shown[0].worker.encoder, "tiles");
});

test("what the worker told long ago is not shown as of now", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.watch.watch(true);
  scene.watch.told(QUALITY);
  scene.pass(5000);
  assert.notEqual(scene.shown[0].worker, null);
  assert.equal(scene.shown.at(-1).worker, null);
});

test("nothing runs once it was stopped", (t) => {
  const scene = watching(t);
  scene.watch.attached();
  scene.watch.learn(2);
  scene.watch.watch(true);
  scene.watch.stop();
  scene.sent.length = 0;
  scene.pass(2 * REPORT_MS);
  assert.deepEqual([scene.sent, scene.shown], [[], []]);
});

// --- what it comes to

const VIEW = {
  echoMedianMs: 20, echoWorstMs: 40, echoNowMs: 20, networkMs: 10, framesPerSecond: 5, bytesPerSecond: 1000, drawMs: 2, worker: QUALITY,
};
const said = (view, worker = {}) => verdict({ ...VIEW, ...view, worker: { ...QUALITY, ...worker } });

test("a sentence says what is slow, and nothing when nothing is", () => {
  assert.equal(said({}), "Feels local.");
  assert.equal(verdict({ ...VIEW, worker: null }), "Feels local.");
  assert.match(said({ echoMedianMs: 90 }), /^Good/);
  assert.match(said({ echoMedianMs: 300 }), /^The application is slow: it answers in 300 ms/);
  assert.match(said({ echoMedianMs: 200 }, { roundTripUs: 150_000 }), /^Your network is slow: each answer takes 150 ms/);
  assert.match(said({ echoMedianMs: 200 }, { limit: LIMIT.NETWORK, qualityPercent: 40 }), /^Your network is slow: it carries less.*40 %/);
  assert.match(said({ echoMedianMs: 200 }, { queueingUs: 90_000 }), /^Your network is slow/);
  assert.match(said({ echoMedianMs: 200 }, { limit: LIMIT.HOST, hostLoadPercent: 310 }), /^The host is busy: its load is 310 %/);
  assert.match(said({ echoMedianMs: 200, drawMs: 45 }), /^This computer is slow at drawing: 45 ms/);
});

test("a picture of less than its quality does not feel local, however fast it comes", () => {
  assert.match(said({}, { limit: LIMIT.NETWORK, qualityPercent: 50 }), /^Your network is slow/);
});

test("without input only what is slow by itself is said", () => {
  assert.match(said({ echoMedianMs: null }), /^Nothing is slow/);
  assert.equal(verdict({ ...VIEW, echoMedianMs: null, networkMs: null, worker: null }), "Measuring…");
  assert.match(said({ echoMedianMs: null }, { roundTripUs: 400_000 }), /400 ms on the way/);
});
