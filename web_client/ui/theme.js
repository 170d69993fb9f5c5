/**
 * How pages of a tenant look: its name, logo and colours. Styles take the colours out of custom properties, which are set
 * through the CSSOM: no style stands in the page, as its policy asks.
 */

import { h } from "./dom.js";
import { coloursOf, SCHEMES } from "./theme_colours.js";

/** @typedef {{title: string | null, accent: string | null, logo: string | null}} Theme */

const ACCENT = /^#[0-9a-f]{6}$/;

/** @param {Theme | null | undefined} theme none: the product's own colours */
export function applyTheme(theme) {
  const { style } = document.documentElement;
  for (const [name, scheme] of Object.entries(SCHEMES)) {
    const colours = theme?.accent && ACCENT.test(theme.accent) ? coloursOf(theme.accent, scheme) : null;
    for (const part of /** @type {const} */ (["accent", "hover", "on", "glow"])) {
      const property = `--theme-${name}-${part}`;
      if (colours) style.setProperty(property, colours[part]);
      else style.removeProperty(property);
    }
  }
}

/**
 * Logo and name, as they stand at the head of a page.
 * @param {Theme | null | undefined} theme
 * @param {string} product
 * @param {number} size of the logo, in CSS pixels
 */
export function brand(theme, product, size) {
  return h("div", { class: "brand" }, logo(theme?.logo ?? null, size), h("span", {}, theme?.title || product));
}

/**
 * Gone rather than broken, when the gateway that served the page is.
 * @param {string | null} address
 * @param {number} size
 */
function logo(address, size) {
  const own = address?.startsWith("/api/v1/logos/") ? address : null;
  const image = h("img", own ? { class: "logo", src: own, alt: "", height: `${size}` } : {
    src: "styles/icon.svg", alt: "", width: `${size}`, height: `${size}`,
  });
  image.addEventListener("error", () => image.remove(), { once: true });
  return image;
}
