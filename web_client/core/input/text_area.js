/** The invisible text area that takes the keyboard: input methods need a real place to compose in. */

/** @type {Partial<CSSStyleDeclaration>} */
const STYLE = {
  position: "absolute", left: "0", top: "0", width: "1px", height: "1px", padding: "0", border: "0", margin: "0",
  opacity: "0", resize: "none", whiteSpace: "pre", overflow: "hidden", pointerEvents: "none", outline: "none",
  // iOS zooms into fields of a smaller font.
  fontSize: "16px",
};
const ATTRIBUTES = { autocapitalize: "off", autocomplete: "off", autocorrect: "off", spellcheck: "false", tabindex: "0" };

/**
 * @param {HTMLElement} element
 * @param {string} label
 */
export function createTextArea(element, label) {
  const area = document.createElement("textarea");
  Object.assign(area.style, STYLE);
  for (const [name, value] of Object.entries(ATTRIBUTES)) area.setAttribute(name, value);
  area.setAttribute("aria-label", label);
  element.append(area);
  return area;
}

/**
 * Where the user presses is where an input method shows its candidates.
 * @param {HTMLTextAreaElement} area
 * @param {{clientX: number, clientY: number}} press
 */
export function placeTextArea(area, { clientX, clientY }) {
  const frame = area.parentElement?.getBoundingClientRect();
  if (!frame) return;
  area.style.left = `${Math.min(clientX - frame.left, frame.width - 1)}px`;
  area.style.top = `${Math.min(clientY - frame.top, frame.height - 1)}px`;
}

/**
 * Shows what an input method composes, where the user works; the application sees it once it is committed.
 * @param {HTMLTextAreaElement} area
 * @param {string} text
 */
export function showComposition(area, text) {
  const shown = { opacity: "1", width: `${text.length + 1}em`, height: "1.5em", background: "Field", color: "FieldText", zIndex: "1" };
  const hidden = { opacity: "0", width: "1px", height: "1px", background: "", color: "", zIndex: "" };
  Object.assign(area.style, text ? shown : hidden);
}
