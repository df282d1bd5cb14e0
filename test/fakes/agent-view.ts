/** An agent's view that answers from memory: for tests of the API and of the commands. @module */
import { createHash } from "node:crypto";
import { base32 } from "multiformats/bases/base32";
import type { AgentView } from "../../src/api/view.ts";
import { encodeCar } from "../../src/dag/car.ts";
import { splitFile } from "../../src/dag/manifest.ts";
import { concatBytes } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { type FakeAttest, fakeAttest } from "./attest-view.ts";
import { type FakeBackupView, fakeBackupView } from "./backup-view.ts";
import { type FakeBoard, fakeBoard } from "./board-view.ts";
import { type FakeEntropyView, fakeEntropyView } from "./entropy-view.ts";
import { type FakeKeys, fakeKeys } from "./keys-view.ts";
import { fakeTime, type FakeTime } from "./time-view.ts";
import { fakeVillage } from "./village-view.ts";
import { type FakeAlerts, fakeAlerts } from "./alerts-view.ts";
import type { FileRow, GetReport, StatusReport } from "../../src/kernel/reports.ts";

export interface FakeView extends AgentView {
  readonly alerts: FakeAlerts;
  readonly attest: FakeAttest;
  readonly entropy: FakeEntropyView;
  readonly board: FakeBoard;
  readonly backup: FakeBackupView;
  readonly time: FakeTime;
  readonly keys: FakeKeys;
  /** As when a boot step failed under enforce. */
  quarantined: boolean;
  /** How a transfer goes on, one report a call; the last stays. */
  course: GetReport[];
  readonly puts: { readonly name: string; readonly bytes: Uint8Array }[];
  readonly imports: { readonly name: string | undefined; readonly archive: Uint8Array }[];
}

/** The CID of one raw block. */
export function rawCid(bytes: Uint8Array): string {
  return base32.encode(concatBytes(Uint8Array.of(1, 0x55, 0x12, 32), createHash("sha256").update(bytes).digest()));
}

export const BULLETIN = new TextEncoder().encode("Storm bulletin 7: wind 90 km/h from the east, go to the school.\n");

export function bulletinArchive(): Uint8Array<ArrayBuffer> {
  const { root, blocks } = splitFile(BULLETIN);
  return encodeCar({ root, blocks });
}

export function getReport(changes: Partial<GetReport> = {}): GetReport {
  return {
    cid: rawCid(BULLETIN),
    name: "storm.txt",
    bytes: BULLETIN.length,
    packets: 0,
    wanted: 0,
    total: 0,
    air_bytes: 0,
    air_ms: 0,
    state: "waiting",
    detail: "",
    ...changes,
  };
}

export function statusReport(changes: Partial<StatusReport> = {}): StatusReport {
  return {
    node: "clinic-roof",
    author: "clinic-roof (3f9a1c20b4d5e6f7)",
    version: "0.1.0",
    pid: 4242,
    uptime_s: 7_380,
    state: "warned",
    trust: {
      mode: "warn",
      tpm: "swtpm:",
      steps: [
        { step: "measure", state: "measured", ok: true, detail: "61 files", fix: "", ms: 12 },
        {
          step: "attest",
          state: "mismatch",
          ok: false,
          detail: "src/main.ts differs",
          fix: "caye allow-update --code DIR",
          ms: 80,
        },
      ],
    },
    radio: {
      modem: "sim:",
      link: "ready",
      detail: "",
      node_number: 42,
      preset: "LongFast",
      region: "US",
      air_used_ms: 12_345,
      air_budget_ms: 1_800_000,
      air_law_ms: 3_600_000,
      air_others_ms: 4_000,
      duty_cycle: 1,
      duty_share: 0.5,
      channel_use: 0.125,
      waiting_for: "channel",
      silent_s: 0,
      holds: { channel: { times: 3, ms: 4_500 } },
      queued: 2,
      simulated: true,
      clock_speed: 1,
    },
    alerts: { active: 2, unread: 1, unverified: 0 },
    shard: { blocks: 33, bytes: 120_000, files: 12, authors: 4 },
    neighbours: [{ author: 'school "A" (00112233aabbccdd)', heard_s_ago: 12, entries: 5 }],
    counters: { bad_frames: 3, frames_in: 1_000 },
    ...changes,
  };
}

export function fakeView(): FakeView {
  const files: FileRow[] = [
    {
      name: "storm.txt",
      cid: rawCid(BULLETIN),
      ref: "0011223344556677/2",
      prefix: createHash("sha256").update(BULLETIN).digest("hex").slice(0, 32),
      bytes: BULLETIN.length,
      author: "school (0011223344556677)",
      held: true,
    },
    {
      name: "stock.csv",
      cid: null,
      ref: "8899aabbccddeeff/7",
      prefix: "5891b5b522d5df086d0ff0b110fbd9d2",
      bytes: 12_345,
      author: "clinic (8899aabbccddeeff)",
      held: false,
    },
  ];
  const view: FakeView = {
    alerts: fakeAlerts(() => view.quarantined),
    village: fakeVillage(),
    attest: fakeAttest(),
    entropy: fakeEntropyView(),
    board: fakeBoard(),
    backup: fakeBackupView(),
    time: fakeTime(),
    keys: fakeKeys(),
    quarantined: false,
    course: [getReport({ state: "done" })],
    puts: [],
    imports: [],
    status: () => Promise.resolve(statusReport(view.quarantined ? { state: "quarantine" } : {})),
    checks: () =>
      Promise.resolve({
        checks: [{ name: "radio", state: "WARN" as const, detail: "simulated", fix: "Plug one in." }],
      }),
    files: async () => {
      shut(view);
      return { files };
    },
    log: async (limit) => {
      shut(view);
      const author = "school (0011223344556677)";
      const file = {
        kind: "file",
        name: "storm.txt",
        cid: rawCid(BULLETIN),
        prefix: "ab".repeat(16),
        bytes: 64,
      } as const;
      const first = { kind: "author", name: "school", cid: null, prefix: null, bytes: 0 } as const;
      const entries = [
        { author, seq: 2, ...file, head: "ab".repeat(32) },
        { author, seq: 1, ...first, head: "cd".repeat(32) },
      ];
      return { authors: [{ author, entries: 2, verified: true }], handovers: [], entries: entries.slice(0, limit) };
    },
    put: async (name, bytes) => {
      shut(view);
      if (name.includes("/")) throw new AgentError("NAME_INVALID", "a name holds no slash");
      view.puts.push({ name, bytes });
      return {
        cid: rawCid(bytes),
        name,
        bytes: bytes.length,
        seq: view.puts.length + 1,
        by_air: bytes.length <= 65_536,
      };
    },
    startGet: async (nameOrCid) => {
      shut(view);
      if (nameOrCid === "nothing") {
        throw new AgentError("NOT_FOUND", "nobody here offers nothing", { fix: "caye ls lists what is offered." });
      }
      return { id: "t-1", report: view.course[0] ?? getReport() };
    },
    transfer: async (id) => {
      if (id !== "t-1") return undefined;
      return view.course.length > 1 ? view.course.shift() : view.course[0];
    },
    content: async (cid) => {
      shut(view);
      return cid === rawCid(BULLETIN) ? BULLETIN : undefined;
    },
    exportCar: async (cid) => {
      shut(view);
      if (cid !== rawCid(BULLETIN)) {
        throw new AgentError("FILE_MISSING", `a part of ${cid} is not on this node`, { fix: "get it first" });
      }
      return bulletinArchive();
    },
    importCar: async (archive, name) => {
      shut(view);
      if (Buffer.compare(archive, bulletinArchive()) !== 0) {
        throw new AgentError("CAR_INVALID", "this is no whole archive of one file of ours: not a CAR archive");
      }
      view.imports.push({ name, archive });
      const seq = name === undefined ? null : view.imports.length + 1;
      return { cid: rawCid(BULLETIN), name: name ?? "", bytes: BULLETIN.length, blocks: 1, seq };
    },
    quote: (nonce) =>
      Promise.resolve({
        nonce: Buffer.from(nonce ?? new Uint8Array(32)).toString("hex"),
        ak_pem: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        msg: "ff544347",
        sig: "0018",
        pcrs: "01000000",
        selection: "sha256:14",
      }),
    allowUpdate: async () => ({ allowed: true, pcr: 14, value: "cd".repeat(32) }),
  };
  return view;
}

function shut(view: FakeView): void {
  if (!view.quarantined) return;
  throw new AgentError("QUARANTINE", "the node is in quarantine: attest ended in mismatch", { fix: "caye doctor" });
}
