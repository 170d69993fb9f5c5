/** A screen that is a list without a name in its address, and what stands behind the name with one. */

import { h } from "../ui/dom.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./router.js").Place} Place */
/** @typedef {import("./screens.js").Screen} Screen */
/** @typedef {Omit<Screen, "moved"> & {moved?: (place: Place) => boolean}} Part `moved`: whether it shows that place now */

/**
 * @param {Place} place
 * @param {(place: Place) => Part} make
 * @returns {Screen}
 */
export function switching(place, make) {
  let shown = make(place);
  const element = h("div", { class: "switching" }, shown.element);
  return {
    element,
    focus: () => shown.focus(),
    stop: () => shown.stop(),
    changed: (kinds) => shown.changed?.(kinds),
    search: () => shown.search?.(),
    move: (by) => shown.move?.(by),
    create: () => shown.create?.(),
    close: () => shown.close?.() ?? false,
    moved(next) {
      if (shown.moved?.(next)) return;
      shown.stop();
      shown = make(next);
      element.replaceChildren(shown.element);
      shown.focus();
    },
  };
}
