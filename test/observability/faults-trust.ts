/** Nodes whose neighbour runs another program, and whose source of entropy goes bad: judged by the agent's own exchange and watch. @module */
import { sha256 } from "../fakes/tpm.ts";
import type { OpenParts } from "../../src/desk/parts.ts";
import type { EntropyAssessor } from "../../src/ports/entropy.ts";
import type { MachineFigures } from "../../src/ports/machine-figures.ts";
import { radioInForce } from "../../src/radio/in-force.ts";
import { EntropyWatch } from "../../src/trust/entropy-watch.ts";
import { seed } from "../../src/trust/seed.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { openChipped } from "../fakes/chipped.ts";
import { openDeskRig } from "../fakes/desk.ts";
import { fakeEntropy, ideal, stuck } from "../fakes/entropy.ts";
import { silentLog } from "../fakes/log.ts";
import { machineFigures } from "../fakes/machine-figures.ts";
import { enrolmentOf } from "../trust/enrolments.ts";
import type { Faulty, MakeFaulty } from "./faults.ts";

const HOUR_MS = 3_600_000;
const wellMachine = (): Promise<MachineFigures> => Promise.resolve(machineFigures({ unixS: Date.now() / 1000 }));

/** A neighbour is asked for a quote by radio; its code is another one for a while. */
async function drifted(owned: AsyncDisposableStack): Promise<Faulty> {
  const rig = owned.use(await openChipped("alarms"));
  const base = owned.use(await openDeskRig());
  const { lone, chips, neighbours } = rig;
  const [neighbour] = neighbours;
  const house = chips.houses[1];
  if (neighbour === undefined || house === undefined) throw new Error("a village has neighbours");
  const { shard, alerts, exchange, scheduler } = lone.node;
  const radioSettings = (): ReturnType<OpenParts["radioSettings"]> =>
    radioInForce(base.says.wishes, lone.modem.state());
  const open: OpenParts = { shard, alerts, exchange, scheduler, modem: lone.modem, radioSettings };
  const right = house.state;
  const set = async (ill: boolean): Promise<void> => {
    house.state = ill ? { ...right, own: { ...right.own, code: sha256("changed") } } : right;
    await lone.clock.advance(HOUR_MS / 4);
    const before = rig.probes().length;
    exchange.attest(neighbour.id);
    await lone.clock.runUntil(() => rig.probes().length > before, HOUR_MS);
    const probe = rig.probes().at(-1);
    if (probe !== undefined) await lone.hear(neighbour.radio, neighbour.proof(probe));
  };
  await set(false);
  return { view: base.deskWith({ open, clock: lone.clock }), machine: wellMachine, set };
}

/** The watch looks at the source until it has read enough to judge it. */
function ofSource(act: (device: ReturnType<typeof fakeEntropy>, ill: boolean) => number): MakeFaulty {
  return async (owned) => {
    const rig = owned.use(await openDeskRig());
    const { clock } = rig;
    const stop = new AbortController();
    const device = fakeEntropy(ideal(1), { name: "qrng:bench" });
    let worth = act(device, false);
    const assessor = sayingWorth(() => worth);
    const memory = new FakeMemory();
    const { evidence: seeded } = await seed({
      sources: [{ uri: device.name, optional: false, open: async () => keptOpen(device) }],
      tpm: undefined,
      kernelRandom: { bytes: (length) => new Uint8Array(length) },
      assessor,
      instance: () => ({ pid: 1, monotonicMs: 0, wallMs: 0 }),
      memory,
      clock,
      signal: stop.signal,
    });
    const policy = { onFailure: "degrade", endsOnFailure: false, reseedMinutes: 10, assessDays: 0 } as const;
    const watch = new EntropyWatch({ seeded, memory, assessor, clock, policy, log: silentLog }, new Map());
    const set = async (ill: boolean): Promise<void> => {
      worth = act(device, ill);
      for (let look = 0; look < 12; look++) await watch.look(stop.signal);
    };
    return { view: rig.deskWith({ entropy: watch }), machine: wellMachine, set };
  };
}

function sayingWorth(assessed: () => number): EntropyAssessor {
  const { literal, bitstring } = enrolmentOf();
  return {
    assess: async (samples, bits) => {
      const value = assessed();
      const figures = { literal, bitstring, hOriginal: value, hBitstring: 1, assessed: value };
      return { bits, samples: samples.length, symbols: 256, ...figures };
    },
  };
}

/** The watch closes it and opens it again; in a test it is one device. */
function keptOpen(device: ReturnType<typeof fakeEntropy>): ReturnType<typeof fakeEntropy> {
  return new Proxy(device, {
    get: (target, key) => (key === Symbol.asyncDispose ? async () => undefined : Reflect.get(target, key)),
  });
}

const WELL_BITS = 6;

export const TRUST_FAULTS: Readonly<Record<string, MakeFaulty>> = {
  CayeAttestationMismatch: drifted,
  CayeEntropySourceFailing: ofSource((device, ill) => {
    device.become(ill ? stuck(1, 0) : ideal(2));
    return WELL_BITS;
  }),
  CayeEntropyBelowThreshold: ofSource((_, ill) => (ill ? 2.5 : WELL_BITS)),
};
