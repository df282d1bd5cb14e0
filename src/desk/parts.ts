/**
 * What the desk answers from: the parts of a running agent, as the composition root hands them over.
 * @module
 */
import type { AttestTools } from "../kernel/attest-tools.ts";
import type { Decoded } from "../kernel/decoded.ts";
import type { BootStep, QuoteReport } from "../kernel/reports.ts";
import type { Clock } from "../ports/clock.ts";
import type { Modem } from "../ports/modem.ts";
import type { AlertBook } from "../alert/book.ts";
import type { BoardWatch } from "../board/watch.ts";
import type { OwnChanges } from "../attest/logs/own.ts";
import type { NodeAttestation } from "../boot.ts";
import type { Membership } from "../dag/membership.ts";
import type { Shard } from "../dag/shard.ts";
import type { Checkpoints } from "../exchange/checkpoints.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RadioInForce } from "../radio/in-force.ts";
import type { Scheduler } from "../radio/scheduler.ts";
import type { PlannedState } from "../api/attest.ts";
import type { NodeKeys } from "../trust/keychain.ts";
import type { TimeKeeper } from "../upkeep/time-keeper.ts";
import type { EntropyWatch } from "../trust/entropy-watch.ts";
import type { AllowReport, PlannedUpdate } from "../api/view.ts";

/** What a node knows of its trust, after boot and while it runs. */
export interface TrustParts {
  readonly mode: "enforce" | "warn";
  /** The TPM's URI, or `none`. */
  readonly tpm: string;
  readonly softwareTpm: boolean;
  /** The steps of the boot; a later look at the TPM that found it gone or changed adds one named `watch`. */
  steps(): readonly BootStep[];
  quote(nonce: Uint8Array | undefined): Promise<QuoteReport>;
  allowUpdate(update: PlannedUpdate): Promise<AllowReport>;
}

/** What attestation rests on. */
export interface AttestParts {
  /** Undefined when the agent could not measure itself. */
  readonly node: NodeAttestation | undefined;
  readonly tools: Pick<AttestTools, "verify">;
  /** What would be measured of other files on this node's disk. @throws AgentError "OWN_FILES", "CONFIG_MISSING", … */
  readonly changesAt: (planned: Pick<PlannedState, "code" | "config">) => Promise<OwnChanges>;
}

/** By which neighbours' quotes are judged. */
export interface AttestationRecords {
  /** Takes in an enrolment's file. */
  add(file: Uint8Array): Promise<Decoded<{ readonly author: string; readonly name: string }>>;
  list(): readonly { readonly author: string }[];
  /** As {@link add} takes it; undefined for a record that is none of a file. */
  file(author: string): Uint8Array | undefined;
}

/** Data and radio: what is shut in quarantine. */
export interface OpenParts {
  readonly shard: Shard;
  /** Undefined where the configuration names no authority. */
  readonly membership?: Membership | undefined;
  readonly checkpoints?: Checkpoints | undefined;
  readonly alerts: AlertBook;
  readonly exchange: Exchange;
  readonly scheduler: Scheduler;
  /** Records of neighbours' TPMs; undefined where none are asked. */
  readonly attestations?: AttestationRecords | undefined;
  /** Is the village's policy in force? */
  readonly policy?: { step(): BootStep | undefined } | undefined;
  readonly modem: Modem;
  /** Since the radio gave a packet of anybody; undefined before the first. */
  readonly heardMsAgo?: (() => number | undefined) | undefined;
  /** Preset, region and limits as they are reckoned with now. */
  readonly radioSettings: () => RadioInForce;
}

export interface DeskParts {
  /** What the node knows of the time. */
  readonly time?: Pick<TimeKeeper, "report" | "set"> | undefined;
  /** Undefined where the boot ended before the sources were watched. */
  readonly entropy?: Pick<EntropyWatch, "report" | "enrol"> | undefined;
  readonly version: string;
  readonly nodeName: string;
  readonly pid: number;
  readonly statePath: string;
  /** True when the radio is the simulated village. */
  readonly simulated: boolean;
  /** How much faster than the machine's clock {@link clock} goes; 1 in the field. */
  readonly clockSpeed: number;
  readonly modemUri: string;
  readonly clock: Clock;
  readonly startedMs: number;
  readonly trust: TrustParts;
  readonly keys: NodeKeys;
  readonly attest: AttestParts;
  /** Bytes free on the disk of the state directory; undefined when the system doesn't say. */
  readonly diskFreeBytes: () => Promise<number | undefined>;
  /** Undefined in quarantine. */
  readonly open: OpenParts | undefined;
  /** What is wired to the node. */
  readonly board?: Pick<BoardWatch, "report" | "test" | "clearTamper"> | undefined;
  /** Why data and radio are shut; empty when they are not. */
  readonly quarantine: string;
}

/** Within this time after the start neighbours tell of themselves and their files; on LongFast the first takes a minute or two. */
const SETTLING_MS = 300_000;

/** True in the first minutes, when it means nothing that nobody was heard yet. */
export function isSettling({ clock, startedMs }: DeskParts): boolean {
  return clock.monotonicMs() - startedMs < SETTLING_MS;
}
