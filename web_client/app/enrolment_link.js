/**
 * The token of an enrolment link, `#/enrol/<token>`. It leaves the address at once (screens are shared, histories kept)
 * and stays with this tab, so that a reload goes on.
 */

const KEPT = "portcullis-enrolment";
const ADDRESS = "#/enrol";

export function isEnrolment() {
  return location.hash === ADDRESS || location.hash.startsWith(`${ADDRESS}/`);
}

/** @returns {string} "" when there is none, or not any more */
export function takeToken() {
  if (location.hash.startsWith(`${ADDRESS}/`)) {
    sessionStorage.setItem(KEPT, location.hash.slice(ADDRESS.length + 1));
    history.replaceState(null, "", ADDRESS);
  }
  return sessionStorage.getItem(KEPT) ?? "";
}

export function forgetToken() {
  sessionStorage.removeItem(KEPT);
}
