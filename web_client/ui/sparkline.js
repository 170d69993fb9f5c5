/** A row of thin bars, the newest at the right: how a figure went. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 4;
const GAP = 1;
const HEIGHT = 32;

export class Sparkline {
  #count;
  #least;
  /** @type {(number | null)[]} */
  #values = [];
  #path = document.createElementNS(SVG, "path");
  element = document.createElementNS(SVG, "svg");

  /**
   * @param {number} count of bars
   * @param {number} least the value that fills the height, unless there are larger ones
   */
  constructor(count, least) {
    this.#count = count;
    this.#least = least;
    this.element.setAttribute("viewBox", `0 0 ${count * WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "sparkline");
    this.element.setAttribute("role", "img");
    this.element.append(this.#path);
  }

  /**
   * @param {number | null} value null leaves a gap
   * @param {string} label
   */
  add(value, label) {
    this.#values.push(value);
    if (this.#values.length > this.#count) this.#values.shift();
    const largest = Math.max(this.#least, ...this.#values.map((each) => each ?? 0));
    const first = this.#count - this.#values.length;
    this.#path.setAttribute("d", this.#values.map((each, index) => bar(each, first + index, largest)).join(""));
    this.element.setAttribute("aria-label", label);
  }
}

/**
 * @param {number | null} value
 * @param {number} index
 * @param {number} largest
 */
function bar(value, index, largest) {
  if (value === null) return "";
  const height = Math.max(1, Math.round((value / largest) * HEIGHT * 10) / 10);
  return `M${index * WIDTH} ${HEIGHT}v${-height}h${WIDTH - GAP}v${height}z`;
}
