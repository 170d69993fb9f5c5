/**
 * What changes, as it happens (`GET /admin/feed`), for the one window that has it; the others hear it from that one.
 *
 * A browser keeps six connections to a gateway, and a stream holds one for good: so all windows share one. When the
 * stream is lost it is opened again, and everything counts as changed.
 */

import { ApiError } from "../api/client.js";

/** @typedef {import("../api/client.js").Client} Client */

const CHANNEL = "portcullis-feed";
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];
/** With a broker that has no feed, or none for this role. */
const POLL_MS = 10_000;

export class Feed {
  #client;
  #changed;
  #live;
  #stopping = new AbortController();
  /** Of the organisation that is acted in: windows in another one hear of other things. */
  #name;
  #channel;

  /**
   * @param {Client} client
   * @param {(kinds: Set<string> | null) => void} changed null: anything may have
   * @param {(isLive: boolean) => void} live
   */
  constructor(client, changed, live) {
    this.#client = client;
    this.#name = `${CHANNEL} ${client.enteredTenant}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#changed = changed;
    this.#live = live;
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    this.#run();
  }

  stop() {
    this.#stopping.abort();
    this.#channel.close();
  }

  async #run() {
    const { signal } = this.#stopping;
    try {
      await navigator.locks.request(this.#name, { signal }, () => this.#listen(signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** @param {AbortSignal} signal */
  async #listen(signal) {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const { event, values } of this.#client.events("/admin/feed", signal)) {
          if (failures > 0) this.#tell({ kinds: null });
          failures = 0;
          this.#tell({ isLive: true });
          if (event === "changed") this.#tell({ kinds: values.kinds });
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404 || error.status === 403) return this.#poll(signal);
      }
      if (failures > 0) this.#tell({ isLive: false });
      await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)], signal);
    }
  }

  /** @param {AbortSignal} signal */
  async #poll(signal) {
    while (!signal.aborted) {
      await pause(POLL_MS, signal);
      if (!signal.aborted) this.#tell({ kinds: null });
    }
  }

  /** @param {{kinds?: string[] | null, isLive?: boolean}} message */
  #tell(message) {
    if (this.#stopping.signal.aborted) return;
    this.#channel.postMessage(message);
    this.#heard(message);
  }

  /** @param {{kinds?: string[] | null, isLive?: boolean}} message */
  #heard({ kinds, isLive }) {
    if (isLive !== undefined) this.#live(isLive);
    if (kinds !== undefined) this.#changed(kinds === null ? null : new Set(kinds));
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    }, { once: true });
  });
}
