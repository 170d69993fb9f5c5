import assert from "node:assert/strict";
import test from "node:test";

import { StickyModifiers, chordInputs } from "../../web_client/core/input/sticky.js";
import { MODIFIER } from "../../web_client/core/protocol/messages.js";

const key = (text, down = true, modifiers = 0) => ({ message: "KEY", down, modifiers, locks: 0, code: `Key${text.toUpperCase()}`, text });
const told = (inputs) => inputs.map((each) => {
  if (each.message === "KEY") return `${each.down ? "+" : "-"}${each.text}:${each.modifiers}`;
  return each.message === "TEXT" ? `"${each.text}"` : `${each.message}:${each.modifiers ?? ""}`;
});
const { SHIFT, CONTROL, ALT, ALT_GRAPH } = MODIFIER;

test("a chord goes down and up as on a keyboard, each stroke with the modifiers of its moment", () => {
  const inputs = chordInputs(["Control", "Alt"], { text: "Delete", code: "Delete" });
  assert.deepEqual(told(inputs), [
    `+Control:${CONTROL}`, `+Alt:${CONTROL | ALT}`, `+Delete:${CONTROL | ALT}`, `-Delete:${CONTROL | ALT}`,
    `-Alt:${CONTROL}`, "-Control:0",
  ]);
  assert.deepEqual(inputs.map(({ code }) => code), ["ControlLeft", "AltLeft", "Delete", "Delete", "AltLeft", "ControlLeft"]);
});

test("a modifier is held for one key, and let go behind it", () => {
  const sticky = new StickyModifiers();
  assert.deepEqual(told(sticky.cycle("Control")), [`+Control:${CONTROL}`]);
  assert.equal(sticky.stateOf("Control"), "once");
  assert.deepEqual(told(sticky.apply(key("c"))), [`+c:${CONTROL}`]);
  assert.deepEqual(told(sticky.apply(key("c", false))), [`-c:${CONTROL}`, "-Control:0"]);
  assert.equal(sticky.stateOf("Control"), "off");
  assert.deepEqual(told(sticky.apply(key("c"))), ["+c:0"]);
});

test("pressed twice it stays held, pressed again it is let go", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("Alt");
  assert.deepEqual(sticky.cycle("Alt"), []);
  for (let times = 0; times < 3; times++)
    assert.deepEqual(told([...sticky.apply(key("Tab")), ...sticky.apply(key("Tab", false))]), [`+Tab:${ALT}`, `-Tab:${ALT}`]);
  assert.deepEqual(told(sticky.cycle("Alt")), ["-Alt:0"]);
});

test("what a phone's keyboard writes becomes a key under a modifier", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("Control");
  const inputs = sticky.apply({ message: "TEXT", text: "c" });
  assert.deepEqual(told(inputs), [`+c:${CONTROL}`, `-c:${CONTROL}`, "-Control:0"]);
  assert.equal(inputs[0].code, "KeyC");
});

test("a word is text, whatever was held for a key", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("Control");
  assert.deepEqual(told(sticky.apply({ message: "TEXT", text: "word" })), ["-Control:0", '"word"']);
  assert.deepEqual(told(sticky.apply({ message: "TEXT", text: "next" })), ['"next"']);
});

test("what AltGr makes of a key is left to the application's layout", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("AltGraph");
  const inputs = [...sticky.apply(key("q")), ...sticky.apply(key("q", false))];
  assert.deepEqual(told(inputs), [`+:${ALT_GRAPH}`, `-:${ALT_GRAPH}`, "-AltGraph:0"]);
  assert.equal(inputs[0].code, "KeyQ");
  sticky.cycle("AltGraph");
  assert.deepEqual(told(sticky.apply({ message: "TEXT", text: "ü" })), [`+ü:${ALT_GRAPH}`, `-ü:${ALT_GRAPH}`, "-AltGraph:0"]);
});

test("Shift makes a letter large", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("Shift");
  assert.deepEqual(told(sticky.apply({ message: "TEXT", text: "ä" })), [`+Ä:${SHIFT}`, `-Ä:${SHIFT}`, "-Shift:0"]);
});

test("a click under a modifier uses it up, the way there does not", () => {
  const sticky = new StickyModifiers();
  const pointer = (buttons) => ({ message: "POINTER", x: 1, y: 2, buttons, modifiers: 0 });
  sticky.cycle("Control");
  assert.deepEqual(told(sticky.apply(pointer(0))), [`POINTER:${CONTROL}`]);
  assert.deepEqual(told(sticky.apply(pointer(1))), [`POINTER:${CONTROL}`]);
  assert.deepEqual(told(sticky.apply(pointer(0))), [`POINTER:${CONTROL}`, "-Control:0"]);
});

test("when everything is released nothing stays held", () => {
  const sticky = new StickyModifiers();
  sticky.cycle("Control");
  sticky.cycle("Alt");
  sticky.cycle("Alt");
  assert.deepEqual(told(sticky.apply({ message: "RELEASE_ALL" })), ["RELEASE_ALL:"]);
  assert.deepEqual(["Control", "Alt"].map((each) => sticky.stateOf(each)), ["off", "off"]);
});
