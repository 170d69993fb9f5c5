/** Full screen of an element, with the system's keys (Alt+Tab, Ctrl+W, Escape held back) where the browser can lend them. */

/** @typedef {{lock?: (codes?: string[]) => Promise<void>, unlock?: () => void}} KeyboardLock only in Chromium, so far */

function keyboardLock() {
  return /** @type {{keyboard?: KeyboardLock}} */ (navigator).keyboard;
}

let isAsked = false;

/** Whether the system's keys go to the page now. */
export function isKeyboardLent() {
  return isAsked && document.fullscreenElement !== null;
}

/** Whether this browser can lend the system's keys at all. */
export function canLockKeyboard() {
  return keyboardLock()?.lock !== undefined;
}

/**
 * True if the keys go to the page now; then full screen is left by holding Escape.
 * @param {Element} element
 */
export async function enterFullScreen(element) {
  await element.requestFullscreen({ navigationUI: "hide" });
  if (!canLockKeyboard()) return false;
  try {
    await keyboardLock()?.lock?.();
    return (isAsked = true);
  } catch {
    // Refused or not possible here: the system keeps its keys, everything else works.
    return false;
  }
}

export async function leaveFullScreen() {
  isAsked = false;
  keyboardLock()?.unlock?.();
  if (document.fullscreenElement) await document.exitFullscreen();
}
