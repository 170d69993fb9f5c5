import assert from "node:assert/strict";
import test from "node:test";

import { Caret } from "../../web_client/core/display/caret.js";
import { Zoom } from "../../web_client/core/display/zoom.js";

const VIEW = { left: 0, top: 0, width: 400, height: 800 };

function filling() {
  const zoom = new Zoom();
  zoom.fit(VIEW, VIEW);
  return zoom;
}

test("what was between the fingers stays between them", () => {
  const zoom = filling();
  zoom.pinch({ x: 100, y: 200, distance: 100 }, { x: 100, y: 200, distance: 250 });
  assert.equal(zoom.scale, 2.5);
  assert.deepEqual(zoom.place, { left: -150, top: -300, width: 1000, height: 2000 });
  zoom.pinch({ x: 100, y: 200, distance: 100 }, { x: 60, y: 150, distance: 100 });
  assert.deepEqual([zoom.place.left, zoom.place.top], [-190, -350]);
});

test("the picture is never smaller than at rest, nor larger than eight times", () => {
  const zoom = filling();
  zoom.pinch({ x: 10, y: 10, distance: 100 }, { x: 10, y: 10, distance: 1 });
  assert.deepEqual(zoom.place, VIEW);
  zoom.pinch({ x: 10, y: 10, distance: 1 }, { x: 10, y: 10, distance: 1000 });
  assert.equal(zoom.scale, 8);
  zoom.pinch({ x: 10, y: 10, distance: 0 }, { x: 10, y: 10, distance: 5 });
  assert.equal(zoom.scale, 8);
});

test("the view never shows what is beside the picture", () => {
  const zoom = filling();
  zoom.pinch({ x: 200, y: 400, distance: 100 }, { x: 200, y: 400, distance: 200 });
  for (const [dx, dy] of [[5000, 5000], [-5000, -5000], [5000, -5000]]) {
    zoom.pinch({ x: 0, y: 0, distance: 100 }, { x: dx, y: dy, distance: 100 });
    const { left, top, width, height } = zoom.place;
    assert.ok(left <= 0 && top <= 0 && left + width >= 400 && top + height >= 800, JSON.stringify(zoom.place));
  }
});

test("a little is meant as nothing, and a reset puts it back", () => {
  const zoom = filling();
  zoom.pinch({ x: 200, y: 400, distance: 100 }, { x: 200, y: 400, distance: 105 });
  zoom.settle();
  assert.deepEqual(zoom.place, VIEW);
  zoom.pinch({ x: 200, y: 400, distance: 100 }, { x: 200, y: 400, distance: 300 });
  zoom.settle();
  assert.equal(zoom.scale, 3);
  zoom.reset();
  assert.deepEqual(zoom.place, VIEW);
});

test("a picture that is smaller than its view rests in its middle, enlarged or not", () => {
  const zoom = new Zoom();
  zoom.fit({ left: 100, top: 300, width: 200, height: 200 }, VIEW);
  assert.equal(zoom.overflows, false);
  zoom.pinch({ x: 110, y: 310, distance: 100 }, { x: 110, y: 310, distance: 150 });
  assert.deepEqual(zoom.place, { left: 50, top: 250, width: 300, height: 300 });
  zoom.reset();
  assert.deepEqual(zoom.place, { left: 100, top: 300, width: 200, height: 200 });
});

test("a keyboard over the lower half moves the picture just so far that the caret is seen, and no further", () => {
  const zoom = filling();
  const seen = { ...VIEW, height: 400 };
  zoom.fit(VIEW, seen);
  assert.equal(zoom.overflows, true);
  zoom.reveal({ left: 50, top: 100, width: 1, height: 20 });
  assert.equal(zoom.place.top, 0);
  zoom.reveal({ left: 50, top: 600, width: 1, height: 20 });
  assert.equal(zoom.place.top, 400 - 24 - 620);
  zoom.reveal({ left: 50, top: 795, width: 1, height: 5 });
  assert.equal(zoom.place.top, -400);
  zoom.fit(VIEW, VIEW);
  assert.deepEqual(zoom.place, VIEW);
});

test("what a browser pushes down from above is not covered by nothing", () => {
  const zoom = filling();
  zoom.fit(VIEW, { ...VIEW, top: 300, height: 500 });
  zoom.reveal({ left: 0, top: 0, width: 1, height: 1 });
  assert.equal(zoom.place.top, 300);
});

test("an enlarged picture follows the caret both ways", () => {
  const zoom = filling();
  zoom.pinch({ x: 0, y: 0, distance: 100 }, { x: 0, y: 0, distance: 400 });
  zoom.reveal({ left: 300, top: 700, width: 10, height: 10 });
  const { left, top } = zoom.place;
  assert.ok(left + 300 * 4 >= 0 && left + 310 * 4 <= 400, String(left));
  assert.ok(top + 700 * 4 >= 0 && top + 710 * 4 <= 800, String(top));
});

test("the caret is where something small changes right after a key", () => {
  const caret = new Caret();
  const small = [{ x: 10, y: 20, width: 8, height: 16 }, { x: 30, y: 20, width: 2, height: 16 }];
  assert.equal(caret.drawn(small, 0), null);
  caret.sent({ message: "KEY", down: true, modifiers: 0, locks: 0, code: "KeyA", text: "a" }, 1000);
  assert.deepEqual(caret.drawn(small, 1020), { x: 10, y: 20, width: 22, height: 16 });
  assert.equal(caret.drawn([{ x: 0, y: 0, width: 800, height: 600 }], 1030), null);
  assert.equal(caret.drawn([], 1030), null);
  assert.equal(caret.drawn(small, 1600), null);
});
