/**
 * From one colour that somebody chose to colours in which text can be read, on light and on dark grounds. Pure.
 *
 * The hue is kept, its lightness moved until text in it stands out from every ground it may lie on (WCAG 2.2, 1.4.3: 4.5
 * to 1), and so does what is written on it.
 */

/** @typedef {[number, number, number]} Rgb each 0 to 255 */
/** @typedef {{accent: string, hover: string, on: string, glow: string}} Colours */
/** @typedef {{grounds: string[], page: string, inks: string[], towards: 0 | 1, glow: number}} Scheme */

export const CONTRAST = 4.5;
const STEP = 0.01;
const HOVER_STEPS = 6;

/** Grounds of styles/base.css that text in the accent may lie on. @type {{light: Scheme, dark: Scheme}} */
export const SCHEMES = {
  light: { grounds: ["#ffffff", "#f3f5f8", "#eef1f5", "#e6f0fb"], page: "#f3f5f8", inks: ["#ffffff"], towards: 0, glow: 0.09 },
  dark: { grounds: ["#0e1319", "#171e27", "#0f151c", "#16293f"], page: "#0e1319", inks: ["#07182b", "#000000"], towards: 1, glow: 0.13 },
};

/**
 * @param {string} accent #rrggbb
 * @param {Scheme} scheme
 * @returns {Colours}
 */
export function coloursOf(accent, scheme) {
  const [hue, saturation, chosen] = toHsl(parse(accent));
  let lightness = chosen;
  while (!isReadable(toRgb(hue, saturation, lightness), scheme)) lightness = move(lightness, STEP, scheme);
  const readable = toRgb(hue, saturation, lightness);
  const hover = toRgb(hue, saturation, move(lightness, STEP * HOVER_STEPS, scheme));
  const on = scheme.inks.find((ink) => contrast(parse(ink), readable) >= CONTRAST) ?? scheme.inks[0];
  return { accent: format(readable), hover: format(hover), on, glow: format(mixed(readable, parse(scheme.page), scheme.glow)) };
}

/**
 * @param {Rgb} one
 * @param {Rgb} other
 */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** @param {string} text #rrggbb @returns {Rgb} */
export function parse(text) {
  return /** @type {Rgb} */ ([1, 3, 5].map((start) => Number.parseInt(text.slice(start, start + 2), 16)));
}

/** @param {Rgb} colour @param {Scheme} scheme */
function isReadable(colour, { grounds, inks, towards }) {
  const stands = grounds.every((ground) => contrast(colour, parse(ground)) >= CONTRAST);
  const bears = inks.some((ink) => contrast(colour, parse(ink)) >= CONTRAST);
  return (stands && bears) || luminance(colour) === towards;
}

/** @param {number} lightness @param {number} step @param {Scheme} scheme */
function move(lightness, step, { towards }) {
  return towards === 1 ? Math.min(1, lightness + step) : Math.max(0, lightness - step);
}

/** @param {Rgb} colour */
function luminance(colour) {
  const [red, green, blue] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {Rgb} colour @returns {[number, number, number]} hue in degrees, the others 0 to 1 */
function toHsl(colour) {
  const [red, green, blue] = colour.map((value) => value / 255);
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  const lightness = (most + least) / 2;
  const chroma = most - least;
  if (chroma === 0) return [0, 0, lightness];
  const saturation = chroma / (1 - Math.abs(2 * lightness - 1));
  const sixth = most === red ? ((green - blue) / chroma) % 6 : most === green ? (blue - red) / chroma + 2 : (red - green) / chroma + 4;
  return [sixth * 60, saturation, lightness];
}

/** @param {number} hue @param {number} saturation @param {number} lightness @returns {Rgb} */
function toRgb(hue, saturation, lightness) {
  const span = saturation * Math.min(lightness, 1 - lightness);
  const at = (/** @type {number} */ offset) => {
    const place = (((offset + hue / 30) % 12) + 12) % 12;
    return Math.round(255 * (lightness - span * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [at(0), at(8), at(4)];
}

/** @param {Rgb} one @param {Rgb} other @param {number} share of the one @returns {Rgb} */
function mixed(one, other, share) {
  return /** @type {Rgb} */ (one.map((value, index) => Math.round(value * share + other[index] * (1 - share))));
}

/** @param {Rgb} colour */
function format(colour) {
  return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
