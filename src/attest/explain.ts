/**
 * Why each register holds what it holds: events in a log, from the machine's start on, that lead to just that value. A
 * quote over registers that nobody extended is perfectly valid, and proves nothing: a register is explained, or it is a
 * problem with a name.
 *
 * On one register the order is: firmware first, then systemd (or, on PCR 10, the kernel), then the agent itself. The
 * kernel's list and systemd's log may go on after the register was read, so a beginning of these is enough; firmware's
 * log and the agent's own must fit whole.
 * @module
 */
import type { EvidenceLogs } from "../kernel/attest.ts";
import { equalBytes, type Bytes } from "../kernel/bytes.ts";
import type { Decoded } from "../kernel/decoded.ts";
import { isZero, PCR_BYTES } from "../kernel/pcr.ts";
import { celValues, decodeCelLog, type CelLog } from "./logs/cel.ts";
import { decodeImaLog, entriesThatGive, type ImaLog } from "./logs/ima.ts";
import { decodeEventLog, replayLog, type EventLog } from "./logs/own.ts";
import { decodeTcgLog, replayTcg, type TcgLog } from "./logs/tcg.ts";

/** Any program may reset these: they prove nothing. */
const RESETTABLE = new Set([16, 23]);
const IMA_PCR = 10;
/** Into which systemd extends. */
const SYSTEMD_PCRS = new Set([11, 12, 13, 14, 15]);

export interface PcrProblem {
  readonly pcr: number;
  /** `not-measured`: its value says nothing, whatever logs say. `unexplained`: no log leads to its value. */
  readonly kind: "not-measured" | "unexplained";
  /** A sentence for people. */
  readonly detail: string;
}

export interface PcrClaims {
  /** What a policy hangs on. */
  readonly pcrs: readonly number[];
  /** 32 bytes each. */
  readonly values: ReadonlyMap<number, Uint8Array>;
  readonly logs: EvidenceLogs;
  /** The register that the agent extends. */
  readonly ownPcr: number;
}

/** Of each register that is not explained, in the order given; none when all are. Never throws. */
export function explainPcrs({ pcrs, values, logs, ownPcr }: PcrClaims): readonly PcrProblem[] {
  const read = new ReadLogs(logs);
  return pcrs.flatMap((pcr): readonly PcrProblem[] => {
    const value = values.get(pcr) ?? new Uint8Array();
    const nothing = whyNotMeasured(pcr, value);
    if (nothing !== undefined) return [{ pcr, kind: "not-measured", detail: `PCR ${pcr} ${nothing}` }];
    const unknown = pcr === ownPcr ? whyOwnUnexplained(read, pcr, value) : whyUnexplained(read, pcr, value);
    return unknown === undefined ? [] : [{ pcr, kind: "unexplained", detail: `PCR ${pcr} ${unknown}` }];
  });
}

/**
 * The values that a register may have before the agent extends it: what the firmware left, then each value on systemd's
 * way. Zeros alone where no log tells anything, or none can be read.
 */
export function valuesBeforeOwn(logs: Omit<EvidenceLogs, "own">, pcr: number): readonly Bytes[] {
  return startsOf(new ReadLogs({ ...logs, own: undefined }), pcr).values;
}

function whyNotMeasured(pcr: number, value: Uint8Array): string | undefined {
  if (RESETTABLE.has(pcr)) return "can be reset by any program";
  if (value.length !== PCR_BYTES) return "was not read";
  if (isZero(value)) return "was never extended";
  return value.every((byte) => byte === 0xff) ? "is not in use on this machine" : undefined;
}

function whyOwnUnexplained(read: ReadLogs, pcr: number, value: Uint8Array): string | undefined {
  const own = read.own();
  if (own === undefined) return "has no log that explains it: the agent's own is missing";
  if (!own.ok) return `has no log that explains it: the agent's own is ${own.reason}`;
  const log = own.value;
  if (log.pcr !== pcr || log.events.length === 0)
    return "has no log that explains it: the agent's own tells nothing of it";
  if (!equalBytes(replayLog(log), value)) return "holds something else than the agent's own log leads to";
  const { values, wrong } = startsOf(read, pcr);
  if (values.some((start) => equalBytes(start, log.base))) return undefined;
  return `held something before the agent measured itself that no log explains${wrong === "" ? "" : `: ${wrong}`}`;
}

function whyUnexplained(read: ReadLogs, pcr: number, value: Uint8Array): string | undefined {
  const { values, wrong } = startsOf(read, pcr);
  // A register's first value alone is no event.
  if (values.some((reached) => !isZero(reached) && equalBytes(reached, value))) return undefined;
  if (pcr === IMA_PCR) return whyNotByKernel(read, value, values[0]);
  if (wrong !== "") return `has no log that explains it: ${wrong}`;
  const told = values.some((reached) => !isZero(reached));
  return told ? "holds something else than its log leads to" : "has no log that explains it";
}

function whyNotByKernel(read: ReadLogs, value: Uint8Array, start: Uint8Array | undefined): string | undefined {
  const ima = read.ima();
  if (ima === undefined) return "has no log that explains it: the kernel's list is missing";
  if (!ima.ok) return `has no log that explains it: the kernel's list is ${ima.reason}`;
  const count = entriesThatGive(ima.value, IMA_PCR, value, start);
  return count === undefined ? "holds something else than the kernel's list leads to" : undefined;
}

interface Starts {
  /** What the firmware left, then each value on systemd's way; zeros when neither extended it. */
  readonly values: readonly Bytes[];
  /** What is wrong with the logs, as far as this register is concerned; empty when nothing is. */
  readonly wrong: string;
}

function startsOf(read: ReadLogs, pcr: number): Starts {
  const first = new Uint8Array(PCR_BYTES);
  const tcg = read.tcg();
  if (tcg?.ok === false) return { values: [first], wrong: `the firmware's log is ${tcg.reason}` };
  const { value, wrong } = tcg === undefined ? { value: undefined, wrong: undefined } : replayTcg(tcg.value, pcr);
  // A log that lies of its data in one event is no witness for the register.
  if (wrong !== undefined) return { values: [first], wrong: `in the firmware's log ${wrong}` };
  const left = value ?? first;
  const cel = SYSTEMD_PCRS.has(pcr) ? read.cel() : undefined;
  if (cel === undefined) return { values: [left], wrong: "" };
  if (!cel.ok) return { values: [left], wrong: `systemd's log is ${cel.reason}` };
  const further = celValues(cel.value, pcr, left);
  if (further === undefined) return { values: [left], wrong: "systemd's log has no SHA-256 digest of an event" };
  return { values: [left, ...further], wrong: "" };
}

/** Each log is decoded once, and only when a register hangs on it. */
class ReadLogs {
  readonly own: () => Decoded<EventLog> | undefined;
  readonly tcg: () => Decoded<TcgLog> | undefined;
  readonly ima: () => Decoded<ImaLog> | undefined;
  readonly cel: () => Decoded<CelLog> | undefined;

  constructor({ own, tcg, ima, cel }: EvidenceLogs) {
    this.own = once(own, decodeEventLog);
    this.tcg = once(tcg, decodeTcgLog);
    this.ima = once(ima, decodeImaLog);
    this.cel = once(cel, decodeCelLog);
  }
}

function once<T>(bytes: Uint8Array | undefined, decode: (bytes: Uint8Array) => Decoded<T>) {
  let result: Decoded<T> | undefined;
  return (): Decoded<T> | undefined => {
    if (bytes !== undefined) result ??= decode(bytes);
    return result;
  };
}
