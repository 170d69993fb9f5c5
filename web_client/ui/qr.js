/** A QR code as an SVG element: dark on white in every colour scheme, for cameras. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string[]} rows modules as "0" and "1" (dark), with the quiet zone
 * @param {string} label
 */
export function qrCode(rows, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("class", "qr");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", rows.map(runs).join(""));
  svg.append(path);
  return svg;
}

/**
 * The dark runs of one row, as rectangles of a path.
 * @param {string} row
 * @param {number} y
 */
function runs(row, y) {
  return Array.from(row.matchAll(/1+/g), ({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`).join("");
}
