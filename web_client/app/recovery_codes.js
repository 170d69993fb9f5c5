/** Recovery codes, as a file for their owner to keep. */

import { saveFile } from "../ui/save_file.js";
import { t } from "./strings.js";

/** @param {string} text one code a line */
export function saveCodes(text) {
  saveFile(t("enrol.recovery.filename"), new Blob([text], { type: "text/plain" }));
}
