/** One agent on a simulated air under a virtual clock, and beside it a radio in the test's own hand. @module */
import type { Modem } from "../../src/ports/modem.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import type { Random } from "../../src/ports/random.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { fullMesh, nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { silentLog } from "./log.ts";

export interface StrangerRig extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  readonly node: SimNode;
  /** All that the stranger has heard. */
  readonly heard: Message[];
  /** Called with each message that the stranger hears, one after another. */
  onHeard: (message: Message) => Promise<void>;
  say(message: Message): Promise<void>;
  /** A second, honest agent, in reach of both. */
  neighbour(): Promise<SimNode>;
}

const region = { region: "US", preset: "ShortFast" };
const wishes = { preset: "ShortFast", region: "auto", hopLimit: 3, share: 1 };

export async function openStranger(random: Random): Promise<StrangerRig> {
  const clock = new VirtualClock();
  const ether = openEther({ clock, random, modulation: PRESETS.ShortFast, links: fullMesh(2) });
  const modemOf = (index: number): Modem => openEtherModem({ ether, nodeNumber: nodeNumber(index), random, ...region });
  const agent = (name: string, index: number): Promise<SimNode> =>
    openSimNode({ name, modem: modemOf(index), clock, random, log: silentLog, wishes });
  const node = await agent("node", 0);
  const stranger = modemOf(1);
  const stop = new AbortController();
  const heard: Message[] = [];
  const listen = async (rig: StrangerRig): Promise<void> => {
    for (;;) {
      const packet = await stranger.receive(stop.signal);
      if (packet === undefined) return;
      const message = decodeMessage(packet.payload);
      if (!message.ok) continue;
      heard.push(message.value);
      await rig.onHeard(message.value);
    }
  };
  const lives: Promise<unknown>[] = [node.run(stop.signal), stranger.run(stop.signal)];
  const rig: StrangerRig = {
    clock,
    ether,
    node,
    heard,
    onHeard: () => Promise.resolve(),
    say: async (message) => {
      const packet = { to: BROADCAST, port: PRIVATE_APP, payload: encodeMessage(message), hopLimit: 0 };
      await stranger.send(packet, stop.signal);
    },
    neighbour: async () => {
      for (const other of [0, 1]) ether.setLink({ a: nodeNumber(other), b: nodeNumber(2), loss: 0 });
      const other = await agent("other", 2);
      lives.push(other.run(stop.signal));
      return other;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await clock.advance(1);
      await Promise.all(lives);
      await ether[Symbol.asyncDispose]();
    },
  };
  lives.push(listen(rig));
  return rig;
}
