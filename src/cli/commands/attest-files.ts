/** Evidence, enrolments and policies on the user's own disk, and what `caye attest` is told in words. @module */
import { CLOCK_SET_S } from "../../kernel/clock-set.ts";
import { EVIDENCE_FILES, type EvidenceFiles } from "../../kernel/attest-tools.ts";
import { fromHex, type Bytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { CliIo } from "../io.ts";
import { readLocal } from "../local-files.ts";
import { printable, quoted } from "../text.ts";

/** Of one file: the kernel's list may be long. */
const MAX_EVIDENCE_BYTES = 2 ** 25;

/** Undefined where this machine's clock was never set. Unix time in s. */
export function clockS(): number | undefined {
  const seconds = Math.floor(Date.now() / 1000);
  return seconds < CLOCK_SET_S ? undefined : seconds;
}

/** What is there of a quote's files; what is missing the verdict says. @throws AgentError "FILE_UNREADABLE" */
export async function readEvidence(io: CliIo, directory: string): Promise<EvidenceFiles> {
  if ((await io.facts(directory))?.kind !== "directory") {
    throw new AgentError("FILE_UNREADABLE", `${printable(directory)}: there is no such directory`, {
      fix: `caye attest quote --nonce HEX --out ${quoted(directory)} writes it on the node`,
    });
  }
  const files = new Map<string, Uint8Array>();
  for (const name of EVIDENCE_FILES) {
    const path = `${directory.replace(/\/+$/, "") || "/"}/${name}`;
    const there = await io.facts(path);
    if (there === undefined) continue;
    const { kind, bytes = 0 } = there;
    // Whoever brings the directory may have put a pipe there, or a link to what has no end.
    if (kind !== "file") throw notEvidence(path, "this is no regular file");
    if (bytes > MAX_EVIDENCE_BYTES) throw notEvidence(path, "this is too long for evidence");
    files.set(name, await readLocal(io, path));
  }
  return files;
}

function notEvidence(path: string, why: string): AgentError {
  return new AgentError("FILE_UNREADABLE", `${printable(path)}: ${why}`, {
    fix: "fetch the evidence again: caye attest quote --nonce HEX --out DIR",
  });
}

/** @throws AgentError "USAGE" */
export function nonceOf(hex: string): Bytes {
  const bytes = fromHex(hex);
  if (bytes !== undefined && bytes.length >= 16 && bytes.length <= 32) return bytes;
  throw new AgentError("USAGE", "--nonce takes 16 to 32 bytes in hex", {
    fix: "Make one that nobody can foresee, and use it once: openssl rand -hex 32",
  });
}

/** @throws AgentError "USAGE" unless it is the 128 hex digits of an authority */
export function authorityOf(hex: string): string {
  if (/^[0-9a-f]{128}$/i.test(hex)) return hex.toLowerCase();
  throw new AgentError("USAGE", "--authority takes 128 hex digits here: the public keys, not the secret file", {
    fix: "caye village show --authority FILE prints them",
  });
}

/** As text for people, or as JSON. */
export function say(io: CliIo, json: boolean | undefined, value: object, text: string): void {
  io.stdout(json === true ? `${JSON.stringify(value, null, 2)}\n` : text);
}
