/**
 * Runs inside the machine whose power is cut, on the node's own Node: looks whether all that was acknowledged before is
 * there, then puts files without end and says each one on the console once it is acknowledged.
 *
 * The second disk holds a `Job` as JSON, padded with zeros.
 * @module
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { SETTLED } from "./power-words.ts";

export interface Job {
  readonly cut: number;
  /** What is done to the package while files are put; the shell's words. */
  readonly update?: string;
  /** Name, CID and SHA-256 of what was acknowledged before. */
  readonly acknowledged: readonly (readonly [name: string, cid: string, sha256: string])[];
}

const LANES = 6;
/** Puts that are acknowledged before the update begins. */
const BEFORE_UPDATE = 12;
/** Between two puts of a lane while the package is exchanged: on an emulated processor dpkg would hardly get on beside more. */
const EXCHANGE_PAUSE_MS = 3_000;
const CHECKS_AT_ONCE = 8;

const bytes = readFileSync("/dev/vdb");
const job: Job = JSON.parse(bytes.subarray(0, bytes.indexOf(0)).toString());
let underWay = job.update;
let acknowledged = 0;
let exchanging = false;

await sayState();
await check();
say(`LOADING ${job.cut}`);
await Promise.all(Array.from({ length: LANES }, (_, lane) => put(lane)));

/** A line of its own, whatever the kernel said before. */
function say(line: string): void {
  writeSync(1, `\n${line}\n`);
}

async function sayState(): Promise<void> {
  // One that the power cut short goes on by itself first.
  await shell(SETTLED);
  const health = await shell("caye health --wait 900");
  say(`HEALTH ${health.status}`);
  const version = await shell("caye version");
  say(`VERSION ${version.output.trim().split(/\s+/)[1] ?? version.output.trim()}`);
  const dpkg = await shell("dpkg-query -W -f '${db:Status-Abbrev}${Version}' caye; dpkg --audit");
  say(`DPKG ${dpkg.output.trim().replaceAll(/\s+/g, " ")}`);
  const sums = await shell("cd /usr/lib/caye && sha256sum --quiet --check SHA256SUMS");
  say(`CODE ${sums.status === 0 ? "whole" : sums.output.trim().slice(0, 300).replaceAll(/\s+/g, " ")}`);
  const state = await shell("grep -E '^(step|why)=' /var/lib/caye-update/state 2>/dev/null | tr '\\n' ' '");
  say(`UPDATESTATE ${state.output.trim() || "none"}`);
  const log = await ask("/v1/log?limit=1");
  const { authors }: { authors: readonly { verified: boolean }[] } = JSON.parse(log.toString());
  say(`LOG ${authors.length > 0 && authors.every(({ verified }) => verified) ? "verified" : "broken"}`);
}

async function check(): Promise<void> {
  let next = 0;
  let lost = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const file = job.acknowledged[next++];
      if (file === undefined) return;
      const [name, cid, sha256] = file;
      const found = await ask(`/v1/content/${cid}`).then(hashed, (error: unknown) => String(error));
      if (found === sha256) continue;
      lost++;
      say(`LOST ${name} ${found.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, lane));
  say(`CHECKED ${job.acknowledged.length} LOST ${lost}`);
}

async function put(lane: number): Promise<void> {
  for (let number = 0; ; number++) {
    const name = `c${job.cut}-${lane}-${number}`;
    const content = contentOf(name, number % 7 === 0 ? 60_000 : 2_000);
    try {
      const { cid }: { cid: string } = JSON.parse((await ask(`/v1/files?name=${name}`, content)).toString());
      say(`ACK ${name} ${cid} ${hashed(content)}`);
      acknowledged++;
      if (acknowledged >= BEFORE_UPDATE && underWay !== undefined) void update(underWay);
    } catch {
      // While the package is exchanged nobody answers; what is not acknowledged is promised to nobody.
      await pause(500);
    }
    if (exchanging) await pause(EXCHANGE_PAUSE_MS);
  }
}

async function update(words: string): Promise<void> {
  underWay = undefined;
  exchanging = true;
  say("UPDATE begins");
  const { status, output } = await shell(words);
  exchanging = false;
  say(`UPDATE ended ${status} ${output.trim().slice(-300).replaceAll(/\s+/g, " ")}`);
}

/** Bytes that nothing compresses, the same for the same name. */
function contentOf(name: string, most: number): Buffer<ArrayBuffer> {
  const chunks: Buffer[] = [];
  for (let i = 0; i * 32 < most; i++) chunks.push(createHash("sha256").update(`${name}/${i}`).digest());
  return Buffer.concat(chunks).subarray(0, most - (chunks[0]?.[0] ?? 0));
}

async function ask(path: string, body?: Buffer<ArrayBuffer>): Promise<Buffer> {
  const { api }: { api: string } = JSON.parse(readFileSync("/var/lib/caye/agent.json", "utf8"));
  const authorization = `Bearer ${readFileSync("/var/lib/caye/token", "utf8").trim()}`;
  const request = body === undefined ? {} : { method: "POST", body };
  const response = await fetch(api + path, { ...request, headers: { authorization } });
  const answer = Buffer.from(await response.arrayBuffer());
  if (response.ok) return answer;
  throw new Error(`${response.status} ${answer.toString().slice(0, 200)}`);
}

function shell(words: string): Promise<{ readonly status: number; readonly output: string }> {
  return new Promise((done) => {
    execFile("/bin/bash", ["-c", `${words} 2>&1`], { maxBuffer: 2 ** 24 }, (error, output) => {
      done({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, output });
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function hashed(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
