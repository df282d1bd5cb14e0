/** One agent under a virtual clock, whose radio hears what the test says, under any number. @module */
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode, type SimNodeOptions } from "../../src/sim/sim-node.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { silentLog } from "./log.ts";
import { FakeModem } from "./modem.ts";

export interface LoneNode extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly node: SimNode;
  readonly modem: FakeModem;
  /** All that it said, the oldest first. */
  readonly said: () => readonly Message[];
  /** Resolves when it was acted on, about. */
  readonly hear: (from: number, message: Message, hops?: number) => Promise<void>;
}

export async function openLoneNode(seed: string, extras: Partial<SimNodeOptions> = {}): Promise<LoneNode> {
  const clock = new VirtualClock();
  const modem = new FakeModem(clock);
  modem.current = {
    kind: "ready",
    settings: { nodeNumber: 7, preset: "LongFast", region: "US", firmware: "2.7.26" },
  };
  const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
  const random = seededRandom(seed);
  const node = await openSimNode({ name: "lone", modem, clock, random, log: silentLog, wishes, ...extras });
  const stop = new AbortController();
  const running = node.run(stop.signal);
  let id = 0;
  return {
    clock,
    node,
    modem,
    said: () =>
      modem.sent.flatMap(({ packet }) => {
        const message = decodeMessage(packet.payload);
        return message.ok ? [message.value] : [];
      }),
    hear: async (from, message, hops = 0) => {
      const payload = encodeMessage(message);
      const rest = { id: ++id, hopsTaken: hops, rssiDbm: undefined, snrDb: undefined };
      modem.hear({ from, to: BROADCAST, port: PRIVATE_APP, payload, ...rest });
      await clock.advance(10);
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await clock.advance(1);
      await running;
    },
  };
}
