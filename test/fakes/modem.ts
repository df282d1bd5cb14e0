/** A radio that does what the test says, and remembers what it was given. @module */
import { BoundedQueue } from "../../src/kernel/queue.ts";
import { aborted } from "../../src/kernel/service.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ChannelUse, Modem, ModemState, OutgoingPacket, RadioPacket, SendOutcome } from "../../src/ports/modem.ts";

export const READY: ModemState = {
  kind: "ready",
  settings: { nodeNumber: 7, preset: "LongFast", region: "EU_868", firmware: "2.7.26" },
};

export class FakeModem implements Modem {
  readonly name = "modem";
  readonly uri = "fake:";
  /** All that it was given, whatever it answered. */
  readonly sent: { readonly atMs: number; readonly packet: OutgoingPacket; readonly outcome: SendOutcome }[] = [];
  /** What it answers to the next packets; then it takes all. */
  readonly answers: SendOutcome[] = [];
  current: ModemState = READY;
  use: ChannelUse = { channelUtilization: undefined, airUtilTx: undefined };
  readonly #clock: Clock;
  readonly #received = new BoundedQueue<RadioPacket>(32);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(signal: AbortSignal): Promise<void> {
    return aborted(signal);
  }

  state(): ModemState {
    return this.current;
  }

  channelUse(): ChannelUse {
    return this.use;
  }

  counters(): Readonly<Record<string, number>> {
    return { dropped_packets: this.#received.dropped };
  }

  receive(signal: AbortSignal): Promise<RadioPacket | undefined> {
    return this.#received.take(signal);
  }

  send(packet: OutgoingPacket, _signal: AbortSignal): Promise<SendOutcome> {
    const outcome = this.answers.shift() ?? { kind: "taken" };
    this.sent.push({ atMs: this.#clock.monotonicMs(), packet, outcome });
    return Promise.resolve(outcome);
  }

  /** A packet arrives. False when the queue is full. */
  hear(packet: RadioPacket): boolean {
    return this.#received.offer(packet);
  }
}
