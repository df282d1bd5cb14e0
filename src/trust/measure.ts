/**
 * The first step of the boot corridor: hash what runs and extend it into a register of the TPM, in four events: the
 * runtime, the code, the configuration, and the policy.
 *
 * A register can't be set, only extended, and a restart of the agent does not reset a hardware TPM. So before anything
 * is extended the log of the last measurement is replayed: what the register holds already is not extended again, an
 * interrupted measurement goes on where it stopped, and a changed agent extends its new state behind the old one. The
 * register then never again equals the old state's value, until the machine restarts: a quote can't vouch for what no
 * longer runs.
 * @module
 */
import { copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { isZero, PCR_BYTES } from "../kernel/pcr.ts";
import type { BootLogs, BootRecord } from "../ports/boot-logs.ts";
import type { Memory } from "../ports/memory.ts";
import type { SourceFiles } from "../ports/source-files.ts";
import type { Tpm, TpmIdentity } from "../ports/tpm.ts";
import type { StartCounts } from "../attest/counters.ts";
import { valuesBeforeOwn } from "../attest/explain.ts";
import {
  alreadyIn,
  decodeEventLog,
  encodeEventLog,
  eventsOf,
  explain,
  holdsOnly,
  OF_EARLIER_VERSION,
  ownState,
  replayLog,
  type EventLog,
  type OwnState,
} from "../attest/logs/own.ts";
import { failure, failureFrom, tpmFailureKind, type Failure, type TpmFailureKind } from "./outcome.ts";

/** The measurement log, beside the other files of the state directory. */
export const MEASUREMENTS_FILE = "measurements.json";

/** Into these firmware and kernel measure, PCR 10 being the kernel's. */
const BEFORE_AGENT = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

const madeByMeasure: unique symbol = Symbol("measured");

/** Evidence that the running code and configuration stand in a register. Only {@link measure} makes it. */
export interface Measured {
  readonly [madeByMeasure]: true;
  readonly tpm: Tpm;
  readonly identity: TpmIdentity;
  readonly pcr: number;
  readonly own: OwnState;
  /** Explains the register's value. */
  readonly log: EventLog;
  /** True when the register holds this state's four events and nothing else but what was measured before the agent. */
  readonly clean: boolean;
  /** True when the register held this state already: the agent was restarted, the TPM was not. */
  readonly already: boolean;
  /** True when the last measurement is one of an earlier version, which explains nothing of today's. */
  readonly fromEarlierVersion: boolean;
  /** What the TPM had counted when the agent measured itself. */
  readonly counts: StartCounts;
  /** Registers of firmware and kernel that hold something. None on a Raspberry Pi 5 as it comes. */
  readonly before: readonly number[];
  readonly record: BootRecord;
  /** The kernel's name for this start of the machine, 16 bytes; undefined where it has none. */
  readonly bootId: Bytes | undefined;
}

export interface MeasureInputs {
  readonly openTpm: () => Promise<Tpm>;
  readonly ownFiles: SourceFiles;
  /** What stands for the configuration. */
  readonly configBytes: Uint8Array;
  /** The policy file as it is; empty when there is none. */
  readonly policyBytes: Uint8Array;
  readonly record: BootRecord;
  readonly memory: Memory;
  /** 0 … 15 */
  readonly pcr: number;
}

export type Measurement =
  | { readonly kind: "measured"; readonly evidence: Measured }
  | (Failure<"no-tpm" | "not-measured" | TpmFailureKind> & {
      /** What could be reached all the same: a policy that only warns goes on with it. */
      readonly tpm: Tpm | undefined;
      readonly own: OwnState | undefined;
    });

/** @throws AgentError only when the state directory fails */
export async function measure(inputs: MeasureInputs): Promise<Measurement> {
  // The TPM is opened, which waits, while files are hashed, which works.
  const [own, tpm] = await both(readOwn(inputs), opened(inputs));
  const state = "kind" in own ? undefined : own;
  if ("kind" in tpm) return { ...tpm, tpm: undefined, own: state };
  if ("kind" in own) return { ...own, tpm, own: undefined };
  try {
    return await measureInto(tpm, own, inputs);
  } catch (error) {
    if (isAgentError(error, "TPM_NO_BANK")) return { ...failureFrom("not-measured", error), tpm, own };
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    return { ...failureFrom(tpmFailureKind(error), error), tpm, own };
  }
}

/** A sentence for people. */
export function describeMeasured({ pcr, own, already, tpm, before }: Measured): string {
  const how = already ? "already measured since the TPM started" : "measured";
  const soft = tpm.software ? "; a TPM in software protects against nobody who has the disk" : "";
  const files = `${own.files.length} files of code, ${own.runtimeFiles.length} of the runtime`;
  const alone = before.length === 0 ? "; before the agent nothing was measured on this machine" : "";
  return `${files}, configuration and policy ${how} in PCR ${pcr}${alone}${soft}`;
}

/** Both to their end, also when one fails. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

/** A chip that says that it can't is there all the same. */
const ANSWERED = new Set(["TPM_RC", "TPM_BAD_WIRE", "TPM_LOCKED", "TPM_FAILED"]);

async function opened({ openTpm }: MeasureInputs): Promise<Tpm | Failure<"no-tpm" | TpmFailureKind>> {
  try {
    return await openTpm();
  } catch (error) {
    const answered = isAgentError(error) && ANSWERED.has(error.code);
    return failureFrom(answered ? tpmFailureKind(error) : "no-tpm", error);
  }
}

async function readOwn(inputs: MeasureInputs): Promise<OwnState | Failure<"not-measured">> {
  const { ownFiles, configBytes, policyBytes } = inputs;
  try {
    const [files, runtime] = await both(ownFiles.list(), ownFiles.runtime());
    return ownState({ files, runtime, configBytes, policyBytes });
  } catch (error) {
    return failureFrom("not-measured", error);
  }
}

async function measureInto(tpm: Tpm, own: OwnState, inputs: MeasureInputs): Promise<Measurement> {
  const { memory, pcr, record } = inputs;
  const identity = await tpm.identity();
  const events = eventsOf(own);
  const { last, fromEarlierVersion } = await remembered(memory, pcr);
  const { known, bases } = await explained(last, { pcr, base: zeros(), events }, await read(tpm, pcr), record);
  const missing = events.slice(alreadyIn(known, events));
  const log: EventLog = { ...known, events: [...known.events, ...missing] };
  // Written first: when the power fails between two extends, the log still explains the register.
  await memory.writeAtomic(MEASUREMENTS_FILE, encodeEventLog(log));
  for (const event of missing) await tpm.pcrExtend(pcr, event.digest);
  if (!equalBytes(await read(tpm, pcr), replayLog(log))) {
    const sentence = `PCR ${pcr} does not hold what was extended into it: somebody else extends it at the same time`;
    return { ...failure("not-measured", sentence, otherRegister), tpm, own };
  }
  const evidence: Measured = {
    [madeByMeasure]: true,
    tpm,
    identity,
    pcr,
    own,
    log,
    clean: holdsOnly(log, events) && bases.some((base) => equalBytes(base, log.base)),
    already: missing.length === 0,
    fromEarlierVersion,
    counts: await tpm.clock(),
    before: await heldBefore(tpm),
    record,
    bootId: await bootIdOf(record),
  };
  return { kind: "measured", evidence };
}

const otherRegister = "set trust.pcr (and trust.pcrs) to a register that nothing else on this machine uses, 8 to 15";

interface Explained {
  readonly known: EventLog;
  /** What the register may have held before the agent: zeros, or what firmware or systemd left there. */
  readonly bases: readonly Uint8Array[];
}

/** The log that explains the value: the remembered one, or ours from a known start, or else a new one that begins here. */
async function explained(
  last: EventLog | undefined,
  ours: EventLog,
  value: Uint8Array,
  record: BootRecord,
): Promise<Explained> {
  const fromLast = last === undefined ? undefined : explain(last, value);
  const simple = fromLast ?? explain(ours, value);
  if (simple !== undefined && isZero(simple.base)) return { known: simple, bases: [zeros()] };
  const bases = valuesBeforeOwn(await logsOf(record), ours.pcr);
  const ourOwn = bases.flatMap((base) => explain({ ...ours, base }, value) ?? []);
  const known = simple ?? ourOwn[0] ?? { pcr: ours.pcr, base: new Uint8Array(value), events: [] };
  return { known, bases };
}

/** None where they can't be read: what they would explain is unexplained then. */
async function logsOf(record: BootRecord): Promise<BootLogs> {
  try {
    return await record.logs();
  } catch (error) {
    if (!isAgentError(error, "BOOT_LOGS")) throw error;
    return { tcg: undefined, ima: undefined, cel: undefined };
  }
}

async function bootIdOf(record: BootRecord): Promise<Bytes | undefined> {
  try {
    return copyBytes(await record.bootId());
  } catch (error) {
    if (!isAgentError(error, "BOOT_LOGS")) throw error;
    return undefined;
  }
}

interface Remembered {
  readonly last: EventLog | undefined;
  readonly fromEarlierVersion: boolean;
}

async function remembered(memory: Memory, pcr: number): Promise<Remembered> {
  const bytes = await memory.read(MEASUREMENTS_FILE);
  const log = bytes === undefined ? undefined : decodeEventLog(bytes);
  const last = log?.ok === true && log.value.pcr === pcr ? log.value : undefined;
  return { last, fromEarlierVersion: log?.ok === false && log.reason === OF_EARLIER_VERSION };
}

async function heldBefore(tpm: Tpm): Promise<readonly number[]> {
  const values = await tpm.pcrRead(BEFORE_AGENT);
  return BEFORE_AGENT.filter((pcr) => !isZero(values.get(pcr) ?? zeros()));
}

async function read(tpm: Tpm, pcr: number): Promise<Uint8Array> {
  return (await tpm.pcrRead([pcr])).get(pcr) ?? zeros();
}

function zeros(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(PCR_BYTES);
}
