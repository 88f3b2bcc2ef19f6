import { inspect } from "node:util";

const SHOWN = "[secret]";

/** A text that no log, message or page may show: however it is printed, it says "[secret]". */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself: for whoever signs or logs in with it, and for nobody else. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
