/** The part of an application's form that names an RDP server in place of a program (docs/rdp.md). Pure. */

import { t } from "../strings.js";

/**
 * @typedef {object} Rdp
 * @property {string} server
 * @property {number} port
 * @property {string} user_name
 * @property {string} domain
 * @property {"negotiate" | "nla" | "tls"} security
 * @property {string} certificate
 * @property {"ask" | "vault"} credentials
 * @property {string} program
 * @property {string} gateway
 * @property {string} gateway_certificate
 * @property {string} load_balance_info
 */
/** @typedef {Record<string, any>} Values */

/** @type {Rdp} */
const PLAIN = {
  server: "", port: 3389, user_name: "", domain: "", security: "negotiate", certificate: "", credentials: "ask", program: "",
  gateway: "", gateway_certificate: "", load_balance_info: "",
};
const FINGERPRINT = { maxlength: "95", spellcheck: "false", autocapitalize: "none" };

/** @param {Rdp | null | undefined} rdp @returns {Values} */
export function rdpValues(rdp) {
  const values = { ...PLAIN, ...rdp };
  return { runs: rdp ? "rdp" : "program", ...Object.fromEntries(Object.keys(PLAIN).map((name) => [`rdp.${name}`, values[/** @type {keyof Rdp} */ (name)]])) };
}

/** @param {Values} values */
export function isRdp(values) {
  return values.runs === "rdp";
}

/** @param {Values} values @returns {Rdp} */
export function rdpBody(values) {
  const said = Object.fromEntries(Object.keys(PLAIN).map((name) => {
    const value = values[`rdp.${name}`];
    return [name, typeof value === "string" ? value.trim() : value];
  }));
  return /** @type {Rdp} */ ({ ...said, port: values["rdp.port"] ?? PLAIN.port });
}

/** @param {Rdp} rdp */
export function rdpText({ server, port }) {
  return `rdp://${server.includes(":") ? `[${server}]` : server}${port === PLAIN.port ? "" : `:${port}`}`;
}

/** @returns {import("../../ui/form.js").Field} */
export function runsField() {
  return {
    name: "runs", label: t("rdp.runs"), kind: "choice",
    options: [{ value: "program", title: t("rdp.runs.program") }, { value: "rdp", title: t("rdp.runs.rdp") }, { value: "wine", title: t("wine.runs") }, { value: "desktop", title: t("desktop.runs") }],
  };
}

/** @returns {import("../../ui/form.js").Field[]} */
export function rdpFields() {
  /** @param {string[]} values @param {string} name */
  const options = (values, name) => values.map((value) => ({ value, title: t(`rdp.${name}.${value}`) }));
  /** @type {import("../../ui/form.js").Field[]} */
  const fields = [
    { name: "rdp.server", label: t("rdp.server"), kind: "text", hint: t("rdp.server.hint"), attributes: { maxlength: "253", autocapitalize: "none" } },
    { name: "rdp.port", label: t("rdp.port"), kind: "number", attributes: { min: "1", max: "65535", step: "1" } },
    { name: "rdp.credentials", label: t("rdp.credentials"), kind: "choice", options: options(["ask", "vault"], "credentials") },
    { name: "rdp.user_name", label: t("rdp.user_name"), kind: "text", hint: t("rdp.user_name.hint", { user: "{user}" }), attributes: { maxlength: "256", autocapitalize: "none" } },
    { name: "rdp.domain", label: t("rdp.domain"), kind: "text", attributes: { maxlength: "255", autocapitalize: "none" } },
    { name: "rdp.security", label: t("rdp.security"), kind: "choice", options: options(["negotiate", "nla", "tls"], "security") },
    { name: "rdp.certificate", label: t("rdp.certificate"), kind: "text", hint: t("rdp.certificate.hint"), attributes: FINGERPRINT },
    { name: "rdp.program", label: t("rdp.program"), kind: "text", hint: t("rdp.program.hint"), attributes: { maxlength: "260", autocapitalize: "none" } },
    { name: "rdp.gateway", label: t("rdp.gateway"), kind: "text", hint: t("rdp.gateway.hint"), attributes: { maxlength: "253", autocapitalize: "none" } },
    { name: "rdp.gateway_certificate", label: t("rdp.gateway_certificate"), kind: "text", hint: t("rdp.gateway_certificate.hint"), attributes: FINGERPRINT, when: (values) => isRdp(values) && values["rdp.gateway"] !== "" },
    { name: "rdp.load_balance_info", label: t("rdp.load_balance_info"), kind: "text", attributes: { maxlength: "512", autocapitalize: "none" } },
  ];
  return fields.map((field) => ({ when: isRdp, ...field }));
}
