/** A node for each alarm, with the fault that it is about in the test's hand: the desk and the exporter are the real ones. @module */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentView } from "../../src/api/view.ts";
import { Heartbeat } from "../../src/desk/heartbeat.ts";
import { StoreDamage } from "../../src/desk/store-damage.ts";
import { readMachineFigures } from "../../src/drivers/telemetry/machine-figures.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { BoardReport } from "../../src/kernel/board-reports.ts";
import type { BootStep, StatusReport } from "../../src/kernel/reports.ts";
import type { MachineFigures } from "../../src/ports/machine-figures.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import { beaconOf } from "../fakes/beacon.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { READY } from "../fakes/modem.ts";
import { seeded } from "../fakes/seeded.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { BOARD } from "./full-page.ts";
import { openDeskRig, GOOD_STEP, type DeskRig } from "../fakes/desk.ts";
import { silentLog } from "../fakes/log.ts";
import { machineFigures } from "../fakes/machine-figures.ts";

export interface Faulty {
  readonly view: Pick<AgentView, "status">;
  readonly machine: () => Promise<MachineFigures>;
  /** Brings the fault about, or ends it. */
  readonly set: (ill: boolean) => Promise<void>;
}

/** @param folder for what has to lie on a disk */
export type MakeFaulty = (owned: AsyncDisposableStack, folder: string) => Promise<Faulty>;

const HOUR_MS = 3_600_000;
const NEIGHBOUR = authorFromSeed(seeded(77).random.bytes(32));
const SOMEBODY = [introductionOf(NEIGHBOUR), beaconOf(NEIGHBOUR.id, [{ author: NEIGHBOUR.id, count: 1 }])];

async function rigOf(owned: AsyncDisposableStack): Promise<DeskRig> {
  return owned.use(await openDeskRig());
}

const nothing = (): Promise<void> => Promise.resolve();

/** Its clock is this machine's, as Prometheus' is. */
const wellMachine = (): Promise<MachineFigures> => Promise.resolve(machineFigures({ unixS: Date.now() / 1000 }));

/** What its machine tells is at fault. */
function ofMachine(ill: () => Partial<MachineFigures>): MakeFaulty {
  return async (owned) => {
    const { desk } = await rigOf(owned);
    let changes: () => Partial<MachineFigures> = () => ({});
    return {
      view: desk,
      machine: async () => ({ ...(await wellMachine()), ...changes() }),
      set: async (isIll) => void (changes = isIll ? ill : () => ({})),
    };
  };
}

/** Something happens to its desk's parts. */
function ofRig(act: (rig: DeskRig, ill: boolean) => Promise<void> | void): MakeFaulty {
  return async (owned) => {
    const rig = await rigOf(owned);
    return { view: rig.desk, machine: wellMachine, set: async (ill) => act(rig, ill) };
  };
}

function ofStep(step: BootStep): MakeFaulty {
  return ofRig((rig, ill) => void (rig.says.steps = ill ? [GOOD_STEP, step] : [GOOD_STEP, { ...step, ok: true }]));
}

/** Only its report is at fault. */
function ofReport(change: (report: StatusReport, ill: boolean) => StatusReport): MakeFaulty {
  return async (owned) => {
    const { desk } = await rigOf(owned);
    let ill = false;
    return {
      view: { status: async () => change(await desk.status(), ill) },
      machine: wellMachine,
      set: async (isIll) => void (ill = isIll),
    };
  };
}

const bad = (step: string, state: string): BootStep => ({ step, state, ok: false, detail: "x", fix: "y", ms: 1 });

async function tells(owned: AsyncDisposableStack): Promise<Faulty> {
  const { desk } = await rigOf(owned);
  let ill = false;
  const status = (): Promise<StatusReport> => (ill ? Promise.reject(new Error("no answer")) : desk.status());
  return { view: { status }, machine: wellMachine, set: async (isIll) => void (ill = isIll) };
}

async function shut(owned: AsyncDisposableStack): Promise<Faulty> {
  const rig = await rigOf(owned);
  const quarantined = rig.deskWith({ open: undefined, quarantine: "src/main.ts differs" });
  let ill = false;
  const status = (): Promise<StatusReport> => (ill ? quarantined : rig.desk).status();
  return { view: { status }, machine: wellMachine, set: async (isIll) => void (ill = isIll) };
}

/** The note on the disk is the agent's own, and an operator takes it away. */
async function damaged(owned: AsyncDisposableStack): Promise<Faulty> {
  const rig = await rigOf(owned);
  const memory = new FakeMemory();
  const start = async (): Promise<void> => {
    const step = (await StoreDamage.remembered(memory, silentLog)).step();
    rig.says.steps = step === undefined ? [GOOD_STEP] : [GOOD_STEP, step];
  };
  const set = async (ill: boolean): Promise<void> => {
    if (ill) {
      const damage = await StoreDamage.remembered(memory, silentLog);
      damage.note("a block of the database");
      await damage.save();
    } else await memory.remove("store-damage.txt");
    await start();
  };
  return { view: rig.desk, machine: wellMachine, set };
}

/** A folder that looks like the kernel's, read by the real driver. */
async function hot(owned: AsyncDisposableStack, folder: string): Promise<Faulty> {
  const { desk } = await rigOf(owned);
  const thermal = join(folder, "thermal");
  const zone = join(thermal, "thermal_zone0");
  await mkdir(zone, { recursive: true });
  await writeFile(join(zone, "type"), "cpu-thermal\n");
  const set = (ill: boolean): Promise<void> => writeFile(join(zone, "temp"), ill ? "86000\n" : "52000\n");
  await set(false);
  const machine = async (): Promise<MachineFigures> => {
    const { temperatures } = await readMachineFigures({ statePath: folder, thermal });
    return { ...(await wellMachine()), temperatures };
  };
  return { view: desk, machine, set };
}

/** The real heartbeat over a store that does not answer; a minute of its clock passes at each scrape. */
async function beats(owned: AsyncDisposableStack): Promise<Faulty> {
  const { desk, clock, store } = await rigOf(owned);
  const probe = async (): Promise<void> => void (await store.get(utf8("~")));
  const supervisor = { watchdogMs: 20_000, ready: nothing, status: nothing, alive: nothing, stopping: nothing };
  const heartbeat = new Heartbeat({ supervisor, clock, log: silentLog, probe, status: async () => "" });
  const stop = new AbortController();
  const running = heartbeat.run(stop.signal);
  owned.defer(async () => {
    stop.abort();
    await running;
  });
  return {
    view: desk,
    machine: async () => {
      await clock.advance(20_000);
      return { ...(await wellMachine()), watchdogBeats: heartbeat.beats };
    },
    set: async (ill) => void (store.readFailure = ill ? new AgentError("STORE_FAILED", "no answer") : undefined),
  };
}

/** More is said at each scrape than the scheduler's queue holds. */
async function overfull(owned: AsyncDisposableStack): Promise<Faulty> {
  const { desk, scheduler, modem } = await rigOf(owned);
  modem.current = { kind: "connecting", attempt: 1 };
  let ill = false;
  const status = (): Promise<StatusReport> => {
    const more = ill ? 100 : 0;
    for (let i = 0; i < more; i++) scheduler.offer({ payload: new Uint8Array(20), priority: 1, hopLimit: 0 });
    return desk.status();
  };
  return { view: { status }, machine: wellMachine, set: async (isIll) => void (ill = isIll) };
}

/** Nobody is heard while hours pass; then somebody is again. */
function silent(hours: number): MakeFaulty {
  return ofRig(async (rig, ill) => {
    if (ill) await rig.clock.advance(hours * HOUR_MS);
    else for (const message of SOMEBODY) await rig.hear(message);
  });
}

/** Whether the channel is crowded, and what the radio sent for others, is the radio's word. */
function channel(use: { readonly channelUtilization?: number; readonly airUtilTx?: number }): MakeFaulty {
  return ofRig(async (rig, ill) => {
    rig.modem.use = { channelUtilization: 0.05, airUtilTx: 0.001, ...(ill ? use : {}) };
    // What the radio told of the last hour holds for an hour.
    if (!ill) await rig.clock.advance(2 * HOUR_MS);
  });
}

/** The hour's budget is booked as spent, and the hour passes. */
const spent: MakeFaulty = ofRig(async ({ clock, ledger, scheduler }, ill) => {
  if (ill) ledger.record(clock.monotonicMs(), scheduler.status().budgetUs);
  else await clock.advance(2 * HOUR_MS);
});

const tunnel: MakeFaulty = ofReport((report, ill) => ({
  ...report,
  tunnels: [{ kind: "mqtt", peer: "mqtts://broker.example", up: !ill }],
}));

const board = (change: (board: BoardReport) => BoardReport): MakeFaulty =>
  ofReport((report, ill) => ({ ...report, board: ill ? change(BOARD) : BOARD }));

/** The newest is of a week ago; then one is made. */
async function unkept(owned: AsyncDisposableStack, folder: string): Promise<Faulty> {
  const { desk } = await rigOf(owned);
  const backups = join(folder, "stick");
  await mkdir(backups, { recursive: true });
  const { author } = await desk.status();
  const set = async (ill: boolean): Promise<void> => {
    const at = new Date(Date.now() - (ill ? 7 * 86_400_000 : 0)).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    await rm(backups, { recursive: true });
    await mkdir(backups);
    await writeFile(join(backups, `clinic-${author}-${at}.caye-backup`), "");
  };
  await set(false);
  const machine = async (): Promise<MachineFigures> => {
    const { backups: found } = await readMachineFigures({ statePath: folder, backups });
    return { ...(await wellMachine()), backups: found };
  };
  return { view: desk, machine, set };
}

/** By the alarm that each is to ring. What has a neighbour with a chip, or a source of entropy, is in `faults-trust.ts`. */
export const FAULTS: Readonly<Record<string, MakeFaulty>> = {
  CayeAgentDown: tells,
  CayeQuarantine: shut,
  CayeSelfTestFailed: ofStep(bad("selftest", "selftest-failed")),
  CayeStoreDamaged: damaged,
  CayeDiskFull: ofMachine(() => ({ disk: { freeBytes: 1e6, totalBytes: 30e9 } })),
  CayeDiskLow: ofMachine(() => ({ disk: { freeBytes: 100e6, totalBytes: 30e9 } })),
  CayeHot: hot,
  CayeClockUnset: ofMachine(() => ({ unixS: 3_600 })),
  CayeClockWrong: ofMachine(() => ({ unixS: Date.now() / 1000 - 300 })),
  CayeBackupOld: unkept,
  CayeUpdateFailed: ofMachine(() => ({ updateStep: "rolled-back" })),
  CayeTamper: board((wired) => ({ ...wired, tamper: { opened: true, at: "" } })),
  CayeBoardLineFault: board((wired) => ({ ...wired, lines: wired.lines.map((line) => ({ ...line, state: "fault" })) })),
  CayeMemoryHigh: ofMachine(() => ({ residentBytes: 460e6 })),
  CayeEventLoopSlow: ofMachine(() => ({ eventLoopLagS: 3 })),
  CayeWatchdogSilent: beats,
  CayeQueueDrops: overfull,
  CayeBootTrustFailed: ofStep(bad("watch", "changed")),
  CayeRadioDown: ofRig(({ modem }, ill) => {
    modem.current = ill ? { kind: "down", reason: "no answer", retryInMs: 1_000 } : READY;
  }),
  CayeRadioSilent: silent(3),
  CayeNeighbourLost: silent(5),
  CayeAirtimeOverBudget: spent,
  CayeAirtimeOverLaw: channel({ airUtilTx: 0.4 }),
  CayeChannelBusy: channel({ channelUtilization: 0.8 }),
  CayeTunnelDown: tunnel,
};
