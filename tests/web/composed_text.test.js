import assert from "node:assert/strict";
import test from "node:test";

import { LOCK, MODIFIER } from "../../web_client/core/protocol/messages.js";
import { Desk } from "./keyboard_desk.js";

/** As Android's keyboards do: the field changes, and an event tells. */
function edit(desk, change, { isComposing = true } = {}) {
  desk.value = change(desk.value);
  desk.fire("input", { inputType: "insertCompositionText", data: null, isComposing });
}

test("a letter after a dead key is left to a browser that composes the two without telling", () => {
  const desk = new Desk();
  const events = [desk.down("Dead", { code: "Quote" }), desk.down("e")];
  desk.fire("input", { inputType: "insertText", data: "é", isComposing: false });
  desk.up("e");
  events.push(desk.down("e"));
  assert.deepEqual(events.map(({ defaultPrevented }) => defaultPrevented), [false, false, true]);
  assert.deepEqual(desk.told, ['"é"', "+e"]);
});

test("Shift between a dead key and its letter changes nothing", () => {
  const desk = new Desk();
  desk.down("Dead", { code: "Quote" });
  desk.down("Shift", { code: "ShiftLeft", shiftKey: true });
  assert.equal(desk.down("E", { shiftKey: true }).defaultPrevented, false);
});

test("a dead key waits neither for a shortcut nor behind a named key", () => {
  const desk = new Desk();
  desk.down("Dead", { code: "Quote" });
  desk.down("s", { ctrlKey: true });
  desk.down("Dead", { code: "Quote" });
  desk.down("ArrowLeft", { code: "ArrowLeft" });
  desk.down("e");
  assert.deepEqual(desk.told, ["+s", "+ArrowLeft", "+e"]);
});

test("a dead key is forgotten when the keyboard turns elsewhere", () => {
  const desk = new Desk();
  desk.down("Dead", { code: "Quote" });
  desk.fire("blur");
  desk.down("e");
  assert.deepEqual(desk.told, ["RELEASE_ALL", "+e"]);
});

test("a key that gives more than one character arrives as text", () => {
  const desk = new Desk();
  assert.equal(desk.down("لا", { code: "KeyB" }).defaultPrevented, false);
  desk.fire("input", { inputType: "insertText", data: "لا", isComposing: false });
  assert.deepEqual(desk.told, ['"لا"']);
});

test("what is composed is in sight until it is committed", () => {
  const desk = new Desk();
  desk.fire("compositionupdate", { data: "にほ" });
  assert.equal(desk.style.opacity, "1");
  desk.fire("compositionend", { data: "日本" });
  assert.equal(desk.style.opacity, "0");
});

test("on Android a word that is being composed arrives as it is typed and corrected", () => {
  const desk = new Desk({ platform: { isAndroid: true } });
  edit(desk, (value) => value + "h");
  edit(desk, (value) => value + "o");
  edit(desk, (value) => value.slice(0, -1) + "i");
  desk.fire("compositionend", { data: "hi" });
  edit(desk, (value) => value + " ", { isComposing: false });
  assert.deepEqual(desk.told, ['"h"', '"o"', "+Backspace", "-Backspace", '"i"', '" "']);
});

test("on Android there is always something to erase", () => {
  const desk = new Desk({ platform: { isAndroid: true } });
  edit(desk, (value) => value.slice(0, -1), { isComposing: false });
  edit(desk, (value) => value.slice(0, -2), { isComposing: false });
  assert.deepEqual(desk.told, Array(3).fill(["+Backspace", "-Backspace"]).flat());
});

test("on Android a candidate replaces what was composed", () => {
  const desk = new Desk({ platform: { isAndroid: true } });
  edit(desk, (value) => value + "ni");
  edit(desk, (value) => value.slice(0, -2) + "你");
  desk.fire("compositionend", { data: "你" });
  assert.deepEqual(desk.told, ['"ni"', ...Array(2).fill(["+Backspace", "-Backspace"]).flat(), '"你"']);
});

test("on a Mac, Option makes characters, and is Alt with named keys", () => {
  const desk = new Desk({ platform: { isMac: true } });
  desk.down("Alt", { code: "AltLeft", altKey: true });
  desk.down("@", { code: "KeyL", altKey: true });
  desk.up("@", { code: "KeyL", altKey: true });
  desk.down("F4", { code: "F4", altKey: true });
  desk.up("Alt", { code: "AltLeft" });
  assert.deepEqual(desk.told, ["+@", "-@", "+F4", "-Alt"]);
  assert.deepEqual([desk.out[0].modifiers, desk.out[2].modifiers], [MODIFIER.ALT_GRAPH, MODIFIER.ALT]);
});

test("on a Cyrillic keyboard the clipboard goes ahead of the stroke that pastes, too", () => {
  const desk = new Desk();
  desk.down("м", { code: "KeyV", ctrlKey: true });
  assert.deepEqual(desk.told, []);
  desk.fire("paste", { clipboardData: { getData: () => "copied" } });
  desk.down("с", { code: "KeyC", ctrlKey: true });
  assert.deepEqual(desk.told, ["clipboard:copied", "+м", "copying", "+с"]);
});

test("an accented letter at the place of V pastes nothing", () => {
  const desk = new Desk();
  desk.down("é", { code: "KeyV", ctrlKey: true, states: ["CapsLock"] });
  assert.deepEqual(desk.told, ["+é"]);
  assert.equal(desk.out[0].locks, LOCK.CAPS);
});

test("the field is emptied a while after the last stroke, not between strokes", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const desk = new Desk();
  desk.value = "é";
  desk.fire("input", { inputType: "insertText", data: "é", isComposing: false });
  for (let count = 0; count < 5; count++) {
    t.mock.timers.tick(900);
    desk.down("a");
  }
  assert.equal(desk.value, "é");
  t.mock.timers.tick(1000);
  assert.equal(desk.value, "");
});

for (const [what, options] of Object.entries({ Dead: {}, Compose: {}, Process: { keyCode: 229 }, n: { isComposing: true } }))
  test(`the field is left alone while ${what} waits for what completes it`, (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const desk = new Desk();
    desk.value = "é";
    desk.fire("input", { inputType: "insertText", data: "é", isComposing: false });
    if (options.isComposing) desk.fire("compositionstart");
    desk.down(what, { code: "Quote", ...options });
    desk.down("Shift", { code: "ShiftLeft" });
    t.mock.timers.tick(60_000);
    assert.equal(desk.value, "é");
  });

test("a stroke behind a composition is the application's, though Firefox says that it is composed", () => {
  const desk = new Desk();
  desk.fire("compositionstart");
  desk.fire("compositionend", { data: "글" });
  desk.fire("blur");
  assert.equal(desk.down("s", { ctrlKey: true, isComposing: true }).defaultPrevented, true);
  assert.deepEqual(desk.told, ['"글"', "RELEASE_ALL", "+s"]);
});
