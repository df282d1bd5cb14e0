/** How small texts become that the dictionary never saw, and what that takes. Bytes, and milliseconds of processor time. @module */
import { cpuUsage, memoryUsage } from "node:process";
import { KIND } from "../../src/codec/mixing.ts";
import { deflateWithDictionary, pack, unpack } from "../../src/codec/pack.ts";
import { primedCodec } from "../../src/codec/primed.ts";
import { packText } from "../../src/codec/short-text.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { type HeldOut, heldOutNames, heldOutTexts, incompressible, villageTexts } from "../codec/held-out.ts";
import { type Bench, type Row, round } from "./table.ts";

const ROUNDS = 9;
const TOP = 0xdfff_ffff;

export const bench: Bench = {
  name: "codec",
  run: () => {
    const before = held();
    const primeMs = timedMs(() => primedCodec());
    const stateMb = (held() - before) / 2 ** 20;
    const texts = heldOutTexts();
    const village = villageTexts().filter(({ content }) => content.length <= 4096);
    return Promise.resolve([
      ...[...texts, ...incompressible()].map((text) => row(text.name, [text])),
      row("total of the held-out texts", texts),
      row("files of the simulated village up to 4 KB", village),
      namesRow(),
      speedRow(texts),
      { text: "priming, ms of processor time", chosen: round(primeMs) },
      { text: "state, MB", chosen: round(stateMb) },
    ]);
  },
};

function row(text: string, contents: readonly HeldOut[]): Row {
  const sum = (sizeOf: (content: Uint8Array) => number): number =>
    contents.reduce((total, { content }) => total + sizeOf(content), 0);
  const raw = sum((content) => content.length);
  const chosen = sum((content) => pack(content).length);
  return {
    text,
    raw,
    "deflate + dictionary": sum((content) => deflateWithDictionary(content).length + 1),
    "context mixing": sum((content) => primedCodec().encode(KIND.content, content, TOP, 1e6)?.length ?? Number.NaN),
    chosen,
    "% of raw": raw === 0 ? "" : round((100 * chosen) / raw),
  };
}

function namesRow(): Row {
  const names = heldOutNames();
  const raw = names.reduce((sum, name) => sum + utf8(name).length, 0);
  const chosen = names.reduce((sum, name) => sum + packText(name).length, 0);
  return { text: `${names.length} held-out names`, raw, chosen, "% of raw": round((100 * chosen) / raw) };
}

/** The best of the rounds over all texts together, warm: other programs on the machine only ever make it longer. */
function speedRow(texts: readonly HeldOut[]): Row {
  const kilobytes = texts.reduce((sum, { content }) => sum + content.length, 0) / 1024;
  const packed = texts.map(({ content }) => pack(content));
  const packMs = bestMs(() => texts.forEach(({ content }) => pack(content)));
  const unpackMs = bestMs(() => packed.forEach((bytes) => unpack(bytes, 4096)));
  return {
    text: "held-out texts, processor time",
    "pack ms/KB": round(packMs / kilobytes),
    "unpack ms/KB": round(unpackMs / kilobytes),
  };
}

function bestMs(work: () => void): number {
  return Math.min(...Array.from({ length: ROUNDS }, () => timedMs(work)));
}

/** Of the processor, not of the clock. */
function timedMs(work: () => unknown): number {
  const start = cpuUsage();
  work();
  const { user, system } = cpuUsage(start);
  return (user + system) / 1000;
}

/** What typed arrays hold. */
function held(): number {
  return memoryUsage().arrayBuffers;
}
