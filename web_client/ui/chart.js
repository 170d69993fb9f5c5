/**
 * Counts over time as stacked bars. Drawn by hand: some rectangles, two axes and a pointer need no library.
 *
 * The numbers under the pointer, or under the mark that the arrow keys move, are said in words below the title.
 */

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 120;
const LEFT = 34;
const BOTTOM = 18;
const TOP = 6;

/** @typedef {{id: string, title: string, values: number[]}} Series `id` is also its class: the colour */

export class BarChart {
  #texts;
  /** @type {{start: number, seconds: number, series: Series[]}} */
  #data = { start: 0, seconds: 1, series: [] };
  #svg = document.createElementNS(SVG, "svg");
  #mark = document.createElementNS(SVG, "rect");
  #said = h("span", { class: "chart-said", role: "status" });
  #legend = h("span", { class: "chart-legend" });
  #at = -1;

  /**
   * @param {string} title
   * @param {{total: (series: Series[]) => string, moment: (from: Date, to: Date, series: {title: string, value: number}[]) => string}} texts
   */
  constructor(title, texts) {
    this.#texts = texts;
    this.#svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute("aria-hidden", "true");
    this.#mark.setAttribute("class", "chart-mark");
    const plot = h("div", {
      class: "chart-plot", tabindex: "0", role: "group", "aria-label": title,
      pointermove: (event) => this.#point(event), pointerleave: () => this.#show(-1), keydown: (event) => this.#key(event),
      blur: () => this.#show(-1),
    }, this.#svg);
    this.element = h("figure", { class: "chart" },
      h("figcaption", {}, h("strong", {}, title), this.#legend, this.#said), plot);
  }

  /** @param {{start: number, seconds: number, series: Series[]}} data start: unix time of the first bar */
  show(data) {
    this.#data = data;
    const { series } = data;
    this.#legend.replaceChildren(...series.map(({ id, title }) => h("span", { class: `chart-key ${id}` }, title)));
    const count = this.#count;
    const sums = Array.from({ length: count }, (_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
    const most = niceMost(Math.max(1, ...sums));
    this.#svg.replaceChildren(...this.#scale(most), ...this.#hours(), ...this.#bars(most), this.#mark);
    this.#show(this.#at);
  }

  get #count() {
    return this.#data.series[0]?.values.length ?? 0;
  }

  get #step() {
    return (WIDTH - LEFT) / Math.max(1, this.#count);
  }

  /** @param {number} most */
  #bars(most) {
    const base = Array.from({ length: this.#count }, () => 0);
    const height = HEIGHT - BOTTOM - TOP;
    return this.#data.series.map(({ id, values }) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", `chart-bars ${id}`);
      path.setAttribute("d", values.map((value, index) => {
        if (value === 0) return "";
        const bottom = TOP + height * (1 - base[index] / most);
        base[index] += value;
        return `M${(LEFT + index * this.#step).toFixed(1)} ${bottom.toFixed(1)}v${(-(height * value) / most).toFixed(1)}h${(this.#step * 0.85).toFixed(1)}V${bottom.toFixed(1)}z`;
      }).join(""));
      return path;
    });
  }

  /** @param {number} most */
  #scale(most) {
    return [0, most / 2, most].filter((value) => Number.isInteger(value)).flatMap((value) => {
      const y = TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / most);
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("class", "chart-line");
      line.setAttribute("d", `M${LEFT} ${y.toFixed(1)}H${WIDTH}`);
      return [line, text(LEFT - 6, y + 4, "end", value.toLocaleString())];
    });
  }

  /** Every sixth hour, as clocks here say it. */
  #hours() {
    const { start, seconds } = this.#data;
    const marks = [];
    for (let index = 0; index < this.#count; index++) {
      const moment = new Date((start + index * seconds) * 1000);
      if (moment.getHours() % 6 !== 0 || moment.getMinutes() !== 0) continue;
      marks.push(text(LEFT + index * this.#step, HEIGHT - 4, "start", moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
    }
    return marks;
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const { left, width } = this.#svg.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * WIDTH - LEFT;
    this.#show(x < 0 ? -1 : Math.min(this.#count - 1, Math.floor(x / this.#step)));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    this.#show(this.#at < 0 ? this.#count - 1 : Math.max(0, Math.min(this.#count - 1, this.#at + by)));
  }

  /** @param {number} index -1: the whole */
  #show(index) {
    this.#at = index;
    const { start, seconds, series } = this.#data;
    this.#mark.setAttribute("visibility", index < 0 ? "hidden" : "visible");
    if (index < 0) {
      this.#said.textContent = this.#texts.total(series);
      return;
    }
    for (const [name, value] of Object.entries({ x: LEFT + index * this.#step, y: TOP, width: this.#step, height: HEIGHT - BOTTOM - TOP }))
      this.#mark.setAttribute(name, value.toFixed(1));
    const from = new Date((start + index * seconds) * 1000);
    this.#said.textContent = this.#texts.moment(from, new Date(from.getTime() + seconds * 1000), series.map(({ title, values }) => ({ title, value: values[index] })));
  }
}

/**
 * A round number that is not below.
 * @param {number} most
 */
function niceMost(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 4, 5, 10].find((each) => each * power >= most) ?? 10;
  return Math.max(2, step * power);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {"start" | "end"} anchor
 * @param {string} content
 */
function text(x, y, anchor, content) {
  const element = document.createElementNS(SVG, "text");
  element.setAttribute("x", x.toFixed(1));
  element.setAttribute("y", y.toFixed(1));
  element.setAttribute("text-anchor", anchor);
  element.textContent = content;
  return element;
}
