import assert from "node:assert/strict";
import test from "node:test";

import { layoutOf } from "../../web_client/app/environment.js";
import * as table from "../../web_client/app/keyboard_layouts.js";

/** What a browser would tell of this layout's keys; a blank is a key that it does not tell of. */
function keysOf(layout, changes = {}) {
  const labels = Array.from(table.LAYOUTS[layout]);
  const keys = table.CODES.map((code, index) => [code, changes[code] ?? labels[index]]);
  return new Map(keys.filter(([, label]) => label !== " "));
}

const choose = (locale, map) => layoutOf(locale, map, table);

test("where the browser does not tell of its keys the layout is the locale's", () => {
  const layouts = ["en-US", "en-GB", "sv-SE", "de-CH", "ru", "pt-BR", "ja"].map((locale) => choose(locale, null));
  assert.deepEqual(layouts, ["us", "gb", "se", "ch", "ru", "br", "jp"]);
});

test("each layout is found by its keys, whatever the locale", () => {
  for (const layout of Object.keys(table.LAYOUTS).filter((name) => keysOf(name).size > 20)) {
    const found = choose("en-US", keysOf(layout));
    const [wanted, got] = [layout, found].map((name) => Array.from(table.LAYOUTS[name]));
    const differing = got.filter((label, index) => label !== wanted[index] && !" ´¨ˆ˜˚".includes(wanted[index]));
    assert.ok(differing.length <= 1, `${layout}: ${found}`);
  }
});

test("of layouts that bear the same, the locale's is chosen, else what most people have", () => {
  assert.equal(choose("de-AT", keysOf("de")), "at");
  assert.equal(choose("de-DE", keysOf("at")), "de");
  assert.equal(choose("en-US", keysOf("at")), "de");
});

test("variants are told from their layout", () => {
  for (const layout of ["de(neo)", "fr(bepo)", "us(dvorak)", "us(colemak)", "tr(f)", "ru(phonetic)"])
    assert.equal(choose("en-US", keysOf(layout)), layout);
});

test("dead keys are known by whatever accent a system calls them", () => {
  const windows = keysOf("de", { Equal: "´", Backquote: "^" });
  const combining = keysOf("de", { Equal: "\u0301", Backquote: "\u0302" });
  assert.deepEqual([choose("en-US", windows), choose("en-US", combining)], ["de", "de"]);
});

test("a key that differs is no other layout", () => {
  assert.equal(choose("de-DE", keysOf("de", { IntlBackslash: "^" })), "de");
});

test("a map of a few keys tells nothing", () => {
  assert.equal(choose("fr-FR", new Map([["KeyQ", "q"]])), "fr");
});
