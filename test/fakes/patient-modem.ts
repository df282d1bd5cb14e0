/** A radio for measures: it takes all, and tells when the agent has done with a packet. @module */
import { aborted } from "../../src/kernel/service.ts";
import { BROADCAST, PRIVATE_APP, type Modem, type RadioPacket } from "../../src/ports/modem.ts";
import { encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";

/** An agent that has done with a packet asks for the next. */
export class PatientModem implements Modem {
  readonly name = "modem";
  readonly uri = "bench:";
  readonly sent: Uint8Array[] = [];
  #waiting: ((packet: RadioPacket | undefined) => void) | undefined;
  #done: (() => void) | undefined;

  run(signal: AbortSignal): Promise<void> {
    return aborted(signal);
  }

  state(): ReturnType<Modem["state"]> {
    return { kind: "ready", settings: { nodeNumber: 7, preset: "LongFast", region: "US", firmware: "2.7.26" } };
  }

  channelUse(): ReturnType<Modem["channelUse"]> {
    return { channelUtilization: undefined, airUtilTx: undefined };
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  receive(signal: AbortSignal): Promise<RadioPacket | undefined> {
    this.#done?.();
    return new Promise((resolve) => {
      this.#waiting = resolve;
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  send({ payload }: Parameters<Modem["send"]>[0]): ReturnType<Modem["send"]> {
    this.sent.push(payload);
    return Promise.resolve({ kind: "taken" });
  }

  /** Resolves when the agent has handled it. */
  hear(from: number, message: Message): Promise<void> {
    const payload = encodeMessage(message);
    const rest = { id: 1, hopsTaken: 0, rssiDbm: undefined, snrDb: undefined };
    return new Promise((done) => {
      this.#done = done;
      this.#waiting?.({ from, to: BROADCAST, port: PRIVATE_APP, payload, ...rest });
    });
  }
}
