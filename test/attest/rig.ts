/** A node with a chip that is none, well enrolled and in a good state: each test changes one thing of it. @module */
import { randomBytes } from "node:crypto";
import type { Enrolment } from "../../src/attest/enrolment.ts";
import { encodeEventLog, eventsOf } from "../../src/attest/logs/own.ts";
import type { Policy } from "../../src/attest/policy.ts";
import { quoteFindings } from "../../src/attest/quote.ts";
import type { Demands } from "../../src/attest/verify.ts";
import type { AttestVerdict, Evidence, EvidenceLogs, OwnDigests } from "../../src/kernel/attest.ts";
import type { Bytes } from "../../src/kernel/bytes.ts";
import type { AuthoritySigner } from "../../src/kernel/village.ts";
import type { KeyKind, Tpm } from "../../src/ports/tpm.ts";
import { villageTools } from "../../src/dag/authority.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { tcgLog } from "../fakes/boot-logs.ts";
import { FakeChip, sha256, type FakeTpm } from "../fakes/tpm.ts";

export const OWN_PCR = 14;
/** A register that firmware extends, with a log. */
export const FIRMWARE_PCR = 7;
export const NOW_S = 1_800_000_000;
const EV_ACTION = 5;
export const ZEROS: Bytes = new Uint8Array(32);

export function ownDigests(changes: Partial<OwnDigests> = {}): OwnDigests {
  return {
    runtime: sha256("runtime"),
    code: sha256("code"),
    config: sha256("config"),
    policy: sha256("policy"),
    ...changes,
  };
}

export interface Rig {
  readonly chip: FakeChip;
  readonly tpm: FakeTpm;
  readonly nonce: Bytes;
  readonly evidence: Evidence;
  readonly enrolment: Enrolment;
  readonly demands: Demands;
}

export interface RigOptions {
  readonly chip?: FakeChip;
  readonly own?: OwnDigests;
  readonly pcrs?: readonly number[];
  readonly kind?: KeyKind;
  readonly firmware?: string;
}

/** The chip starts, firmware and agent measure, and a verifier asks. */
export async function startedNode(options: RigOptions = {}): Promise<Rig> {
  const { chip = new FakeChip(), own = ownDigests(), pcrs = [FIRMWARE_PCR, OWN_PCR], kind = "ecc" } = options;
  const tpm = chip.powerOn();
  const events = eventsOf(own);
  for (const { digest } of events) await tpm.pcrExtend(OWN_PCR, digest);
  const action = new Uint8Array(Buffer.from(options.firmware ?? "Booting"));
  await tpm.pcrExtend(FIRMWARE_PCR, sha256(action));
  const logs: EvidenceLogs = {
    own: encodeEventLog({ pcr: OWN_PCR, base: ZEROS, events }),
    tcg: tcgLog([{ pcr: FIRMWARE_PCR, type: EV_ACTION, data: action }]),
    ima: undefined,
    cel: undefined,
  };
  const nonce = new Uint8Array(randomBytes(32));
  const evidence = await evidenceOf(tpm, nonce, pcrs, logs, kind);
  const enrolment: Enrolment = {
    name: "clinic",
    akPublic: chip.publicArea({ kind }),
    pcrs,
    author: {
      publicKey: sha256("author"),
      mlDsaFingerprint: sha256("fingerprint"),
      radio: 0x1234_5678,
    },
    endorsement: {
      bound: "pinned",
      publicArea: chip.publicArea({ kind: "ecc", generation: 9 }),
      certificate: undefined,
      root: undefined,
    },
    state: { own, ownPcr: OWN_PCR, ownBase: ZEROS, values: new Map(kept(evidence.values)) },
    manufacturer: "FAKE",
    firmware: chip.firmware,
    enrolledS: NOW_S,
    counters: { resetCount: chip.resetCount, restartCount: chip.restartCount, clock: 1n },
    policyVersion: 0,
  };
  return { chip, tpm, nonce, evidence, enrolment, demands: { nonce, enrolment, reboots: 0, nowS: NOW_S } };
}

function kept(values: ReadonlyMap<number, Uint8Array>): Map<number, Bytes> {
  return new Map([...values].map(([pcr, value]) => [pcr, new Uint8Array(value)]));
}

export async function evidenceOf(
  tpm: Tpm,
  nonce: Uint8Array,
  pcrs: readonly number[],
  logs: EvidenceLogs,
  kind: KeyKind = "ecc",
): Promise<Evidence> {
  const { publicArea } = await tpm.attestationKey({ kind });
  const { attest, signature } = await tpm.quote(nonce, pcrs, { kind });
  return { attest, signature, akPublic: publicArea, pcrs, values: await tpm.pcrRead(pcrs), logs };
}

/** Without what only a fault of the test itself would bring in. */
export function holdsAsQuote({ evidence, demands }: Pick<Rig, "evidence" | "demands">): boolean {
  const { attest, signature, akPublic, pcrs, values } = evidence;
  const { nonce } = demands;
  return quoteFindings({ quote: { attest, signature }, publicArea: akPublic, nonce, pcrs, values }).length === 0;
}

export function reasonOf(verdict: AttestVerdict): string {
  return verdict.ok ? "good" : verdict.reason;
}

export function goodPolicy(changes: Partial<Policy> = {}): Policy {
  return {
    version: 3,
    fromS: NOW_S - 1_000,
    untilS: NOW_S + 1_000,
    pcrs: [OWN_PCR],
    own: new Map(),
    values: new Map(),
    firmware: [],
    resets: "confirm",
    unattested: "limit",
    maxAgeS: 86_400,
    ...changes,
  };
}

export function newAuthority(): AuthoritySigner {
  const tools = villageTools(systemRandom());
  return tools.openAuthority({ file: tools.createAuthority(undefined).file, passphrase: undefined });
}
