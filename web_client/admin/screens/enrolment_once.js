/** A link that is seen once: by it a user sets up password and second factor. */

import { copyButton } from "../../ui/copy_button.js";
import { h } from "../../ui/dom.js";
import { t } from "../strings.js";

/**
 * @param {string} name of the user
 * @param {{link: string, expires: number}} enrolment
 */
export function enrolmentOnce(name, { link, expires }) {
  const until = new Date(expires * 1000).toLocaleString();
  const shown = h("input", { type: "text", readonly: true, class: "secret", "aria-label": t("users.link"), focus: () => shown.select() });
  shown.value = link;
  return h("section", { class: "once", tabindex: "-1" },
    h("p", {}, h("strong", {}, t("users.link.title", { name }))),
    h("p", {}, t("users.link.text", { until })),
    h("div", { class: "copy-line" }, shown,
      copyButton(link, { copy: t("copy"), copied: t("copied"), failed: t("copy.failed") })));
}
