/** A radio that also remembers when it last gave a packet: whose antenna has come off hears nothing any more. @module */
import type { Clock } from "../ports/clock.ts";
import type { Modem } from "../ports/modem.ts";

export interface ListeningModem extends Modem {
  /** Milliseconds since it last gave a packet of anybody; undefined before the first. */
  readonly heardMsAgo: () => number | undefined;
}

export function rememberingLastHeard(modem: Modem, clock: Pick<Clock, "monotonicMs">): ListeningModem {
  let heardMs: number | undefined;
  return {
    name: modem.name,
    uri: modem.uri,
    run: (signal) => modem.run(signal),
    state: () => modem.state(),
    channelUse: () => modem.channelUse(),
    counters: () => modem.counters(),
    send: (packet, signal) => modem.send(packet, signal),
    receive: async (signal) => {
      const packet = await modem.receive(signal);
      if (packet !== undefined) heardMs = clock.monotonicMs();
      return packet;
    },
    heardMsAgo: () => (heardMs === undefined ? undefined : clock.monotonicMs() - heardMs),
  };
}
