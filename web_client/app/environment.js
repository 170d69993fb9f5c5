/** What a launch tells the host about this browser: size, ratio, language, keyboard layout, time zone. */

/** X layouts of languages whose keyboard is not named like the language. */
const LAYOUTS = new Map(Object.entries({
  en: "us", "en-GB": "gb", "en-IE": "ie", "en-AU": "us", "en-CA": "us", "de-CH": "ch", "fr-CH": "ch", "fr-CA": "ca",
  "fr-BE": "be", "nl-BE": "be", nl: "us", "pt-BR": "br", "es-MX": "latam", "es-AR": "latam", "es-CL": "latam", "es-CO": "latam",
  sv: "se", da: "dk", nb: "no", nn: "no", cs: "cz", uk: "ua", el: "gr", ja: "jp", ko: "kr", zh: "us", "zh-CN": "us",
  he: "il", ar: "ara", sl: "si", sr: "rs", et: "ee", sq: "al", hy: "am", ka: "ge", kk: "kz", vi: "us", hi: "us", fa: "ir",
}));
/** Which letters the physical keys Q, Y and Z bear tells the families apart. */
const FAMILIES = new Map(Object.entries({ "qyz": "qwerty", "qzy": "qwertz", "ayw": "azerty" }));
const FAMILY_OF_LAYOUT = new Map(Object.entries({
  de: "qwertz", at: "qwertz", ch: "qwertz", cz: "qwertz", sk: "qwertz", hu: "qwertz", si: "qwertz", hr: "qwertz",
  fr: "azerty", be: "azerty",
}));
const DEFAULT_OF_FAMILY = new Map(Object.entries({ qwerty: "us", qwertz: "de", azerty: "fr" }));

/** @typedef {{get: (code: string) => string | undefined}} LayoutMap */

/** A display cannot become larger than this: docs/protocol.md. */
const LARGEST = { width: 3840, height: 2160 };
/** Ratios that a launch may name: docs/api.md. */
const RATIO = { smallest: 0.25, largest: 8 };

/** @returns {Promise<import("./api.js").Display>} */
export async function describeDisplay() {
  const ratio = launchRatio({ width: innerWidth, height: innerHeight }, devicePixelRatio, matchMedia("(pointer: coarse)").matches);
  return {
    width: Math.max(1, Math.round(innerWidth * ratio)),
    height: Math.max(1, Math.round(innerHeight * ratio)),
    device_pixel_ratio: ratio,
    locale: navigator.language || "en-US",
    layout: layoutOf(navigator.language || "en-US", await readLayoutMap()),
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
  };
}

/**
 * Display pixels to a CSS pixel: the device's own ratio, for exact pixels. Where the display would be too large for the
 * host (a phone held upright has more lines than any monitor), the largest one, in quarters, with which the picture still
 * fills the view; the browser then scales it.
 * @param {{width: number, height: number}} view in CSS pixels
 * @param {number} deviceRatio
 * @param {boolean} turns whether the device may be held the other way round later
 */
export function launchRatio({ width, height }, deviceRatio, turns) {
  const views = turns ? [[width, height], [height, width]] : [[width, height]];
  const fitting = Math.min(...views.map(([w, h]) => Math.min(LARGEST.width / w, LARGEST.height / h)));
  const quarters = fitting < 1 ? fitting : Math.floor(fitting * 4) / 4;
  const ratio = deviceRatio <= fitting ? deviceRatio : quarters;
  return Math.min(RATIO.largest, Math.max(RATIO.smallest, ratio));
}

/**
 * The X layout: that of the locale, unless the letters on the keys say otherwise.
 * @param {string} locale
 * @param {LayoutMap | null} map
 */
export function layoutOf(locale, map) {
  const language = locale.split("-")[0];
  const byLocale = LAYOUTS.get(locale) ?? LAYOUTS.get(language) ?? language;
  if (map === null) return byLocale;
  const letters = ["KeyQ", "KeyY", "KeyZ"].map((code) => map.get(code) ?? "").join("");
  const family = FAMILIES.get(letters);
  if (family === undefined || family === (FAMILY_OF_LAYOUT.get(byLocale) ?? "qwerty")) return byLocale;
  return DEFAULT_OF_FAMILY.get(family) ?? byLocale;
}

/** @returns {Promise<LayoutMap | null>} */
async function readLayoutMap() {
  const keyboard = /** @type {{keyboard?: {getLayoutMap?: () => Promise<LayoutMap>}}} */ (navigator).keyboard;
  try {
    return (await keyboard?.getLayoutMap?.()) ?? null;
  } catch {
    // Not allowed in this frame: the locale has to do.
    return null;
  }
}
