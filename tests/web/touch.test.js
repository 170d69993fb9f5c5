/** Fingers on a further window, whose opener may be hidden and then has no animation frames. */

import assert from "node:assert/strict";
import test from "node:test";

import { Touch } from "../../web_client/core/input/touch.js";

class OtherWindow {
  frames = [];
  now = 5000;
  performance = { now: () => this.now };
  requestAnimationFrame = (run) => this.frames.push(run);
  cancelAnimationFrame = () => this.frames.splice(0);

  draw() {
    this.now += 16;
    for (const run of this.frames.splice(0)) run(this.now);
  }
}

function fingersOn(window) {
  const sent = [];
  const element = Object.assign(new EventTarget(), { ownerDocument: { defaultView: window }, setPointerCapture() {} });
  const pixelAt = (x, y) => ({ x, y });
  const touch = new Touch(element, { send: (input) => sent.push(input), pixelAt, onpress: () => {} });
  const tell = (type, pointerId, clientX, clientY) => {
    const held = { pointerType: "touch", pointerId, clientX, clientY, getModifierState: () => false };
    const event = Object.assign(new Event(type), held);
    Object.defineProperty(event, "timeStamp", { value: window.now });
    element.dispatchEvent(event);
  };
  return { sent, tell, touch };
}

test("what a finger drags follows it with the frames of its own window", () => {
  const window = new OtherWindow();
  const { sent, tell } = fingersOn(window);
  tell("pointerdown", 1, 100, 100);
  for (let x = 100; x <= 200; x += 20) {
    tell("pointermove", 1, x, 100);
    window.draw();
  }
  assert.deepEqual([sent.at(-1).x, sent.at(-1).buttons], [200, 1]);
});

test("what two fingers let go scrolls on with the frames, and the time, of its own window", () => {
  const window = new OtherWindow();
  const { sent, tell, touch } = fingersOn(window);
  for (const id of [1, 2]) tell("pointerdown", id, 100 * id, 400);
  for (let y = 400; y > 200; y -= 20) {
    window.now += 10;
    for (const id of [1, 2]) tell("pointermove", id, 100 * id, y);
  }
  for (const id of [1, 2]) tell("pointerup", id, 100 * id, 220);
  const before = sent.filter(({ message }) => message === "WHEEL").length;
  for (let frames = 0; frames < 10; frames++) window.draw();
  const after = sent.filter(({ message }) => message === "WHEEL").length;
  assert.ok(before > 0 && after > before, `${before}, ${after}`);
  touch.stop();
  assert.deepEqual(window.frames, []);
});
