/** Radios on a simulated air, in the test's own hand. @module */
import type { Reception, SentFrame } from "../../src/sim/air.ts";
import { openEther, type Ether, type EtherOptions } from "../../src/sim/ether.ts";
import type { Admission, RadioNode, RoutingWord, Submission } from "../../src/sim/radio-node.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { PRESETS, type PresetName } from "../../src/radio/airtime.ts";

export interface Radios extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  /** What each radio's host was given and told, by index. */
  readonly heard: Reception[][];
  readonly told: (RoutingWord & { readonly atMs: number })[][];
  /** Every frame that went on the air. */
  readonly frames: SentFrame[];
  radio(index: number): RadioNode;
  /** 200 bytes to all with no relays, unless changed. */
  say(index: number, id: number, changes?: Partial<Submission>): Admission;
}

export function openRadios(
  links: readonly AirLink[],
  {
    seed = "radios",
    preset = "ShortFast",
    ...options
  }: Partial<EtherOptions> & { seed?: string; preset?: PresetName } = {},
): Radios {
  const clock = new VirtualClock();
  const ether = openEther({ clock, random: seededRandom(seed), modulation: PRESETS[preset], links, ...options });
  const numbers = ether.nodes().toSorted((a, b) => a - b);
  const heard: Reception[][] = numbers.map(() => []);
  const told: Radios["told"] = numbers.map(() => []);
  const frames: SentFrame[] = [];
  ether.onFrame((sent) => void frames.push(sent));
  for (const [i, number] of numbers.entries()) {
    ether.radio(number).attach({
      packet: (reception) => void heard[i]?.push(reception),
      power: () => undefined,
      routing: (word) => void told[i]?.push({ ...word, atMs: clock.monotonicMs() }),
    });
  }
  const radio = (index: number): RadioNode => ether.radio(nodeNumber(index));
  const plain = { to: BROADCAST, hopLimit: 0, port: PRIVATE_APP, payload: new Uint8Array(200) };
  return {
    clock,
    ether,
    heard,
    told,
    frames,
    radio,
    say: (index, id, changes = {}) => radio(index).submit({ ...plain, id, ...changes }),
    [Symbol.asyncDispose]: () => ether[Symbol.asyncDispose](),
  };
}
