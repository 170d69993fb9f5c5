/** Which addresses lead somewhere for who is signed in. */

import { placeOf } from "./router.js";
import { screensFor } from "./screens.js";

/**
 * @param {import("./context.js").Context} context
 * @returns {(address: string) => boolean} whether the reader may see the screen at this address
 */
export function mayOpen(context) {
  const screens = new Set(screensFor((permission) => context.may(permission)).map(({ id }) => id));
  return (address) => screens.has(placeOf(address).screen);
}
