/** Buttons that are pressed without taking the focus from what is worked on; the keyboard still reaches them. */

/**
 * @template {HTMLElement} Element
 * @param {Element} element
 */
export function keepFocus(element) {
  element.addEventListener("mousedown", (event) => event.preventDefault());
  return element;
}
