/** A desk over a real shard, exchange and scheduler: in memory, on a clock that stands still and a radio that obeys. @module */
import { attestTools } from "../../src/attest/tools.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { Desk } from "../../src/desk/desk.ts";
import { rememberingLastHeard } from "../../src/desk/last-heard.ts";
import type { DeskParts, OpenParts, TrustParts } from "../../src/desk/parts.ts";
import { Exchange } from "../../src/exchange/exchange.ts";
import { openAlerts } from "../../src/exchange/open-alerts.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { BootStep } from "../../src/kernel/reports.ts";
import { runAll } from "../../src/kernel/service.ts";
import { PRIVATE_APP } from "../../src/ports/modem.ts";
import { radioInForce, type RadioWishes } from "../../src/radio/in-force.ts";
import { AirtimeLedger } from "../../src/radio/ledger.ts";
import { Scheduler } from "../../src/radio/scheduler.ts";
import { encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { FakeClock } from "./clock.ts";
import { keysOf } from "./keys-view.ts";
import { silentLog } from "./log.ts";
import { FakeModem } from "./modem.ts";
import { seeded } from "./seeded.ts";
import { FaultyStore } from "./store.ts";

export const GOOD_STEP: BootStep = {
  step: "measure",
  state: "measured",
  ok: true,
  detail: "61 files",
  fix: "",
  ms: 12,
};
export const BAD_STEP: BootStep = {
  step: "attest",
  state: "mismatch",
  ok: false,
  detail: "src/main.ts differs",
  fix: "caye allow-update --code DIR",
  ms: 80,
};

export interface DeskRig extends AsyncDisposable {
  readonly desk: Desk;
  readonly clock: FakeClock;
  readonly modem: FakeModem;
  readonly store: FaultyStore;
  readonly shard: Shard;
  readonly exchange: Exchange;
  readonly scheduler: Scheduler;
  readonly ledger: AirtimeLedger;
  /** What the fakes behind the desk say; may change at any time. */
  readonly says: {
    steps: readonly BootStep[];
    mode: "enforce" | "warn";
    tpm: string;
    wishes: RadioWishes;
    freeBytes: number | undefined;
  };
  /** A desk over the same parts, with some of them exchanged. */
  deskWith(changes: Partial<DeskParts>): Desk;
  /** A neighbour's message arrives, and all that follows from it at once has happened. */
  hear(message: Message): Promise<void>;
}

export interface DeskRigOptions {
  readonly simulated?: boolean;
  /** As after a boot step that failed under enforce. */
  readonly quarantine?: string;
  /** Another gives another author; 1 when left out. */
  readonly seed?: number;
}

export async function openDeskRig({
  simulated = false,
  quarantine = "",
  seed = 1,
}: DeskRigOptions = {}): Promise<DeskRig> {
  const clock = new FakeClock();
  const device = new FakeModem(clock);
  const modem = rememberingLastHeard(device, clock);
  const store = new FaultyStore();
  const { random } = seeded(seed);
  const says: DeskRig["says"] = {
    steps: [GOOD_STEP],
    mode: "warn",
    tpm: "tpm:/dev/tpmrm0",
    wishes: { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 },
    freeBytes: 8e9,
  };
  const shard = await openShard(store, { random, nodeName: "clinic", log: silentLog });
  const alerts = await openAlerts({
    store,
    shard,
    clock,
    log: silentLog,
    authorised: [],
    strangers: "show-unverified",
  });
  const settings = () => radioInForce(says.wishes, modem.state());
  const ledger = new AirtimeLedger();
  const saveLedger = () => Promise.resolve();
  const scheduler = new Scheduler({ modem, clock, random, log: silentLog, settings, ledger, saveLedger });
  const exchange = new Exchange({ modem, queue: scheduler, shard, alerts, clock, random, log: silentLog, settings });
  const { heardMsAgo } = modem;
  const open: OpenParts = { shard, alerts, exchange, scheduler, modem, heardMsAgo, radioSettings: settings };
  const parts: DeskParts = {
    version: "0.1.0",
    nodeName: "clinic",
    pid: 4242,
    statePath: "/var/lib/caye",
    clockSpeed: 1,
    simulated,
    modemUri: modem.uri,
    clock,
    startedMs: clock.monotonicMs(),
    trust: trustSaying(says),
    keys: keysOf(),
    attest: { node: undefined, tools: attestTools(random), changesAt: () => Promise.resolve({}) },
    diskFreeBytes: () => Promise.resolve(says.freeBytes),
    open: quarantine === "" ? open : undefined,
    quarantine,
  };
  const deskWith = (changes: Partial<DeskParts>): Desk => new Desk({ ...parts, ...changes });
  const stop = new AbortController();
  const running = runAll(quarantine === "" ? [modem, scheduler, exchange] : [], stop.signal);
  return {
    desk: deskWith({}),
    clock,
    modem: device,
    store,
    shard,
    exchange,
    scheduler,
    ledger,
    says,
    deskWith,
    hear: async (message) => {
      const payload = encodeMessage(message);
      const packet = { from: 9, to: 0xffff_ffff, id: 1, port: PRIVATE_APP, payload };
      device.hear({ ...packet, hopsTaken: 0, rssiDbm: undefined, snrDb: undefined });
      await clock.advance(0);
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

function trustSaying(says: DeskRig["says"]): TrustParts {
  return {
    get mode() {
      return says.mode;
    },
    get tpm() {
      return says.tpm;
    },
    get softwareTpm() {
      return says.tpm.startsWith("swtpm:");
    },
    steps: () => says.steps,
    quote: () => Promise.reject(new AgentError("TPM_NONE", "no quote here")),
    allowUpdate: () => Promise.resolve({ allowed: true, pcr: 14, value: "cd".repeat(32) }),
  };
}
