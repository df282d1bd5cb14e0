/** The texts that the dictionary has never seen. @module */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";

const FOLDER = join(import.meta.dirname, "held-out");
/** Written by others for the simulated village, and never looked at for the dictionary either. */
const VILLAGE = join(import.meta.dirname, "../../src/sim/village-files");

export interface HeldOut {
  readonly name: string;
  readonly content: Uint8Array;
}

export function heldOutTexts(): HeldOut[] {
  return readdirSync(FOLDER)
    .filter((file) => /^\d\d-/.test(file))
    .sort()
    .map((name) => ({ name, content: new Uint8Array(readFileSync(join(FOLDER, name))) }));
}

export function heldOutNames(): string[] {
  return readFileSync(join(FOLDER, "names.txt"), "utf8").split("\n").filter(Boolean);
}

export function villageTexts(): HeldOut[] {
  return readdirSync(VILLAGE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ name: path.slice(VILLAGE.length + 1), content: new Uint8Array(readFileSync(path)) }));
}

/** What can't be compressed, and what is hardly there. */
export function incompressible(): HeldOut[] {
  const { random } = seeded(11);
  return [
    { name: "nothing", content: new Uint8Array(0) },
    { name: "one byte", content: utf8("7") },
    { name: "one odd byte", content: Uint8Array.of(0xfe) },
    { name: "random", content: random.bytes(300) },
    { name: "deflated", content: new Uint8Array(deflateRawSync(random.bytes(900).map((byte) => byte & 0x3f))) },
  ];
}
