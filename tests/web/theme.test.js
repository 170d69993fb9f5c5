import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { CONTRAST, SCHEMES, coloursOf, contrast, parse } from "../../web_client/ui/theme_colours.js";

const LEVELS = [0, 0x33, 0x66, 0x80, 0x99, 0xcc, 0xff];
const hex = (...values) => `#${values.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
const EVERY = LEVELS.flatMap((red) => LEVELS.flatMap((green) => LEVELS.map((blue) => hex(red, green, blue))));

for (const [name, scheme] of Object.entries(SCHEMES)) {
  test(`text in any accent, and on it, can be read on ${name} grounds`, () => {
    for (const chosen of EVERY) {
      const { accent, hover, on } = coloursOf(chosen, scheme);
      for (const ground of scheme.grounds) assert.ok(contrast(parse(accent), parse(ground)) >= CONTRAST, `${chosen} on ${ground}`);
      for (const colour of [accent, hover]) assert.ok(contrast(parse(on), parse(colour)) >= CONTRAST, `${on} on ${colour} of ${chosen}`);
    }
  });

  test(`the grounds of the ${name} scheme are those of the styles`, () => {
    const styles = readFileSync(new URL("../../web_client/styles/base.css", import.meta.url), "utf8");
    const [light, dark] = styles.split("@media (prefers-color-scheme: dark)");
    const own = name === "dark" ? dark : light;
    for (const token of ["page", "surface", "sunken", "notice-soft"]) {
      const [, value] = own.match(new RegExp(`--${token}: (#[0-9a-f]{6});`)) ?? [];
      assert.ok(scheme.grounds.includes(value), `--${token} is ${value}`);
    }
  });
}

test("an accent that can be read already is left as it is", () => {
  assert.equal(coloursOf("#1b5fae", SCHEMES.light).accent, "#1b5fae");
  assert.equal(coloursOf("#7ab6f5", SCHEMES.dark).accent, "#7ab6f5");
});

test("the hue of an accent is kept", () => {
  const [red, green, blue] = parse(coloursOf("#ffcc00", SCHEMES.light).accent);
  assert.ok(red > green && green > blue);
});

test("a page under the accent's glow still bears muted text", () => {
  for (const [scheme, muted] of [[SCHEMES.light, "#556371"], [SCHEMES.dark, "#a0b0c1"]])
    for (const chosen of EVERY) assert.ok(contrast(parse(coloursOf(chosen, scheme).glow), parse(muted)) >= CONTRAST, chosen);
});
