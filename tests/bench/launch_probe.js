/**
 * Looks over the shoulder of the portal while it launches (tests/bench/bench_first_picture.py), from outside its code:
 * the click, its requests, what its transport hears, and each picture as it is put on the canvas. It notes times alone
 * while the launch runs, and keeps a copy of what the canvas held, to be judged afterwards.
 */
(() => {
  const probe = { marks: [], pictures: [], began: 0 };
  window.launchProbe = probe;
  const now = () => performance.timeOrigin + performance.now();
  const mark = (name, at = now()) => probe.marks.push([name, at]);

  addEventListener("click", (event) => {
    probe.began = performance.timeOrigin + event.timeStamp;
    probe.marks = [["click", probe.began]];
    probe.pictures = [];
  }, { capture: true });

  const realFetch = window.fetch;
  window.fetch = async (input, init = {}) => {
    const path = new URL(String(input), location.href).pathname;
    const method = init.method ?? "GET";
    const name = nameOf(method, path);
    if (name === null) return realFetch(input, init);
    mark(`${name} asked`);
    const response = await realFetch(input, init);
    mark(`${name} answered`);
    if (name !== "stages") return response;
    const [ours, theirs] = response.body.tee();
    listen(ours);
    return new Response(theirs, response);
  };

  function nameOf(method, path) {
    if (method === "POST" && path.endsWith("/sessions")) return "launch";
    if (method === "POST" && path.endsWith("/ticket")) return "ticket";
    return path.endsWith("/stages") ? "stages" : null;
  }

  async function listen(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const [, stage] of value.matchAll(/"stage": ?"(\w+)"/g)) mark(`stage ${stage}`);
      if (value.includes("event: ready")) mark("ready told");
    }
  }

  const RealWorker = window.Worker;
  window.Worker = class extends RealWorker {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (data.opened) mark("stream opened");
        for (const { message } of data.messages ?? []) if (message !== "PICTURE") mark(message);
      });
    }
  };

  const draw = CanvasRenderingContext2D.prototype;
  for (const name of ["putImageData", "fillRect"]) {
    const real = draw[name];
    draw[name] = function (...given) {
      real.apply(this, given);
      if (this.canvas.isConnected && probe.began) drawn(this, now());
    };
  }

  /** One picture may be drawn in many parts: the copy is made once they all are. */
  let due = false;
  function drawn(context, at) {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      const end = now();
      const { width, height } = context.canvas;
      probe.pictures.push({ at, end, width, height, data: context.getImageData(0, 0, width, height) });
    });
  }

  /** The share of the pixels of each picture that are those of the last one. */
  probe.judge = () => {
    const last = probe.pictures.at(-1);
    if (last === undefined) return [];
    const wanted = new Uint32Array(last.data.data.buffer);
    return probe.pictures.map(({ at, end, width, height, data }) => {
      if (width !== last.width || height !== last.height) return { at, end, same: 0 };
      const held = new Uint32Array(data.data.buffer);
      let same = 0;
      for (let i = 0; i < held.length; i++) if (held[i] === wanted[i]) same++;
      return { at, end, same: same / held.length };
    });
  };
})();
