/** Where each window's monitor lies in the display, so that it shows its part of it. Pure. */

/** @typedef {import("../protocol/messages.js").Monitor} Monitor */
/** In display pixels; `left`: where the window stands on the user's desk. @typedef {{width: number, height: number, left: number}} View */
/** @typedef {{width: number, height: number}} Size */

/**
 * Side by side as the windows stand, from left to right; one under the other where the display cannot be that wide.
 * @param {View[]} views
 * @param {Size} limit of the display
 * @returns {Monitor[]} in the order of the views
 */
export function arrange(views, limit) {
  const order = views.map((_, index) => index).sort((one, other) => views[one].left - views[other].left);
  const wide = sum(views.map(({ width }) => width));
  const tall = sum(views.map(({ height }) => height));
  const isStacked = wide > limit.width && tall <= limit.height;
  /** @type {Monitor[]} */
  const monitors = [];
  let at = 0;
  for (const index of order) {
    const { width, height } = views[index];
    monitors[index] = { x: isStacked ? 0 : at, y: isStacked ? at : 0, width, height };
    at += isStacked ? height : width;
  }
  return monitors;
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
