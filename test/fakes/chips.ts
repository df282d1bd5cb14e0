/** Chips for the tests of boot trust: the fake one, and a real software TPM when it is installed. @module */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { openTpm } from "../../src/drivers/tpm/open.ts";
import { startSwtpm } from "../../src/drivers/tpm/swtpm.ts";
import { TransportTpm } from "../../src/drivers/tpm/tpm.ts";
import type { Transport } from "../../src/drivers/tpm/transport.ts";
import type { Memory } from "../../src/ports/memory.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { silentLog } from "./log.ts";
import { FakeChip } from "./tpm.ts";

/** TPM2_Shutdown(STATE), as a machine that falls asleep sends it; anybody may. */
const SHUTDOWN_STATE = Uint8Array.of(0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 1);

/** One chip through several power cycles. Close a TPM before the next is opened. */
export interface Chip {
  /** After a power cycle: registers are zero. */
  powerOn(): Promise<Tpm>;
  /** Told to stop by `TPM2_Shutdown(STATE)`, then reset and started: registers are zero, the count of resets stays. */
  restart(): Promise<Tpm>;
  /** The agent restarts, the chip does not. */
  connect(): Promise<Tpm>;
  dispose(): Promise<void>;
}

export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", 'command -v "$0"', program]).status === 0;
}

export function temporaryDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "caye-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function fakeChip(chip = new FakeChip()): Chip {
  return {
    powerOn: async () => chip.powerOn(),
    restart: async () => chip.restart(),
    connect: async () => chip.connect(),
    dispose: async () => undefined,
  };
}

/** Undefined when swtpm is not installed: say so with `ctx.skip`. */
export function swtpmChip(): Chip | undefined {
  if (!isInstalled("swtpm")) return undefined;
  const directory = temporaryDirectory();
  let running: Transport | undefined;
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  const overRunning = (): Tpm => {
    const transport = running;
    if (transport === undefined) throw new Error("the chip has no power");
    const lasting: Transport = { send: (command, ms) => transport.send(command, ms), close: async () => undefined };
    return new TransportTpm(lasting, { uri: "swtpm:", software: false, random: systemRandom(), log: silentLog });
  };
  return {
    powerOn: async () => {
      await stop();
      running = await startSwtpm(directory.path);
      return overRunning();
    },
    restart: async () => {
      await running?.send(SHUTDOWN_STATE, 1_000);
      await stop();
      running = await startSwtpm(directory.path);
      return overRunning();
    },
    connect: async () => overRunning(),
    dispose: async () => {
      await stop();
      directory.remove();
    },
  };
}

export function openSwtpm(stateDir: string): Promise<Tpm> {
  return openTpm("swtpm:", { stateDir, clock: systemClock(), random: systemRandom(), log: silentLog });
}

/** Named files in memory, with a switch that plays a power cut before the n-th change from now. */
export class FakeMemory implements Memory {
  readonly files = new Map<string, Uint8Array>();
  changesLeft = Number.POSITIVE_INFINITY;

  async read(name: string): Promise<Uint8Array | undefined> {
    const bytes = this.files.get(name);
    return bytes === undefined ? undefined : Uint8Array.from(bytes);
  }

  async writeAtomic(name: string, bytes: Uint8Array): Promise<void> {
    this.#change();
    this.files.set(name, Uint8Array.from(bytes));
  }

  async remove(name: string): Promise<void> {
    this.#change();
    this.files.delete(name);
  }

  #change(): void {
    if (this.changesLeft <= 0) throw new PowerCut();
    this.changesLeft--;
  }
}

export class PowerCut extends Error {}
