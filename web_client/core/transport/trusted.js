/**
 * The page's one Trusted Types policy, `portcullis`: it passes the URL of our own worker and nothing else.
 *
 * The Content-Security-Policy allows no other policy, so no other code of the page can load a script by string.
 */

const WORKER = new URL("./paint_worker.js", import.meta.url).href;

import { offer } from "../display/offer.js";

/** @typedef {{createScriptURL: (url: string) => string}} Policy TrustedScriptURL passes for a string where it is used */

const types = /** @type {{createPolicy: (name: string, rules: Policy) => Policy} | undefined} */ (
  /** @type {any} */ (globalThis).trustedTypes
);
/** @type {Policy} */
const rules = {
  createScriptURL(url) {
    if (url !== WORKER) throw new TypeError("not a script of Portcullis");
    return url;
  },
};
const policy = types?.createPolicy("portcullis", rules) ?? rules;

/** Of a session that was closed. The next one takes it: the gateway that served this page may be gone by then. @type {Worker | null} */
let spare = null;

export function startWorker() {
  const worker = spare ?? newWorker();
  spare = null;
  return worker;
}

function newWorker() {
  const worker = new Worker(policy.createScriptURL(WORKER), { type: "module", name: "portcullis-paint" });
  offer.learnFrom(worker);
  return worker;
}

/** @param {Worker} worker */
export function retireWorker(worker) {
  worker.onmessage = worker.onerror = null;
  spare?.terminate();
  spare = worker;
}
