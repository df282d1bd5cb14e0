/**
 * One agent that holds the index of 500 authors with 100,000 entries, on a real store: what it weighs, what each packet
 * costs it, and what its operator's questions take. Beside it an empty agent, in a process of its own as well.
 *
 * CPU is that of the whole process, LevelDB's threads and the collector included: from the packet's arrival until the
 * agent takes the next ("handled"), and of all that it does in the 40 virtual seconds after it, the packets that it sends
 * itself included ("with what follows").
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuUsage } from "node:process";
import { promisify } from "node:util";
import { packText } from "../../src/codec/short-text.ts";
import { prefixOf } from "../../src/dag/block-ref.ts";
import { sha256 } from "../../src/dag/cid.ts";
import { nextHead, signHead } from "../../src/dag/index-log.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import { openLevelStore } from "../../src/drivers/level/store.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { addCombination, coefficients } from "../../src/erasure/random-linear.ts";
import { slotAt, slotsOf } from "../../src/exchange/index/streams.ts";
import { Vector } from "../../src/exchange/index/vector.ts";
import { concatBytes, type Bytes } from "../../src/kernel/bytes.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage, MAX_MESSAGE_BYTES } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { BigVillage } from "../fakes/big-village.ts";
import { silentLog as log } from "../fakes/log.ts";
import { PatientModem } from "../fakes/patient-modem.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const AUTHORS = 500;
const ENTRIES = 100_000;
/** Packets of each kind. */
const ROUNDS = 120;
/** Of those that are not counted: the engine still compiles. */
const WARM_UP = 20;
const AFTER_MS = 40_000;
const RANDOM = systemRandom();

const run = promisify(execFile);

export const bench: Bench = {
  name: "scale",
  run: async () => {
    const directory = await mkdtemp(join(tmpdir(), "caye-bench-"));
    const child = async (role: string, at: string): Promise<readonly Row[]> => {
      const node = ["--expose-gc", "--max-semi-space-size=1", import.meta.filename, role, join(directory, at)];
      const { stdout } = await run(process.execPath, node, { maxBuffer: 2 ** 24 });
      return JSON.parse(stdout);
    };
    try {
      await child("fill", "full");
      // The first opening writes the own name down, for which the codec reads its dictionary: neither is to have that.
      await child("rest", "empty");
      const empty = await child("rest", "empty");
      const full = await child("rest", "full");
      const measured = await child("packets", "full");
      return [...weights(empty[0] ?? {}, full[0] ?? {}), ...measured];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function weights(empty: Row, full: Row): Row[] {
  return Object.keys(full).map((what) => {
    const more = Number(full[what]) - Number(empty[what]);
    return { what: `${what}, more than an empty agent's ${empty[what] ?? "?"}`, MB: round(more), target: "≤ 60" };
  });
}

interface Rig {
  readonly node: SimNode;
  readonly modem: PatientModem;
  /** Lets virtual time pass, and the disk keep up with it. */
  readonly pass: (ms: number) => Promise<void>;
}

async function withAgent<T>(directory: string, work: (rig: Rig) => Promise<T>): Promise<T> {
  await using store = await openLevelStore(directory, new Uint8Array(32), { random: RANDOM, log });
  const clock = new VirtualClock();
  const modem = new PatientModem();
  const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
  const node = await openSimNode({ name: "bench", modem, clock, random: RANDOM, log, store, wishes });
  const stop = new AbortController();
  const running = node.run(stop.signal);
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      await clock.advance(ms / 20);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  try {
    await pass(60_000);
    return await work({ node, modem, pass });
  } finally {
    stop.abort();
    await pass(1_000);
    await running;
  }
}

const ROLES: Readonly<Record<string, (directory: string) => Promise<readonly Row[]>>> = {
  fill: async (directory) => {
    await using store = await openLevelStore(directory, new Uint8Array(32), { random: RANDOM, log });
    const shard = await openShard(store, { random: RANDOM, nodeName: "bench", log });
    await new BigVillage(AUTHORS, ENTRIES / AUTHORS).fill(shard);
    return [];
  },
  rest: (directory) => withAgent(directory, async () => [await memory()]),
  packets: (directory) => withAgent(directory, async (rig) => [...(await packets(rig)), ...(await questions(rig))]),
};

async function memory(): Promise<Row> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const status = await readFile("/proc/self/status", "utf8");
  const mb = (field: string): number =>
    round((Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6);
  const heap = round(process.memoryUsage().heapUsed / 1e6);
  return { "resident memory": mb("VmRSS"), "of which its own (anonymous)": mb("RssAnon"), "JavaScript heap": heap };
}

/** One packet of each kind, from a neighbour in step with this agent. */
async function packets({ node, modem, pass }: Rig): Promise<Row[]> {
  const village = new BigVillage(AUTHORS, ENTRIES / AUTHORS);
  const writers = village.writers.map((writer) => ({ ...writer }));
  const sender = (writers[0]?.author.id ?? new Uint8Array(8)).subarray(0, 4);
  const base = { ...baseOf(node), partial: false };
  const inStep = { base: base.tag, partial: false, rows: [], strangers: [] };

  /** One new entry of an author, as the stream that neighbours send. */
  const news = (i: number): { id: Uint8Array; from: number; stream: Bytes } => {
    const author = i % AUTHORS;
    const writer = writers[author] ?? fail("no such author");
    const entry = village.entry(author, writer.count + 1);
    const head = nextHead(writer.head, entry);
    const count = writer.count + 1;
    writers[author] = { ...writer, head, count };
    const stream = concatBytes(Uint8Array.of(entry.length), entry, signHead(writer.author, count, head));
    return { id: writer.author.id, from: writer.count, stream };
  };
  const rowOf = (id: Uint8Array, from: number, slots: number): Extract<Message, { type: "repair" }>["holdings"] => {
    const number = base.numbers.get(Buffer.from(id).toString("hex")) ?? fail("not of the base");
    const delta = from + 1 - (base.members[number]?.count ?? 0);
    return { ...inStep, rows: [{ number, delta, slots }] };
  };
  const last = (type: Message["type"]): Message | undefined =>
    modem.sent
      .map((payload) => decodeMessage(payload))
      .flatMap((one) => (one.ok && one.value.type === type ? [one.value] : []))
      .at(-1);
  const get = (target: Extract<Message, { type: "get" }>["target"]): Message => {
    return { type: "get", amount: { kind: "more", symbols: 1 }, target };
  };
  const inside = (i: number): number => 10 * (1 + (i % 19));

  const kinds: Readonly<Record<string, (i: number) => Message>> = {
    "BEACON, in step": () => ({ type: "beacon", sender, holdings: { ...inStep, base: baseOf(node).tag } }),
    "UPDATE, one new entry": (i) => {
      const { id, from, stream } = news(i);
      const slots = slotsOf(stream);
      return { type: "update", author: id.subarray(0, 4), from, delta: 1, known: 0, slots, slot: 0, bytes: stream };
    },
    "REPAIR, one new entry": (i) => {
      const { id, from, stream } = news(AUTHORS - 1 - (i % 200));
      const pieces = Array.from({ length: slotsOf(stream) }, (_, k) => slotAt(stream, k));
      const coded = pieces.map((_, k) => {
        const slot = new Uint8Array(16);
        addCombination(slot, pieces, coefficients(i, k, pieces.length));
        return slot;
      });
      return {
        type: "repair",
        holdings: rowOf(id, from, pieces.length),
        seed: i,
        left: 0,
        coded: concatBytes(...coded),
      };
    },
    "BEACON, with news of 20 authors": (i) => {
      const rows = Array.from({ length: 20 }, (_, k) => ({ number: (i % 20) + 21 * k, delta: 4, slots: 11 }));
      return { type: "beacon", sender, holdings: { ...inStep, rows } };
    },
    "WANT, of us": () => {
      const said = last("repair") ?? last("beacon");
      const re = said?.type === "repair" ? said.seed : baseOf(node).tag & 0xffff;
      return { type: "want", re, slots: 20, tries: 0 };
    },
    "PULL, by a newcomer": () => ({ type: "pull", tries: 0, bases: [], partial: false, vector: [] }),
    "PULL, of an old base": () => ({ type: "pull", tries: 0, bases: [base.tag], partial: false, vector: [] }),
    "GET by the beginning of a hash": (i) => get({ kind: "prefix", prefix: digestOf(i).subarray(0, 4) }),
    "GET by author and number": (i) => {
      return get({ kind: "entry", author: (writers[i]?.author.id ?? sender).subarray(0, 4), seq: inside(i) });
    },
    "GET by name": (i) => get({ kind: "name", packed: packText(village.name(i, inside(i))) }),
    "GET by a name that nobody uses": (i) => get({ kind: "name", packed: packText(`none ${i}.txt`) }),
  };
  const rows: Row[] = [];
  for (const [what, make] of Object.entries(kinds)) rows.push(await cost({ node, modem, pass }, what, make));
  const longest = (type: Message["type"]): number =>
    Math.max(
      0,
      ...modem.sent.filter((payload) => decodeMessage(payload).ok && typeOf(payload) === type).map((p) => p.length),
    );
  rows.push({
    what: `longest BEACON said, of ${MAX_MESSAGE_BYTES} bytes that fit one packet`,
    bytes: longest("beacon"),
  });
  return rows;
}

async function cost({ modem, pass }: Rig, what: string, make: (i: number) => Message): Promise<Row> {
  const handled: number[] = [];
  const all: number[] = [];
  const sentBefore = modem.sent.length;
  for (let i = 0; i < ROUNDS; i++) {
    const message = make(i);
    const before = cpuUsage();
    await modem.hear(0x1000 + i, message);
    if (i >= WARM_UP) handled.push(cpuMs(before));
    await pass(AFTER_MS);
    if (i >= WARM_UP) all.push(cpuMs(before));
  }
  return {
    what,
    packets: handled.length,
    "median CPU ms": round(quantile(handled, 0.5)),
    "p99 CPU ms": round(quantile(handled, 0.99)),
    "median with what follows": round(quantile(all, 0.5)),
    sent: modem.sent.length - sentBefore,
    target: "≤ 5",
  };
}

/** What people ask. */
async function questions({ node: { shard } }: Rig): Promise<Row[]> {
  const village = new BigVillage(2, 2);
  return [
    await timed("list all files", 1, async () => (await Array.fromAsync(shard.files())).length),
    await timed("log of 10,000", 3, () => shard.log(10_000)),
    await timed("resolve a name", 50, (i) => shard.resolve(village.name(i, 7))),
    await timed("resolve a name that nobody uses", 50, (i) => shard.resolve(`none ${i}.txt`)),
    await timed("resolve AUTHOR/SEQ", 50, (i) => shard.resolve(`house ${i}/7`)),
  ];
}

async function timed(what: string, count: number, work: (i: number) => Promise<unknown>): Promise<Row> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await work(i);
    samples.push(performance.now() - startMs);
  }
  return { what, packets: count, "median wall ms": round(quantile(samples, 0.5)) };
}

function baseOf({ shard }: SimNode): ReturnType<Vector["toBase"]> {
  const vector = new Vector(shard);
  vector.refresh(() => undefined);
  return vector.toBase();
}

function typeOf(payload: Uint8Array): string {
  const message = decodeMessage(payload);
  return message.ok ? message.value.type : "";
}

/** Of a short file that rides inside entries: all hold it. */
function digestOf(i: number): Uint8Array {
  return prefixOf(sha256(new TextEncoder().encode(`Well ${i} is open until noon.`)));
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000;
}

function fail(reason: string): never {
  throw new Error(reason);
}

const [, script, role = "", directory = ""] = process.argv;
if (script === import.meta.filename) console.log(JSON.stringify(await ROLES[role]?.(directory)));
