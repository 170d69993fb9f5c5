import assert from "node:assert/strict";
import test from "node:test";

import { arrange } from "../../web_client/core/windows/arrangement.js";
import { common } from "../../web_client/core/windows/further_window.js";

const LIMIT = { width: 3840, height: 2160 };
const view = (width, height, left) => ({ width, height, left });

test("windows lie side by side as they stand on the desk", () => {
  assert.deepEqual(arrange([view(1000, 700, 0), view(800, 600, 1000)], LIMIT), [
    { x: 0, y: 0, width: 1000, height: 700 },
    { x: 1000, y: 0, width: 800, height: 600 },
  ]);
  assert.deepEqual(arrange([view(1000, 700, 900), view(800, 600, -50)], LIMIT), [
    { x: 800, y: 0, width: 1000, height: 700 },
    { x: 0, y: 0, width: 800, height: 600 },
  ]);
});

test("those that are too wide for the display together lie one under the other", () => {
  assert.deepEqual(arrange([view(2560, 1080, 0), view(2560, 1000, 2560)], LIMIT), [
    { x: 0, y: 0, width: 2560, height: 1080 },
    { x: 0, y: 1080, width: 2560, height: 1000 },
  ]);
});

test("where neither fits they lie side by side, and the display is cut", () => {
  const monitors = arrange([view(3840, 2160, 0), view(3840, 2160, 1)], LIMIT);
  assert.deepEqual(monitors.map(({ x, y }) => [x, y]), [[0, 0], [3840, 0]]);
});

test("no two monitors share a pixel", () => {
  for (let seed = 1; seed < 300; seed++) {
    const random = (most) => ((seed * 7919 + most * 104729) % most) + 1;
    const views = Array.from({ length: 1 + (seed % 4) }, (_, at) => view(random(2000 + at), random(1500 + at), random(99 + at)));
    const monitors = arrange(views, LIMIT);
    monitors.forEach((one, at) => {
      assert.deepEqual({ width: one.width, height: one.height }, { width: views[at].width, height: views[at].height });
      for (const other of monitors.slice(at + 1)) assert.equal(common(one, other), null);
    });
  }
});
