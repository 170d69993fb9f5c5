/** What a launch tells the host about this browser: size, ratio, language, keyboard layout, time zone. */

/** X layouts of languages whose keyboard is not named like the language. */
const LAYOUTS = new Map(Object.entries({
  en: "us", "en-GB": "gb", "en-IE": "ie", "en-AU": "us", "en-CA": "us", "de-CH": "ch", "de-AT": "at", "fr-CH": "ch", "fr-CA": "ca",
  "fr-BE": "be", "nl-BE": "be", nl: "us", "pt-BR": "br", "es-MX": "latam", "es-AR": "latam", "es-CL": "latam", "es-CO": "latam",
  sv: "se", da: "dk", nb: "no", nn: "no", cs: "cz", uk: "ua", el: "gr", ja: "jp", ko: "kr", zh: "us", "zh-CN": "us",
  he: "il", ar: "ara", sl: "si", sr: "rs", et: "ee", sq: "al", hy: "am", ka: "ge", kk: "kz", vi: "us", hi: "us", fa: "ir",
}));
/** Of layouts that fit equally well and that the locale does not name: those that most people have. */
const COMMON = ["us", "gb", "de", "fr", "es", "it", "pt", "br", "ru", "ara", "rs"];
/** The layout itself must be clearly better than that of the locale: keyboards differ in a key or two for many reasons. */
const CLEARLY = 2;
/** A keyboard tells of fewer keys only when the browser hides them. */
const FEWEST_KEYS = 20;
/** Dead keys have names of their own on each system; what they bear is one. @type {Map<string, string>} */
const ACCENTS = new Map([
  ["\u0301", "'"], ["´", "'"], ["\u0300", "`"], ["\u0302", "^"], ["ˆ", "^"], ["\u0303", "~"], ["˜", "~"],
  ["\u0308", '"'], ["¨", '"'], ["\u0327", "¸"], ["\u030c", "ˇ"], ["\u0306", "˘"], ["\u030a", "°"], ["˚", "°"],
]);

/** @typedef {{get: (code: string) => string | undefined, size: number}} LayoutMap */
/** @typedef {{CODES: string[], LAYOUTS: Record<string, string>}} LayoutTable */

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
    layout: layoutOf(navigator.language || "en-US", await readLayoutMap(), await layoutTable),
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
 * The X layout and variant whose keys bear most of what the user's do. Where the browser does not tell of its keys
 * (Firefox), that of the locale.
 * @param {string} locale
 * @param {LayoutMap | null} map
 * @param {LayoutTable | null} table
 */
export function layoutOf(locale, map, table) {
  const language = locale.split("-")[0];
  const byLocale = LAYOUTS.get(locale) ?? LAYOUTS.get(language) ?? language;
  if (map === null || table === null || map.size < FEWEST_KEYS) return byLocale;
  const keys = table.CODES.map((code) => borne(map.get(code) ?? ""));
  const fits = Object.entries(table.LAYOUTS).map(([layout, labels]) => ({ layout, fit: fitOf(keys, Array.from(labels)) }));
  const best = Math.max(...fits.map(({ fit }) => fit));
  const own = fits.find(({ layout }) => layout === byLocale);
  if (own && own.fit > best - CLEARLY) return byLocale;
  const equal = fits.filter(({ fit }) => fit === best).map(({ layout }) => layout);
  return equal.find((layout) => layout.startsWith(`${byLocale}(`)) ?? COMMON.find((layout) => equal.includes(layout)) ?? equal[0];
}

/**
 * @param {string[]} keys
 * @param {string[]} labels
 */
function fitOf(keys, labels) {
  return keys.filter((key, index) => key !== "" && key === borne(labels[index])).length;
}

/** @param {string} label */
function borne(label) {
  return ACCENTS.get(label) ?? label;
}

/** Asked for when the page is loaded, where it will be needed. */
const layoutTable = "keyboard" in (globalThis.navigator ?? {}) ? import("./keyboard_layouts.js").catch(() => null) : null;

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
