/**
 * The first step of the boot corridor: hash what runs and extend it into a register of the TPM.
 *
 * A register can't be set, only extended, and a restart of the agent does not reset a hardware TPM. So before anything
 * is extended the log of the last measurement is replayed: what the register holds already is not extended again, an
 * interrupted measurement goes on where it stopped, and a changed agent extends its new state behind the old one. The
 * register then never again equals the old state's value, until the machine restarts: a quote can't vouch for what no
 * longer runs.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { PCR_BYTES } from "../kernel/pcr.ts";
import type { Memory } from "../ports/memory.ts";
import type { SourceFiles } from "../ports/source-files.ts";
import type { Tpm, TpmIdentity } from "../ports/tpm.ts";
import {
  alreadyIn,
  decodeEventLog,
  encodeEventLog,
  eventsOf,
  explain,
  holdsOnly,
  ownState,
  replayLog,
  type EventLog,
  type OwnState,
} from "../attest/logs/own.ts";
import { failure, failureFrom, type Failure } from "./outcome.ts";

/** The measurement log, beside the other files of the state directory. */
export const MEASUREMENTS_FILE = "measurements.json";

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
  /** True when the register holds this state's two events and nothing else. */
  readonly clean: boolean;
  /** True when the register held this state already: the agent was restarted, the TPM was not. */
  readonly already: boolean;
}

export interface MeasureInputs {
  readonly openTpm: () => Promise<Tpm>;
  readonly ownFiles: SourceFiles;
  readonly configBytes: Uint8Array;
  readonly memory: Memory;
  /** 0 … 15 */
  readonly pcr: number;
}

export type Measurement =
  | { readonly kind: "measured"; readonly evidence: Measured }
  | (Failure<"no-tpm" | "tpm-error" | "not-measured"> & {
      /** What could be reached all the same: a policy that only warns goes on with it. */
      readonly tpm: Tpm | undefined;
      readonly own: OwnState | undefined;
    });

/** @throws AgentError only when the state directory fails */
export async function measure(inputs: MeasureInputs): Promise<Measurement> {
  const own = await readOwn(inputs);
  const state = "kind" in own ? undefined : own;
  let tpm: Tpm;
  try {
    tpm = await inputs.openTpm();
  } catch (error) {
    return { ...failureFrom("no-tpm", error), tpm: undefined, own: state };
  }
  if ("kind" in own) return { ...own, tpm, own: undefined };
  try {
    return await measureInto(tpm, own, inputs);
  } catch (error) {
    if (isAgentError(error, "TPM_NO_BANK")) return { ...failureFrom("not-measured", error), tpm, own };
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    return { ...failureFrom("tpm-error", error), tpm, own };
  }
}

async function readOwn(inputs: MeasureInputs): Promise<OwnState | Failure<"not-measured">> {
  try {
    return ownState(await inputs.ownFiles.list(), inputs.configBytes);
  } catch (error) {
    return failureFrom("not-measured", error);
  }
}

async function measureInto(tpm: Tpm, own: OwnState, { memory, pcr }: MeasureInputs): Promise<Measurement> {
  const identity = await tpm.identity();
  const events = eventsOf(own);
  const known = explained(await remembered(memory, pcr), { pcr, base: zeros(), events }, await read(tpm, pcr));
  const missing = events.slice(alreadyIn(known, events));
  const log: EventLog = { ...known, events: [...known.events, ...missing] };
  // Written first: when the power fails between two extends, the log still explains the register.
  await memory.writeAtomic(MEASUREMENTS_FILE, encodeEventLog(log));
  for (const event of missing) await tpm.pcrExtend(pcr, event.digest);
  if (!equalBytes(await read(tpm, pcr), replayLog(log))) {
    const sentence = `PCR ${pcr} does not hold what was extended into it: somebody else extends it at the same time`;
    return { ...failure("not-measured", sentence, otherRegister), tpm, own };
  }
  const clean = holdsOnly(log, events);
  const already = missing.length === 0;
  return { kind: "measured", evidence: { [madeByMeasure]: true, tpm, identity, pcr, own, log, clean, already } };
}

const otherRegister = "set trust.pcr (and trust.pcrs) to a register that nothing else on this machine uses, 8 to 15";

/** The log that explains the value: the remembered one, or ours from zero, or else a new one that begins here. */
function explained(last: EventLog | undefined, ours: EventLog, value: Uint8Array): EventLog {
  const fromLast = last === undefined ? undefined : explain(last, value);
  return fromLast ?? explain(ours, value) ?? { pcr: ours.pcr, base: new Uint8Array(value), events: [] };
}

async function remembered(memory: Memory, pcr: number): Promise<EventLog | undefined> {
  const bytes = await memory.read(MEASUREMENTS_FILE);
  if (bytes === undefined) return undefined;
  const log = decodeEventLog(bytes);
  return log.ok && log.value.pcr === pcr ? log.value : undefined;
}

async function read(tpm: Tpm, pcr: number): Promise<Uint8Array> {
  return (await tpm.pcrRead([pcr])).get(pcr) ?? zeros();
}

function zeros(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(PCR_BYTES);
}
