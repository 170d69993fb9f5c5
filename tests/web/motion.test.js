import assert from "node:assert/strict";
import test from "node:test";

import { MoveCoalescer, WheelNotches } from "../../web_client/core/input/motion.js";

function scene() {
  const sent = [];
  const frames = [];
  const moves = new MoveCoalescer((message) => sent.push(message), (run) => frames.push(run));
  return { moves, sent, frame: () => frames.shift()?.(), get scheduled() { return frames.length; } };
}

const at = (x, buttons = 0) => ({ message: "POINTER", x, y: 0, buttons, modifiers: 0 });
const places = (sent) => sent.map(({ x }) => x);

test("the first movement goes at once, those of the same frame become one", () => {
  const { moves, sent, frame } = scene();
  for (const x of [1, 2, 3, 4]) moves.move(at(x));
  assert.deepEqual(places(sent), [1]);
  frame();
  assert.deepEqual(places(sent), [1, 4]);
});

test("a pointer that rests asks for no further frame", () => {
  const all = scene();
  all.moves.move(at(1));
  all.frame();
  assert.equal(all.scheduled, 0);
  assert.deepEqual(places(all.sent), [1]);
});

test("one movement a frame, for as long as it moves", () => {
  const { moves, sent, frame } = scene();
  for (let x = 0; x < 30; x += 3) {
    for (const step of [0, 1, 2]) moves.move(at(x + step));
    frame();
  }
  assert.equal(sent.length, 11);
  assert.equal(sent.at(-1).x, 29);
});

test("what waited when everything was released presses nothing again", () => {
  const { moves, sent, frame } = scene();
  moves.now(at(1, 1));
  moves.move(at(2, 1));
  moves.move(at(3, 1));
  moves.drop();
  frame();
  assert.deepEqual(places(sent), [1, 2]);
});

test("a button never waits, and never overtakes the way to it", () => {
  const { moves, sent, frame } = scene();
  moves.move(at(1));
  moves.move(at(2));
  moves.now(at(2, 1));
  moves.now(at(2, 0));
  frame();
  assert.deepEqual(sent.map(({ x, buttons }) => [x, buttons]), [[1, 0], [2, 0], [2, 1], [2, 0]]);
});

const turn = (notches, deltaY, deltaMode = 0, deltaX = 0) => notches.turn({ deltaX, deltaY, deltaMode });

test("a notch is 120, whether the browser counts pixels, lines or pages", () => {
  assert.deepEqual(turn(new WheelNotches(), 100, 0), { dx: 0, dy: 120 });
  assert.deepEqual(turn(new WheelNotches(), -3, 1), { dx: 0, dy: -120 });
  assert.deepEqual(turn(new WheelNotches(), 1, 2, -1), { dx: -120, dy: 120 });
});

test("what is smaller than a unit is carried on, not lost", () => {
  const notches = new WheelNotches();
  let sum = 0;
  for (let step = 0; step < 1000; step++) sum += turn(notches, 0.1).dy;
  assert.ok(Math.abs(sum - 120) <= 1, `${sum}`);
});

test("an absurd delta stays within sixteen bits", () => {
  assert.deepEqual(turn(new WheelNotches(), 1e9), { dx: 0, dy: 32767 });
  assert.deepEqual(turn(new WheelNotches(), -1e9), { dx: 0, dy: -32767 });
});
