/** Full screen of an element, with the system's keys (Alt+Tab, Escape held back) where the browser can lend them. */

/** @typedef {{lock?: (codes?: string[]) => Promise<void>, unlock?: () => void}} KeyboardLock only in Chromium, so far */

/** @param {Element} element */
export async function enterFullScreen(element) {
  await element.requestFullscreen({ navigationUI: "hide" });
  const keyboard = /** @type {{keyboard?: KeyboardLock}} */ (navigator).keyboard;
  try {
    await keyboard?.lock?.();
  } catch {
    // Refused or not possible here: the system keeps its keys, everything else works.
  }
}

export async function leaveFullScreen() {
  const keyboard = /** @type {{keyboard?: KeyboardLock}} */ (navigator).keyboard;
  keyboard?.unlock?.();
  if (document.fullscreenElement) await document.exitFullscreen();
}
