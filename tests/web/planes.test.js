/** A decoder's planes become the colours that the formulas of BT.601 and BT.709 tell, row by row. */

import assert from "node:assert/strict";
import test from "node:test";

import { bytesOf, eachBand, layoutOf, planesOf } from "../../web_client/core/display/planes.js";
import { generator } from "./mutants.js";

const [BT601, BT709] = [1, 2];
/** Red's share in light, and blue's. */
const SHARES = { [BT601]: [0.299, 0.114], [BT709]: [0.2126, 0.0722] };

/** Of limited range, in real numbers. */
function expected(colour, [light, u, v]) {
  const [ofRed, ofBlue] = SHARES[colour];
  const grey = (light - 16) / 219;
  const red = grey + ((v - 128) / 224) * 2 * (1 - ofRed);
  const blue = grey + ((u - 128) / 224) * 2 * (1 - ofBlue);
  const green = (grey - ofRed * red - ofBlue * blue) / (1 - ofRed - ofBlue);
  return [red, green, blue].map((value) => Math.max(0, Math.min(255, value * 255)));
}

/** Any bytes, and those at the ends of what bytes are. */
function filled(planes) {
  const draw = generator(7);
  return new Uint8ClampedArray(bytesOf(planes)).map(() => [0, 255, 16, 235, draw(), draw(), draw(), draw()][draw() & 7]);
}

function sampleAt(planes, bytes, x, y) {
  const halving = planes.format === "I420" ? 2 : 1;
  return layoutOf(planes).map(({ offset, stride }, plane) => {
    const by = plane === 0 ? 1 : halving;
    return bytes[offset + Math.floor(y / by) * stride + Math.floor(x / by)];
  });
}

for (const format of ["I420", "I444"])
  for (const colour of [BT601, BT709])
    for (const [width, height] of [[16, 16], [64, 33], [50, 17], [1, 1], [640, 100]])
      test(`${format} of ${width}x${height} has the colours of ${colour === BT601 ? "BT.601" : "BT.709"}`, () => {
        const planes = planesOf(format, colour, { width, height });
        const bytes = filled(planes);
        let [next, worst] = [0, 0];
        eachBand(planes, bytes, height, (rgba, top, rows) => {
          assert.deepEqual([top, rgba.length], [next, planes.stride * rows * 4]);
          next += rows;
          for (let y = 0; y < rows; y++)
            for (let x = 0; x < width; x++) {
              const pixel = rgba.subarray((y * planes.stride + x) * 4);
              const colours = expected(colour, sampleAt(planes, bytes, x, top + y));
              worst = Math.max(worst, 255 - pixel[3], ...colours.map((level, channel) => Math.abs(level - pixel[channel])));
            }
        });
        assert.equal(next, height);
        assert.ok(worst < 0.6, `${worst} levels off`);
      });

test("no more rows are converted than are wanted", () => {
  const planes = planesOf("I420", BT601, { width: 32, height: 48 });
  const tops = [];
  eachBand(planes, filled(planes), 20, (_, top, rows) => tops.push([top, rows]));
  assert.deepEqual(tops, [[0, 16], [16, 4]]);
});

test("planes lie one behind the other, their rows filled up", () => {
  const planes = planesOf("I420", BT601, { width: 17, height: 3 });
  assert.deepEqual(layoutOf(planes), [{ offset: 0, stride: 32 }, { offset: 96, stride: 16 }, { offset: 128, stride: 16 }]);
  assert.equal(bytesOf(planes), 160);
});

test("what it does not know is left to the browser", () => {
  const size = { width: 64, height: 64 };
  assert.equal(planesOf("NV12", BT601, size), null);
  assert.equal(planesOf(null, BT601, size), null);
  assert.equal(planesOf("I420", 3, size), null);
  assert.equal(planesOf("I420", BT601, { width: 8193, height: 16 }), null);
});
