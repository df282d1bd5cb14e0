/** A person with a Meshtastic app, on a simulated air: a radio without an agent. @module */
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { TEXT_MESSAGE_APP } from "../../src/ports/modem.ts";
import type { PhoneRules } from "../../src/exchange/phone/phones.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import type { Village } from "./village.ts";

export const PHONE_RULES: PhoneRules = { maxTexts: 8, questions: 6, maxFileBytes: 1_500, language: "en" };

export interface HeardText {
  readonly atMs: number;
  readonly bytes: number;
  readonly text: string;
}

export class Phone {
  readonly number: number;
  /** What its screen shows: texts to it alone, once each. */
  readonly heard: HeardText[] = [];
  readonly #village: Village;
  #id = 1000;

  constructor(village: Village, index: number) {
    this.number = nodeNumber(index);
    this.#village = village;
    village.ether.radio(this.number).attach({
      packet: ({ frame }) => {
        if (frame.port !== TEXT_MESSAGE_APP || frame.to !== this.number) return;
        const text = fromUtf8(frame.payload) ?? "not UTF-8";
        this.heard.push({ atMs: village.clock.monotonicMs(), bytes: frame.payload.length, text });
      },
      power: () => undefined,
    });
  }

  get texts(): readonly string[] {
    return this.heard.map(({ text }) => text);
  }

  say(text: string | Uint8Array, to = nodeNumber(0)): void {
    const payload = typeof text === "string" ? utf8(text) : text;
    const id = this.#id++;
    this.#village.ether
      .radio(this.number)
      .submit({ to, id, port: TEXT_MESSAGE_APP, payload, hopLimit: 3, wantAck: true });
  }

  /** What comes within that time. */
  async ask(text: string, ms = 60_000): Promise<readonly string[]> {
    const before = this.heard.length;
    this.say(text);
    await this.#village.clock.advance(ms);
    return this.texts.slice(before);
  }
}
