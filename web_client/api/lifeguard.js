/**
 * Watches a request that gives no sign of life: a gateway that froze keeps its connections open and says nothing.
 *
 * After a silence the gateway is asked whether it lives; when it does not answer, the request is aborted, so that
 * another gateway can be asked. An event stream is watched as long as it is read.
 */

export const SILENCE_MS = 2_500;
const EVENTS = "text/event-stream";

export class Lifeguard {
  #answers;
  #controller = new AbortController();
  #timer = 0;
  #isIdle;

  /**
   * @param {() => Promise<boolean>} answers whether the gateway lives
   * @param {AbortSignal | null | undefined} signal of whoever wants the answer
   * @param {boolean} isIdle there is nobody else to ask
   */
  constructor(answers, signal, isIdle) {
    this.#answers = answers;
    this.#isIdle = isIdle;
    this.signal = signal ? AbortSignal.any([signal, this.#controller.signal]) : this.#controller.signal;
    this.#heard();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#isIdle = true;
  }

  /**
   * The head has come: only an event stream may go on for long.
   * @param {Response} response
   */
  over(response) {
    const isEvents = response.headers.get("Content-Type")?.startsWith(EVENTS);
    if (!isEvents || response.body === null || this.#isIdle) {
      this.stop();
      return response;
    }
    this.#heard();
    const { status, statusText, headers } = response;
    return new Response(this.#watched(response.body.getReader()), { status, statusText, headers });
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  #watched(reader) {
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (!done) {
          this.#heard();
          return controller.enqueue(value);
        }
        this.stop();
        controller.close();
      },
      cancel: (reason) => {
        this.stop();
        return reader.cancel(reason);
      },
    });
  }

  #heard() {
    clearTimeout(this.#timer);
    if (!this.#isIdle) this.#timer = setTimeout(() => this.#look(), SILENCE_MS);
  }

  async #look() {
    const looked = this.#timer;
    const lives = await this.#answers();
    if (looked !== this.#timer || this.#isIdle) return;
    if (lives) this.#heard();
    else this.#controller.abort(new Error("the gateway does not answer"));
  }
}
