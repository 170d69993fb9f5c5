/** The icon of an application in a form: shown, replaced, taken away. Its value is what the API takes: undefined keeps it. */

import { h } from "../ui/dom.js";
import { iconOf } from "../ui/icon.js";
import { t } from "./strings.js";

/** What the API takes (docs/api.md). */
const MAXIMUM_BYTES = 32 * 1024;

/** @param {import("../ui/form_fields.js").FieldParts} parts @returns {import("../ui/form_fields.js").Control} */
export function iconField({ id, value, labels = {}, changed }) {
  /** @type {{content_type: string, data: string} | null | undefined} */
  let chosen;
  const { name, icon } = value ?? { name: "", icon: null };
  const picture = h("span", { class: "icon-now" }, iconOf({ name: name || "?", icon }));
  const file = h("input", { type: "file", id, name: id, accept: "image/png,image/svg+xml", change: () => take() });
  const remove = h("button", { type: "button", class: "small quiet", hidden: icon === null, click: () => set(null, null) }, labels.remove ?? t("icon.remove"));
  const note = h("p", { class: "hint", role: "status" });
  const element = h("div", { class: "icon-field" }, picture, h("div", {}, file, note), remove);

  async function take() {
    const [picked] = Array.from(file.files ?? []);
    if (picked === undefined) return;
    if (picked.size > MAXIMUM_BYTES) {
      file.value = "";
      note.textContent = t("icon.large");
      return;
    }
    const bytes = new Uint8Array(await picked.arrayBuffer());
    const data = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    set({ content_type: picked.type, data }, URL.createObjectURL(picked));
  }

  /**
   * @param {{content_type: string, data: string} | null} icon
   * @param {string | null} url
   */
  function set(icon, url) {
    chosen = icon;
    note.textContent = "";
    if (icon === null) file.value = "";
    remove.hidden = icon === null;
    picture.replaceChildren(iconOf({ name: name || "?", icon: url }));
    changed();
    element.dispatchEvent(new Event("input", { bubbles: true })); // a file is read after it was chosen
  }

  return { element, focusable: file, read: () => chosen };
}
