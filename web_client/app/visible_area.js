/**
 * How much of the view a phone's keyboard covers. The page keeps its size under it (`interactive-widget=resizes-visual`), so
 * that the application's windows do not jump each time it comes; the picture moves instead.
 */

/** Less is a bar of the browser that comes and goes. */
const KEYBOARD_PX = 80;

export class VisibleArea {
  #view;
  #changed;
  #listeners = new AbortController();

  /**
   * @param {HTMLElement} view
   * @param {(covered: {top: number, bottom: number}) => void} changed CSS pixels of the view
   */
  constructor(view, changed) {
    this.#view = view;
    this.#changed = changed;
    const { signal } = this.#listeners;
    for (const type of ["resize", "scroll"]) visualViewport?.addEventListener(type, () => this.#changed(this.covered), { signal });
  }

  get covered() {
    if (visualViewport === null) return { top: 0, bottom: 0 };
    const { offsetTop, height, scale } = visualViewport;
    const bottom = this.#view.clientHeight - offsetTop - height;
    // A page that the browser itself has enlarged shows a part of everything: no keyboard.
    if (scale > 1.01 || offsetTop + bottom < KEYBOARD_PX) return { top: 0, bottom: 0 };
    return { top: Math.max(0, offsetTop), bottom: Math.max(0, bottom) };
  }

  stop() {
    this.#listeners.abort();
  }
}
