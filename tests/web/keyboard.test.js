import assert from "node:assert/strict";
import test from "node:test";

import { isPaste, locksOf, modifiersOf, textPieces } from "../../web_client/core/input/keymap.js";
import { LOCK, MAXIMUM_TEXT_BYTES, MODIFIER } from "../../web_client/core/protocol/messages.js";
import { Desk, stroke } from "./keyboard_desk.js";

test("a stroke goes on with code, text, modifiers and locks, and stays off the page", () => {
  const desk = new Desk();
  const event = desk.down("A", { shiftKey: true, states: ["NumLock"] });
  assert.equal(event.defaultPrevented, true);
  assert.deepEqual(desk.out, [
    { message: "KEY", down: true, modifiers: MODIFIER.SHIFT, locks: LOCK.NUM, code: "KeyA", text: "A" },
  ]);
});

test("a release goes on only for what was pressed here", () => {
  const desk = new Desk();
  desk.up("Enter", { code: "Enter" });
  desk.down("Enter", { code: "Enter" });
  desk.up("Enter", { code: "Enter" });
  desk.up("Enter", { code: "Enter" });
  assert.deepEqual(desk.told, ["+Enter", "-Enter"]);
});

test("a repeated stroke is passed on: the display's own repeat is off", () => {
  const desk = new Desk();
  desk.down("a");
  desk.down("a", { repeat: true });
  assert.deepEqual(desk.told, ["+a", "+a"]);
});

test("a key that is held repeats nothing while the application is out of reach", () => {
  let isAway = true;
  const desk = new Desk({ isAway: () => isAway });
  desk.down("Backspace", { code: "Backspace" });
  assert.equal(desk.down("Backspace", { code: "Backspace", repeat: true }).defaultPrevented, true);
  isAway = false;
  desk.down("Backspace", { code: "Backspace", repeat: true });
  desk.up("Backspace", { code: "Backspace" });
  assert.deepEqual(desk.told, ["+Backspace", "+Backspace", "-Backspace"]);
});

test("when the keyboard turns elsewhere everything is released", () => {
  const desk = new Desk();
  desk.down("Shift", { code: "ShiftLeft" });
  desk.fire("blur");
  desk.up("Shift", { code: "ShiftLeft" });
  assert.deepEqual(desk.told, ["+Shift", "RELEASE_ALL"]);
});

test("what an input method takes is not sent as strokes; what it commits is sent as text", () => {
  const desk = new Desk();
  const events = [desk.down("Process", { keyCode: 229 })];
  desk.fire("compositionstart");
  events.push(desk.down("k", { isComposing: true }), desk.down("Dead"));
  desk.fire("compositionend", { data: "漢字" });
  assert.ok(events.every(({ defaultPrevented }) => !defaultPrevented));
  assert.deepEqual(desk.told, ['"漢字"']);
});

test("a composition that was given up sends nothing", () => {
  const desk = new Desk();
  desk.fire("compositionend", { data: "" });
  assert.deepEqual(desk.out, []);
});

test("text of on-screen keyboards arrives without strokes", () => {
  const desk = new Desk();
  desk.fire("input", { inputType: "insertText", data: "ü", isComposing: false });
  desk.fire("input", { inputType: "deleteContentBackward", data: null, isComposing: false });
  desk.fire("input", { inputType: "insertCompositionText", data: "k", isComposing: true });
  assert.deepEqual(desk.told, ['"ü"', "+Backspace", "-Backspace"]);
});

test("the browser's clipboard goes ahead of the stroke that pastes, and of what is typed behind it", () => {
  const desk = new Desk();
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  const event = desk.down("v", { ctrlKey: true });
  desk.down("x");
  assert.equal(event.defaultPrevented, false, "the browser fires its paste event");
  assert.deepEqual(desk.told, ["+Control"]);
  const paste = desk.fire("paste", { clipboardData: { getData: () => "copied" } });
  assert.equal(paste.defaultPrevented, true);
  assert.deepEqual(desk.told, ["+Control", "clipboard:copied", "+v", "+x"]);
});

test("without a paste event the clipboard is read, and the stroke goes on", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const desk = new Desk();
  desk.down("v", { ctrlKey: true });
  t.mock.timers.tick(60);
  await Promise.resolve();
  assert.deepEqual(desk.told, ["read", "+v"]);
});

test("a clipboard that is read late lets nothing out that a newer paste holds back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const reads = [];
  const desk = new Desk();
  desk.read = () => new Promise((resolve) => reads.push(resolve));
  desk.down("v", { ctrlKey: true });
  t.mock.timers.tick(60);
  desk.up("v", { ctrlKey: true });
  desk.down("v", { ctrlKey: true });
  assert.deepEqual(desk.told, ["+v", "-v"]);
  reads[0]();
  await new Promise(setImmediate);
  assert.deepEqual(desk.told, ["+v", "-v"]);
  desk.fire("paste", { clipboardData: { getData: () => "new" } });
  assert.deepEqual(desk.told, ["+v", "-v", "clipboard:new", "+v"]);
});

test("where text may not go to the application, pasting is a stroke like any other", () => {
  const desk = new Desk();
  desk.takesText = false;
  assert.equal(desk.down("v", { ctrlKey: true }).defaultPrevented, true);
  assert.deepEqual(desk.told, ["+v"]);
});

test("a stroke that copies is announced before it goes", () => {
  const desk = new Desk();
  desk.down("c", { ctrlKey: true });
  assert.deepEqual(desk.told, ["copying", "+c"]);
});

test("strokes that the page keeps never reach the application", () => {
  const desk = new Desk({ reserved: ({ code, ctrlKey }) => code === "Home" && ctrlKey });
  assert.equal(desk.down("Home", { code: "Home", ctrlKey: true }).defaultPrevented, true);
  desk.up("Home", { code: "Home", ctrlKey: true });
  assert.deepEqual(desk.out, []);
});

test("F11 and the volume stay with the browser", () => {
  const desk = new Desk();
  for (const key of ["F11", "AudioVolumeUp"]) assert.equal(desk.down(key, { code: key }).defaultPrevented, false);
  assert.deepEqual(desk.out, []);
});

test("F11 goes to the application where the browser lends all keys", () => {
  let areLent = true;
  const desk = new Desk({ areKeysLent: () => areLent });
  desk.down("F11", { code: "F11" });
  areLent = false;
  desk.up("F11", { code: "F11" });
  desk.down("F11", { code: "F11" });
  assert.deepEqual(desk.told, ["+F11", "-F11"]);
});

test("Escape arrives once, however long it is held, where holding it leaves full screen", () => {
  let areLent = true;
  const desk = new Desk({ areKeysLent: () => areLent });
  const held = { code: "Escape", repeat: true };
  desk.down("Escape", { code: "Escape" });
  assert.equal(desk.down("Escape", held).defaultPrevented, true);
  desk.down("a", { repeat: true });
  desk.up("Escape", { code: "Escape" });
  areLent = false;
  desk.down("Escape", held);
  assert.deepEqual(desk.told, ["+Escape", "+a", "-Escape", "+Escape"]);
});

test("on Windows, AltGr arrives without the Control that Windows adds", () => {
  const desk = new Desk({ platform: { isWindows: true } });
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  desk.down("AltGraph", { code: "AltRight", ctrlKey: true, altKey: true, states: ["AltGraph"] });
  desk.down("@", { code: "KeyQ", ctrlKey: true, altKey: true, states: ["AltGraph"] });
  assert.deepEqual(desk.told, ["+AltGraph", "+@"]);
  assert.equal(desk.out[1].modifiers, MODIFIER.ALT_GRAPH);
});

test("on Windows, a Control alone goes on with the next stroke or its release", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const desk = new Desk({ platform: { isWindows: true } });
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  desk.down("a", { ctrlKey: true });
  assert.deepEqual(desk.told, ["+Control", "+a"]);
  desk.up("a", { ctrlKey: true });
  desk.up("Control", { code: "ControlLeft" });
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  t.mock.timers.tick(10);
  desk.up("Control", { code: "ControlLeft" });
  assert.deepEqual(desk.told.slice(2), ["-a", "-Control", "+Control", "-Control"]);
});

test("on Windows, a Control that was kept back is not pressed once the keyboard turned elsewhere", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const desk = new Desk({ platform: { isWindows: true } });
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  desk.fire("blur");
  t.mock.timers.tick(10);
  assert.deepEqual(desk.told, ["RELEASE_ALL"]);
});

test("on a Mac, Command with a letter is Control in the application", () => {
  const desk = new Desk({ platform: { isMac: true } });
  desk.down("Meta", { code: "MetaLeft", metaKey: true });
  desk.down("z", { metaKey: true });
  assert.deepEqual(desk.told, ["+Meta", "RELEASE_ALL", "+Control", "+z", "-z", "-Control"]);
  assert.equal(desk.out[3].modifiers, MODIFIER.CONTROL);
});

test("on a Mac, releasing Command releases what it hid the release of", () => {
  const desk = new Desk({ platform: { isMac: true } });
  desk.down("Meta", { code: "MetaLeft", metaKey: true });
  desk.down("k", { metaKey: true });
  desk.up("Meta", { code: "MetaLeft" });
  assert.deepEqual(desk.told, ["+Meta", "+k", "-Meta", "RELEASE_ALL"]);
});

test("a stopped keyboard hears nothing", () => {
  const desk = new Desk();
  desk.keyboard.stop();
  desk.down("a");
  assert.deepEqual(desk.out, []);
});

test("every modifier and lock has its bit", () => {
  const all = stroke("a", { shiftKey: true, ctrlKey: true, altKey: true, metaKey: true });
  assert.equal(modifiersOf(all), MODIFIER.SHIFT | MODIFIER.CONTROL | MODIFIER.ALT | MODIFIER.META);
  assert.equal(modifiersOf(stroke("@", { ctrlKey: true, altKey: true, states: ["AltGraph"] })), MODIFIER.ALT_GRAPH);
  assert.equal(locksOf(stroke("a", { states: ["CapsLock", "NumLock"] })), LOCK.CAPS | LOCK.NUM);
});

test("the strokes that paste are known, and their neighbours are not", () => {
  const pastes = [stroke("v", { ctrlKey: true }), stroke("V", { ctrlKey: true, shiftKey: true }), stroke("v", { metaKey: true }),
    stroke("Insert", { shiftKey: true }), stroke("Paste")];
  const others = [stroke("v"), stroke("v", { ctrlKey: true, altKey: true }), stroke("Insert"), stroke("Insert", { ctrlKey: true })];
  assert.ok(pastes.every(isPaste));
  assert.ok(!others.some(isPaste));
});

test("long committed text is cut between characters into pieces that fit", () => {
  const text = "😀é".repeat(3000);
  const pieces = textPieces(text);
  assert.equal(pieces.join(""), text);
  assert.ok(pieces.every((piece) => new TextEncoder().encode(piece).length <= MAXIMUM_TEXT_BYTES));
  assert.ok(pieces.every((piece) => piece.isWellFormed()));
});

const CHROMIUM_ON_LINUX = { platform: { isChromiumOnLinux: true } };

test("in Chromium on Linux, the text of a stroke is what its keypress says", () => {
  const desk = new Desk(CHROMIUM_ON_LINUX);
  desk.down("e");
  assert.deepEqual(desk.told, []);
  const { defaultPrevented } = desk.fire("keypress", stroke("é", { code: "KeyE" }));
  desk.up("e");
  assert.deepEqual(desk.told, ["+é", "-e"]);
  assert.equal(desk.out[0].code, "KeyE");
  assert.ok(defaultPrevented, "it does not come into the text area as well");
});

test("in Chromium on Linux, a stroke without a keypress goes on as it is, before whatever follows", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const desk = new Desk(CHROMIUM_ON_LINUX);
  desk.down("a");
  t.mock.timers.tick(500);
  assert.ok(desk.fire("keypress", stroke("a")).defaultPrevented, "too late");
  desk.up("a");
  desk.down("b");
  desk.up("b");
  desk.down("c");
  desk.down("Enter", { code: "Enter" });
  desk.down("d");
  desk.fire("blur");
  assert.deepEqual(desk.told, ["+a", "-a", "+b", "-b", "+c", "+Enter", "+d", "RELEASE_ALL"]);
});

test("in Chromium on Linux, a stroke that an input method made a longer text of arrives as that alone", () => {
  const desk = new Desk(CHROMIUM_ON_LINUX);
  desk.down("a");
  desk.fire("input", { inputType: "insertText", data: "한글", isComposing: false });
  desk.up("a");
  assert.deepEqual(desk.told, ['"한글"']);
});

test("in Chromium on Linux, shortcuts, named keys and modifiers wait for nothing", () => {
  const desk = new Desk(CHROMIUM_ON_LINUX);
  desk.down("Control", { code: "ControlLeft", ctrlKey: true });
  desk.down("s", { ctrlKey: true });
  desk.down("Enter", { code: "Enter" });
  assert.deepEqual(desk.told, ["+Control", "+s", "+Enter"]);
});
