/**
 * In the page, before its own scripts: when does a pixel of the display show the colour that is awaited?
 *
 * It knows no product: it looks at the canvases, the largest of which is the display. While a sample waits, one pixel is read about every millisecond
 * through `scheduler.postTask`, which is neither clamped to 4 ms as timers are nor tied to the display's 16.7 ms, and
 * lets the client's own tasks run in between. The gap before the hit is the sample's error, on the late side.
 */
(() => {
  const probe = document.createElement("canvas");
  const context = probe.getContext("2d", { willReadFrequently: true });
  let sample = null;

  /** In paint order, with their places in pixels of the display: a product may lay small ones over the large one. */
  function surfaces() {
    const all = [...document.querySelectorAll("canvas")].filter((canvas) => canvas.width && canvas.style.visibility !== "hidden");
    const places = all.map((canvas) => ({ canvas, at: canvas.getBoundingClientRect() }));
    const base = display();
    const origin = base?.getBoundingClientRect();
    return places.map(({ canvas, at }) => ({ canvas, x: at.left - origin.left, y: at.top - origin.top }));
  }

  function display() {
    let largest = null;
    for (const canvas of document.querySelectorAll("canvas"))
      if (!largest || canvas.width * canvas.height > largest.width * largest.height) largest = canvas;
    return largest;
  }

  /** Of the uppermost surface there that is not transparent: to read what it covers would only cost time. */
  function colour(x, y) {
    if (!display()?.width) return -1;
    for (const { canvas, x: left, y: top } of surfaces().reverse()) {
      if (x < left || y < top || x >= left + canvas.width || y >= top + canvas.height) continue;
      context.clearRect(0, 0, 1, 1);
      context.drawImage(canvas, x - left, y - top, 1, 1, 0, 0, 1, 1);
      const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
      if (alpha >= 128) return (red > 127 ? 4 : 0) | (green > 127 ? 2 : 0) | (blue > 127 ? 1 : 0);
    }
    return -1;
  }

  const soon = (task) => scheduler.postTask(task, { delay: 1 });

  function poll() {
    const one = sample;
    const seen = colour(one.x, one.y);
    const now = performance.now();
    const gap = now - one.last;
    one.last = now;
    if (seen === one.expected) one.done({ ms: now - one.began, gap });
    else if (now - one.began > 3000) one.done({ lost: true });
    else soon(poll);
  }

  addEventListener("keydown", () => {
    if (!sample || sample.began) return;
    sample.began = sample.last = performance.now();
    soon(poll);
  }, true);

  /** Counts the animation frames in which the middle of the display is another picture than before. */
  function watch() {
    const small = new OffscreenCanvas(16, 16).getContext("2d", { alpha: false, willReadFrequently: true });
    const watched = { changes: 0, frames: 0, stop: false };
    let before = "";
    const look = () => {
      const { width, height } = display();
      const side = 256;
      for (const { canvas, x, y } of surfaces())
        small.drawImage(canvas, (width - side) / 2 - x, (height - side) / 2 - y, side, side, 0, 0, 16, 16);
      const now = String(small.getImageData(0, 0, 16, 16).data);
      watched.frames++;
      if (now !== before) watched.changes++;
      before = now;
      if (!watched.stop) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    return watched;
  }

  let watched = null;

  globalThis.portcullisBench = {
    startWatching() { watched = watch(); },
    stopWatching() { watched.stop = true; return watched.changes; },
    colour,
    size: () => [display()?.width ?? 0, display()?.height ?? 0],
    /** Awaits one press; answers what is shown now, so that one who is out of step sees it. */
    arm(x, y, expected) {
      this.result = new Promise((done) => {
        sample = { x, y, expected, began: 0, last: 0, done: (result) => { sample = null; done(result); } };
      });
      return colour(x, y);
    },
    pixels() {
      const { width, height } = display();
      const copy = new OffscreenCanvas(width, height);
      const to = copy.getContext("2d", { alpha: false, willReadFrequently: true });
      for (const { canvas, x, y } of surfaces()) to.drawImage(canvas, x, y);
      const { data } = to.getImageData(0, 0, width, height);
      let text = "";
      for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
      return [width, height, btoa(text)];
    },
  };
})();
