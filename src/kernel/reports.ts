/**
 * What the agent tells the outside: the JSON of the HTTP API, which the CLI and operators' scripts read.
 * Names here are fixed: a change is a new API version.
 * @module
 */
import type { BoardReport } from "./board-reports.ts";
import type { EntropyReport } from "./entropy-reports.ts";
import type { TimeReport } from "./time.ts";
import type { AttestReason } from "./attest.ts";
import type { HandoverReport, MemberStanding } from "./village.ts";

/** One file that this node knows of: its own, or announced by a neighbour. */
export interface FileRow {
  readonly name: string;
  /** CIDv1, base32: of the raw block, or of the manifest for a file above one block. Null until that block is here. */
  readonly cid: string | null;
  /** `AUTHOR/SEQ`, the author's id in 16 hex digits: names this version always, and `get` takes it. */
  readonly ref: string;
  /** The first 16 bytes of the SHA-256 of that block, in hex. */
  readonly prefix: string;
  readonly bytes: number;
  /** The author's short name and id, for example `clinic (3f9a1c20b4d5e6f7)`. */
  readonly author: string;
  /** How the author stands in the village; left out where that makes no difference. */
  readonly standing?: MemberStanding;
  /** True when this node has all the bytes. */
  readonly held: boolean;
}

export interface FilesReport {
  readonly files: readonly FileRow[];
}

/** `state`: OK works; WARN works with a limit; FAIL does not work. `fix` is empty when there is nothing to do. */
export interface Check {
  readonly name: string;
  readonly state: "OK" | "WARN" | "FAIL";
  readonly detail: string;
  readonly fix: string;
}

export interface ChecksReport {
  readonly checks: readonly Check[];
}

export interface PutReport {
  readonly cid: string;
  readonly name: string;
  readonly bytes: number;
  /** Position in this node's own index log, from 1. */
  readonly seq: number;
  /** False for a file that no neighbour fetches by radio: it goes over links, and by archives. */
  readonly by_air: boolean;
}

/** An archive that was taken in. */
export interface ImportReport {
  readonly cid: string;
  /** Empty when it was given none: then nobody is told of the file, and `get` finds it by its CID. */
  readonly name: string;
  /** Length of the file, and how many different blocks the archive held. */
  readonly bytes: number;
  readonly blocks: number;
  /** Position in this node's own index log, from 1; null without a name. */
  readonly seq: number | null;
}

/** How a transfer stands. `packets` and `air_*` count what was heard for this file and what this node sent for it. */
export interface GetReport {
  /** Null until the file's first block is here. */
  readonly cid: string | null;
  readonly name: string;
  readonly bytes: number;
  /** Packets that carried the file and were heard, useless repeats included; 0 when the file was held already. */
  readonly packets: number;
  /** Symbols still needed, and needed in all, for the parts that are known so far. */
  readonly wanted: number;
  readonly total: number;
  /** Payload bytes on air: symbols heard and requests sent. */
  readonly air_bytes: number;
  /** Time on air of the same packets in ms, by the LoRa formula. */
  readonly air_ms: number;
  /** `deferred`: nothing is asked before `until_ms`; `detail` says why. */
  readonly state: "waiting" | "receiving" | "deferred" | "done" | "failed";
  /** Why it failed or waits; empty when all is well. */
  readonly detail: string;
  /** Unix time in ms until which it is deferred; left out when that is not known. */
  readonly until_ms?: number;
  /** Time on air that the rest will take, of all packets, in ms: a guess; left out when nothing is under way. */
  readonly estimate_ms?: number;
  /** The same as a part of what this node may send in an hour. */
  readonly estimate_share?: number;
  /** Requests that were sent so far; left out when nothing is under way. */
  readonly asked?: number;
  /** Blocks that are known to be missing, the one under way included; left out when nothing is under way. */
  readonly missing?: number;
  /** Short name of a neighbour who says that it knows the file, for people; left out when nobody does. */
  readonly holder?: string;
}

export interface LogRow {
  readonly author: string;
  readonly seq: number;
  /**
   * `author`: by which an author introduces itself; `file`: it announces a file; `other`: of a kind that this version does
   * not know; `handover`: the log ends here, and another author goes on; `ignored`: it comes after that.
   */
  readonly kind: "author" | "file" | "other" | "handover" | "ignored";
  /** The file's, or the author's own short name, or the id of who goes on; empty for another kind. */
  readonly name: string;
  /** Null unless it is a file whose first block is here. */
  readonly cid: string | null;
  /** The first 16 bytes of the SHA-256 of that block, in hex; null unless it is a file. */
  readonly prefix: string | null;
  readonly bytes: number;
  /** Head of the author's hash chain after this entry, hex. */
  readonly head: string;
}

export interface LogReport {
  readonly authors: readonly {
    readonly author: string;
    readonly entries: number;
    /** True when a signature by the author covers every entry. */
    readonly verified: boolean;
  }[];
  readonly handovers: readonly HandoverReport[];
  readonly entries: readonly LogRow[];
}

export interface BootStep {
  readonly step: string;
  /** The named outcome: `measured`, `attested`, `not-measured`, `mismatch`, `no-tpm`, … */
  readonly state: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly fix: string;
  readonly ms: number;
}

/** Somebody who was heard. */
export interface NeighbourRow {
  readonly author: string;
  readonly heard_s_ago: number;
  readonly entries: number;
  readonly attestation?: NeighbourAttestation;
}

/** `unknown`: nothing is known by which it could be judged; `unattested`: it was not asked yet. */
export interface NeighbourAttestation {
  readonly state: "attested" | "failed" | "unattested" | "no-answer" | "unknown";
  /** Why it failed; or why answers came that did not hold. */
  readonly reason?: AttestReason;
  readonly ago_s?: number;
  /** Who asked, when this node overheard it: name and id. */
  readonly by?: string;
}

/** What a node said of itself or of another, signed. */
export interface TrustWordRow {
  /** Names and ids. */
  readonly author: string;
  readonly about: string;
  readonly kind: "attestation" | "entropy" | "selftest" | "recovered";
  readonly reason?: AttestReason;
  /** ISO 8601, by its author's clock; empty when that was not set. */
  readonly at: string;
  /** False once its author said that all is well again. */
  readonly open: boolean;
}

export interface TunnelRow {
  readonly kind: "mqtt" | "libp2p" | "chain";
  /** Of the configuration. */
  readonly peer: string;
  readonly up: boolean;
}

export interface StatusReport {
  readonly node: string;
  readonly author: string;
  readonly version: string;
  readonly pid: number;
  readonly uptime_s: number;
  readonly state: "running" | "warned" | "quarantine";
  readonly trust: {
    readonly mode: "enforce" | "warn";
    readonly tpm: string;
    readonly steps: readonly BootStep[];
    /** What this node and others said on trust, the newest first; left out in quarantine. */
    readonly words?: readonly TrustWordRow[];
  };
  readonly radio: {
    readonly modem: string;
    readonly link: string;
    readonly detail: string;
    readonly node_number: number | null;
    readonly preset: string;
    readonly region: string;
    /** Of the rolling hour: time on air used, and what may be used, in ms. */
    readonly air_used_ms: number;
    readonly air_budget_ms: number;
    /** Of the rolling hour: what the law allows the radio in all, and what it sent that was not ours, in ms. */
    readonly air_law_ms: number;
    readonly air_others_ms: number;
    /** The law's part of an hour, and our part of that: 0 … 1. */
    readonly duty_cycle: number;
    readonly duty_share: number;
    /** Use of the channel in the last minute, 0 … 1: the radio's word, or what we heard and sent ourselves if that is more. */
    readonly channel_use: number;
    /** What the next packet waits for: `frames` (there is none), `air`, `duty-cycle`, `modem`, `radio`, `channel`, `budget`. */
    readonly waiting_for: string;
    /** For how much longer the radio keeps silence because of the law's hour; 0 when it does not. */
    readonly silent_s: number;
    /** How often since the start packets had to wait for each of these, and for how long in all. */
    readonly holds: Readonly<Record<string, { readonly times: number; readonly ms: number }>>;
    readonly queued: number;
    /** Seconds since the radio gave a packet of anybody; left out before the first. */
    readonly heard_s_ago?: number;
    readonly simulated: boolean;
    /** How much faster than the machine's clock time goes here: above 1 in a simulated village alone. All times of this report are then the village's. */
    readonly clock_speed: number;
  };
  readonly shard: { readonly blocks: number; readonly bytes: number; readonly files: number; readonly authors: number };
  /** Alerts that hold now; of these, how many came from others and nobody here has marked as read, and how many are of strangers. */
  readonly alerts: { readonly active: number; readonly unread: number; readonly unverified: number };
  readonly neighbours: readonly NeighbourRow[];
  readonly counters: Readonly<Record<string, number>>;
  /** Left out where the boot ended before the sources were watched. */
  readonly entropy?: EntropyReport;
  /** What the node knows of the time. */
  readonly time?: TimeReport;
  /** Left out where nothing is wired to the node. */
  readonly board?: BoardReport;
  /** Links to the online world; left out where none is configured, and this version has none to configure. */
  readonly tunnels?: readonly TunnelRow[];
}

/** What an agent says once it answers. */
export interface UpReport {
  readonly state: StatusReport["state"];
  /** Why it is in quarantine; empty when it is not. */
  readonly reason: string;
  /** What the boot found wrong and goes on with, a sentence each. */
  readonly warnings: readonly string[];
  /** URLs of the two doors. */
  readonly api: string;
  readonly metrics: string;
  readonly simulated: boolean;
}

/** The agent's own quote, in the forms that `tpm2_checkquote` reads; binary fields in hex. */
export interface QuoteReport {
  readonly nonce: string;
  readonly ak_pem: string;
  readonly msg: string;
  readonly sig: string;
  readonly pcrs: string;
  readonly selection: string;
}

/** How every failed API call answers. */
export interface FailureReport {
  readonly error: { readonly code: string; readonly message: string; readonly fix: string };
}
