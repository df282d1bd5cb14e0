/** A person with a Meshtastic app and no software of ours, on a radio of the simulated air. @module */
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import { TEXT_MESSAGE_APP } from "../ports/modem.ts";
import type { RadioNode } from "./radio-node.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface PersonOptions {
  readonly radio: RadioNode;
  readonly clock: VirtualClock;
  /** Relays that its questions may pass. */
  readonly hopLimit: number;
}

/** Whoever hears nothing asks again after so long, so often in all. */
const PATIENCE_MS = 120_000;
const TIMES = 5;
const FIRST_ID = 1_000;

export class Person {
  /** What its screen shows: texts to it alone, once each. */
  readonly heard: string[] = [];
  readonly #options: PersonOptions;
  #id = FIRST_ID;

  constructor(options: PersonOptions) {
    this.#options = options;
    const { radio } = options;
    radio.attach({
      packet: ({ frame }) => {
        if (frame.port === TEXT_MESSAGE_APP && frame.to === radio.number)
          this.heard.push(fromUtf8(frame.payload) ?? "not UTF-8");
      },
      power: () => undefined,
    });
  }

  /** Asks a node until a text with that word comes. False when none came. */
  async ask(to: number, question: string, word: string): Promise<boolean> {
    const { radio, clock, hopLimit } = this.#options;
    const before = this.heard.length;
    const answered = (): boolean => this.heard.slice(before).some((text) => text.includes(word));
    for (let i = 0; i < TIMES; i++) {
      const id = this.#id++;
      radio.submit({ to, id, port: TEXT_MESSAGE_APP, payload: utf8(question), hopLimit, wantAck: true });
      if (await clock.runUntil(answered, PATIENCE_MS)) return true;
    }
    return false;
  }
}
