/** Every source keeps the port's promises: real ones, simulated devices on both cables, and the tests' own fakes. */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openHwrng } from "../../../src/drivers/entropy/hwrng.ts";
import { openEntropy } from "../../../src/drivers/entropy/open.ts";
import { tpmEntropy } from "../../../src/drivers/entropy/tpm.ts";
import { type EntropyRig, describeEntropy } from "../../contract/entropy.ts";
import { isInstalled, temporaryDirectory } from "../../fakes/chips.ts";
import {
  SimulatedOnerng,
  SimulatedQcicada,
  SimulatedTruerng,
  type SimulatedDevice,
  cableTo,
  terminalTo,
} from "../../fakes/entropy-devices.ts";
import { fakeEntropy, ideal } from "../../fakes/entropy.ts";
import { FakeChip } from "../../fakes/tpm.ts";
import { openers } from "./openers.ts";

const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };

describeEntropy("the kernel", async () => ({ source: await openEntropy("kernel", 7), ...nothing }), []);

describeEntropy(
  "a TPM",
  async () => {
    const chip = new FakeChip();
    const unplug = (): void => {
      chip.gone = true;
    };
    return { source: tpmEntropy(chip.powerOn(), 7), unplug, ...nothing };
  },
  ["unplug"],
);

describeEntropy(
  "a device file that never ends",
  async () => ({
    source: await openEntropy("hwrng:/dev/urandom", 7),
    ...nothing,
  }),
  [],
);

describeEntropy(
  "a source in a test's hand",
  async () => {
    const source = fakeEntropy(ideal(1));
    return { source, unplug: () => source.unplug(), silence: () => source.silence(), ...nothing };
  },
  ["unplug", "silence"],
);

/** A pipe that is fed as long as somebody wants to read. */
describeEntropy(
  "a device file that may fall silent",
  async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, "fifo");
    if (spawnSync("mkfifo", [path]).status !== 0) return "no mkfifo here";
    const source = await openHwrng(path, 7);
    let writer: number | undefined = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const next = ideal(3);
    let fed = true;
    const feeding = setInterval(() => {
      try {
        if (fed && writer !== undefined) writeSync(writer, Uint8Array.from({ length: 4096 }, next));
      } catch {
        // It is full.
      }
    }, 1);
    const unplug = (): void => {
      fed = false;
      if (writer !== undefined) closeSync(writer);
      writer = undefined;
      // What the pipe still holds was given before.
      const rest = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      while (readSync(rest, new Uint8Array(65_536)) > 0);
      closeSync(rest);
    };
    return {
      source,
      unplug,
      [Symbol.asyncDispose]: async () => {
        clearInterval(feeding);
        if (writer !== undefined) closeSync(writer);
        await source[Symbol.asyncDispose]();
        directory.remove();
      },
    };
  },
  ["unplug"],
);

const DEVICES: readonly (readonly [uri: string, device: () => SimulatedDevice])[] = [
  ["qcicada", () => new SimulatedQcicada()],
  ["truerng", () => new SimulatedTruerng(false)],
  ["onerng", () => new SimulatedOnerng()],
];

describeEntropy("a TrueRNGpro, its cable in memory", async () => inMemory("truerngpro", new SimulatedTruerng(true)), [
  "unplug",
  "silence",
]);

for (const [kind, device] of DEVICES) {
  describeEntropy(`a ${kind}, its cable in memory`, () => inMemory(kind, device()), ["unplug", "silence"]);
  describeEntropy(`a ${kind} on a pseudo-terminal`, () => onTerminal(kind, device()), ["unplug"]);
}

async function inMemory(kind: string, device: SimulatedDevice): Promise<EntropyRig> {
  const cable = cableTo(device);
  const source = await openers(kind)(cable.port);
  return {
    source,
    unplug: () => cable.unplug(),
    silence: () => cable.hush(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

async function onTerminal(kind: string, device: SimulatedDevice): Promise<EntropyRig | string> {
  if (!isInstalled("socat")) return "no socat here: apt-get install socat";
  const terminal = await terminalTo(device);
  const limits = { silenceMs: 3_000, quietMs: 20 };
  const source = await openEntropy(`qrng:${kind}:${terminal.path}`, 7, { limits });
  return {
    source,
    unplug: () => terminal.unplug(),
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]();
      await terminal[Symbol.asyncDispose]();
    },
  };
}
