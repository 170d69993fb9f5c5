/** How an organisation looks, in a form: shown name, logo and colour, with a picture of what becomes of them, light and dark. */

import { h } from "../ui/dom.js";
import { coloursOf, CONTRAST, contrast, parse, SCHEMES } from "../ui/theme_colours.js";
import { iconField } from "./icon_field.js";
import { t } from "./strings.js";

/** @typedef {import("../ui/form.js").Field} Field */
/** @typedef {{name: string, title: string, theme: {accent: string | null, logo: string | null}}} Look */

/** The product's own, as in styles/base.css. */
const USUAL = "#1b5fae";
const ACCENT = /^#[0-9a-f]{6}$/;

/** Their names are those of the API, their values as `lookValues` gives them. @param {string} [group] heading @returns {Field[]} */
export function lookFields(group) {
  return [
    { name: "title", label: t("tenants.title"), kind: "text", hint: t("tenants.title.hint"), attributes: { maxlength: "64" }, group },
    { name: "theme.logo", label: t("tenants.logo"), kind: iconField, hint: t("tenants.logo.hint"), labels: { remove: t("tenants.logo.remove") } },
    { name: "theme.accent", label: t("tenants.accent"), kind: accentField, hint: t("tenants.accent.hint") },
  ];
}

/** @param {Look | null} look */
export function lookValues(look) {
  return { "title": look?.title ?? "", "theme.accent": look?.theme.accent ?? "" };
}

/** What the fields start with. @param {Look | null} look */
export function lookStart(look) {
  return { ...lookValues(look), "theme.logo": { name: look?.title || look?.name || "", icon: look?.theme.logo ?? null } };
}

/** As the API takes them. @param {Record<string, any>} values */
export function lookBody(values) {
  const logo = values["theme.logo"];
  return { title: values.title.trim(), theme: { accent: values["theme.accent"].trim() || null, ...(logo !== undefined && { logo }) } };
}

/**
 * A swatch to choose from and the text of it; empty: the usual colour.
 * @param {import("../ui/form_fields.js").FieldParts} parts
 * @returns {import("../ui/form_fields.js").Control}
 */
export function accentField({ id, value, changed }) {
  const text = h("input", { type: "text", id, name: id, maxlength: "7", placeholder: USUAL, autocomplete: "off", spellcheck: "false", input: () => typed() });
  const swatch = h("input", { type: "color", class: "swatch", "aria-label": t("tenants.accent.choose"), input: () => chosen() });
  const usual = h("button", { type: "button", class: "small quiet", click: () => set("") }, t("tenants.accent.usual"));
  const element = h("div", { class: "accent-field" }, swatch, text, usual);
  text.value = value ?? "";
  show();

  function show() {
    const accent = text.value.trim().toLowerCase();
    swatch.value = ACCENT.test(accent) ? accent : USUAL;
    usual.hidden = accent === "";
  }

  function typed() {
    show();
    changed();
  }

  function chosen() {
    text.value = swatch.value;
    typed();
  }

  /** @param {string} accent */
  function set(accent) {
    text.value = accent;
    typed();
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
  }

  return { element, focusable: text, read: () => text.value.trim() };
}

/**
 * Puts a picture of the look before the buttons of a form; it follows what is entered.
 * @param {import("../ui/form.js").Form} form
 * @param {Look | null} look as it is now
 */
export function addPreview(form, look) {
  const place = h("div", { class: "looks", role: "group", "aria-label": t("tenants.preview") });
  let url = "";
  const draw = () => {
    const values = form.values;
    const logo = values["theme.logo"];
    if (url) URL.revokeObjectURL(url);
    url = logo ? pictureUrl(logo) : "";
    const shown = logo === undefined ? look?.theme.logo ?? null : url || null;
    const title = values.title.trim() || values.name?.trim() || look?.name || t("product");
    place.replaceChildren(...Object.keys(SCHEMES).map((name) => picture(/** @type {"light" | "dark"} */ (name), title, values["theme.accent"].toLowerCase(), shown)));
  };
  form.element.addEventListener("input", draw);
  const box = form.element.querySelector(".accent-field")?.closest(".form-field");
  box?.after(place);
  draw();
}

/**
 * @param {"light" | "dark"} name
 * @param {string} title
 * @param {string} accent
 * @param {string | null} logo
 */
function picture(name, title, accent, logo) {
  const scheme = SCHEMES[name];
  const isChosen = ACCENT.test(accent);
  const colours = coloursOf(isChosen ? accent : USUAL, scheme);
  const ratio = Math.min(...scheme.grounds.map((ground) => contrast(parse(colours.accent), parse(ground))));
  const image = logo && h("img", { class: "logo", src: logo, alt: "", height: "24" });
  if (image) image.addEventListener("error", () => image.remove(), { once: true });
  const start = h("span", { class: "look-button" }, t("tenants.preview.start"));
  const link = h("span", { class: "look-link" }, t("tenants.preview.link"));
  const shown = h("div", { class: `look ${name}` }, h("span", { class: "look-brand" }, image, h("bdi", {}, title)), h("span", { class: "look-acts" }, start, link));
  Object.assign(start.style, { background: colours.accent, color: colours.on });
  link.style.color = colours.accent;
  return h("figure", {}, shown, h("figcaption", { class: "hint" }, captionOf(name, isChosen ? accent : "", colours.accent, ratio)));
}

/**
 * @param {string} name of the scheme
 * @param {string} chosen "" for none
 * @param {string} shown
 * @param {number} ratio
 */
function captionOf(name, chosen, shown, ratio) {
  const stands = t("tenants.preview.contrast", { scheme: t(`tenants.preview.${name}`), ratio: ratio.toFixed(1), needed: CONTRAST });
  return chosen && chosen !== shown ? `${stands} ${t("tenants.preview.moved", { chosen, shown })}` : stands;
}

/** @param {{content_type: string, data: string}} content */
function pictureUrl({ content_type: type, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}
