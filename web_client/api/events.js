/** Reads a `text/event-stream` body: an event source that says why it failed and can carry request headers. */

/** @typedef {{event: string, data: string}} StreamEvent */

/**
 * Takes text in any pieces and gives back the events that are complete.
 */
export class EventParser {
  #rest = "";

  /**
   * @param {string} text
   * @returns {StreamEvent[]}
   */
  feed(text) {
    const blocks = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter((event) => event.data !== "");
  }
}

/**
 * @param {string} block
 * @returns {StreamEvent}
 */
function parseBlock(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return { event, data: data.join("\n") };
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<StreamEvent>}
 */
export async function* eventsOf(body) {
  const parser = new EventParser();
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
