/** A keyboard at a made-up text area, for tests: strokes and text go in, what is sent comes out. */

import { Keyboard } from "../../web_client/core/input/keyboard.js";

/** What counts of a KeyboardEvent; `states`: further modifier states, such as CapsLock. */
export function stroke(key, { code = `Key${key.toUpperCase()}`, states = [], ...rest } = {}) {
  const flags = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false, keyCode: 0, repeat: false, ...rest };
  return { key, code, getModifierState: (name) => states.includes(name), ...flags };
}

/** A text area, a clipboard, and all that goes out, in order. */
export class Desk extends EventTarget {
  value = "";
  style = {};
  out = [];
  takesText = true;

  constructor(options = {}) {
    super();
    this.keyboard = new Keyboard(this, {
      send: (input) => this.out.push(input),
      clipboard: {
        get takesText() { return desk.takesText; },
        pasted: (text) => this.out.push({ clipboard: text }),
        read: () => this.read(),
        copying: () => this.out.push({ copying: true }),
      },
      ...options,
    });
    const desk = this;
  }

  async read() {
    this.out.push({ read: true });
  }

  fire(type, properties = {}) {
    const event = Object.assign(new Event(type, { cancelable: true }), properties);
    this.dispatchEvent(event);
    return event;
  }

  down(key, options) {
    return this.fire("keydown", stroke(key, options));
  }

  up(key, options) {
    return this.fire("keyup", stroke(key, options));
  }

  get told() {
    return this.out.map((each) => {
      if (each.message === "KEY") return `${each.down ? "+" : "-"}${each.text}`;
      if (each.message === "TEXT") return `"${each.text}"`;
      return each.message ?? (each.clipboard !== undefined ? `clipboard:${each.clipboard}` : Object.keys(each)[0]);
    });
  }
}
