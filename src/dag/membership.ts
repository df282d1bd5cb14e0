/**
 * Who belongs to the village, by the word of its authority: certificates and the revocation list, kept on disk.
 *
 * Bounded: so many members at most, the newest certificate of each, and the newest list. Nobody but the authority can add
 * one, so that members always have room, however many authors strangers make up.
 * @module
 */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import { type Bytes, concatBytes, copyBytes, toHex, utf8 } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import type { Change, Store } from "../ports/store.ts";
import { authorId } from "./author.ts";
import {
  decodeStatement,
  isProvenBy,
  isStatedBy,
  type Authority,
  type Certificate,
  type MlDsaProof,
  type Revocations,
  type SignedStatement,
  type Statement,
} from "./statement.ts";

/** `expired`: its certificate is over. `stranger`: it has none, or one that is not valid yet. */
export type Standing = "enrolled" | "stranger" | "revoked" | "expired";

export type Strangers = "accept" | "show-unverified" | "refuse";

/**
 * `new`: it counts from now on. `known`: held already. `stale`: a later one is held. `forged`: not by this authority, or its
 * second signature is wrong. `too many`: the village is full.
 */
export type StatementVerdict = "new" | "known" | "stale" | "forged" | "malformed" | "too many";

export interface Member {
  /** 16 hex digits. */
  readonly id: string;
  readonly certificate: Certificate;
  readonly standing: Standing;
  /** True when the authority's ML-DSA-44 signature was seen, too. */
  readonly postQuantum: boolean;
}

export interface MembershipPorts {
  readonly store: Store;
  readonly clock: Pick<Clock, "nowMs">;
  readonly authority: Authority;
  readonly strangers: Strangers;
}

export const MAX_MEMBERS = 1_024;
/** Begin with a byte that no kind of the shard's keys has. */
const MEMBER_PREFIX = utf8("~member:");
const REVOKED_KEY = utf8("~revoked");

interface Held {
  readonly certificate: Certificate;
  readonly entry: Bytes;
  readonly postQuantum: boolean;
}

export class Membership {
  readonly strangers: Strangers;
  readonly #ports: MembershipPorts;
  readonly #held = new Map<string, Held>();
  #revocations: Revocations | undefined;
  #revocationEntry: Bytes | undefined;
  #revoked: ReadonlySet<number> = new Set();
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(ports: MembershipPorts) {
    this.#ports = ports;
    this.strangers = ports.strangers;
  }

  /** What another authority stated is passed over. @throws what the store throws */
  static async open(ports: MembershipPorts): Promise<Membership> {
    const membership = new Membership(ports);
    const until = concatBytes(MEMBER_PREFIX.subarray(0, -1), Uint8Array.of((MEMBER_PREFIX.at(-1) ?? 0) + 1));
    for await (const { value } of ports.store.entries({ from: MEMBER_PREFIX, until })) membership.#load(value);
    const list = await ports.store.get(REVOKED_KEY);
    if (list !== undefined) membership.#load(list);
    return membership;
  }

  /** By the author's id, 16 hex digits. From memory, at once. */
  standing(authorHex: string): Standing {
    const held = this.#held.get(authorHex);
    if (held === undefined) return "stranger";
    const { serial, fromS, untilS } = held.certificate;
    if (this.#revoked.has(serial)) return "revoked";
    const nowS = Math.floor(this.#ports.clock.nowMs() / 1000);
    if (nowS < CLOCK_SET_S) return "enrolled";
    if (nowS > untilS) return "expired";
    return nowS < fromS ? "stranger" : "enrolled";
  }

  /** As the configuration names it, 128 hex digits. */
  get authority(): string {
    const { publicKey, mlDsaFingerprint } = this.#ports.authority;
    return toHex(concatBytes(publicKey, mlDsaFingerprint));
  }

  /** What is done with the log of an author: whether it is merged, and whether it needs room among those of strangers. */
  admits(authorHex: string): "always" | "if-room" | "never" {
    if (this.standing(authorHex) === "enrolled") return "always";
    return this.strangers === "refuse" ? "never" : "if-room";
  }

  /** … of the best of those whose ids begin so. */
  admitsAny(start: string): "always" | "if-room" | "never" {
    for (const id of this.#held.keys()) if (id.startsWith(start) && this.admits(id) === "always") return "always";
    return this.strangers === "refuse" ? "never" : "if-room";
  }

  /** Those with a certificate, by name. */
  members(): readonly Member[] {
    return [...this.#held]
      .map(([id, { certificate, postQuantum }]) => ({ id, certificate, postQuantum, standing: this.standing(id) }))
      .toSorted((a, b) => (a.certificate.name < b.certificate.name ? -1 : 1));
  }

  /** Serials that the newest list revokes. */
  revoked(): readonly number[] {
    return this.#revocations?.serials ?? [];
  }

  /** All that the authority has stated and that counts, as it stands in logs: certificates by author id, and the list. */
  statements(): ReadonlyMap<string, Bytes> {
    const entries = new Map([...this.#held].map(([id, { entry }]) => [id, entry]));
    if (this.#revocationEntry !== undefined) entries.set("revocations", this.#revocationEntry);
    return entries;
  }

  /** Of the newest revocation list; 0 when there is none. */
  revocationNumber(): number {
    return this.#revocations?.number ?? 0;
  }

  /**
   * Takes what somebody says that the authority has stated; "new" is on disk.
   * @param proof the authority's ML-DSA-44 signature, where the statement came as a file
   * @throws what the store throws
   */
  take(entry: Uint8Array, proof?: MlDsaProof): Promise<StatementVerdict> {
    const bytes = copyBytes(entry);
    const mine = this.#turn.then(() => this.#take(bytes, proof));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #take(entry: Bytes, proof: MlDsaProof | undefined): Promise<StatementVerdict> {
    const signed = decodeStatement(entry);
    if (!signed.ok) return "malformed";
    const old = this.#judgeByNumber(signed.value, proof !== undefined);
    // Before the signature is looked at: statements come again and again.
    if (old !== undefined) return old;
    const { authority, store } = this.#ports;
    if (!isStatedBy(authority, signed.value)) return "forged";
    if (proof !== undefined && !isProvenBy(authority, signed.value, proof)) return "forged";
    const room = this.#roomFor(signed.value.statement);
    if (room === undefined) return "too many";
    await store.write([...room, changeFor(signed.value, proof !== undefined)]);
    this.#adopt(signed.value, proof !== undefined);
    return "new";
  }

  #judgeByNumber({ statement, entry }: SignedStatement, proven: boolean): "known" | "stale" | undefined {
    if (statement.kind === "revocations") {
      const number = this.revocationNumber();
      if (statement.number === number) return "known";
      return statement.number < number ? "stale" : undefined;
    }
    const held = this.#held.get(idOf(statement));
    if (held === undefined || statement.serial > held.certificate.serial) return undefined;
    if (statement.serial < held.certificate.serial) return "stale";
    // The second signature is news, unless it is about something else.
    if (toHex(held.entry) !== toHex(entry)) return "stale";
    return proven && !held.postQuantum ? undefined : "known";
  }

  /** What has to go; undefined when nothing can. Who no longer belongs makes room. */
  #roomFor(statement: Statement): readonly Change[] | undefined {
    if (statement.kind === "revocations" || this.#held.has(idOf(statement)) || this.#held.size < MAX_MEMBERS) return [];
    const gone = this.members().find(({ standing }) => standing === "revoked" || standing === "expired");
    if (gone === undefined) return undefined;
    this.#held.delete(gone.id);
    return [{ key: memberKey(gone.certificate), value: undefined }];
  }

  #load(record: Uint8Array): void {
    const signed = decodeStatement(record.subarray(1));
    if (signed.ok && isStatedBy(this.#ports.authority, signed.value)) this.#adopt(signed.value, record[0] === 1);
  }

  #adopt({ statement, entry }: SignedStatement, postQuantum: boolean): void {
    if (statement.kind === "certificate") {
      this.#held.set(idOf(statement), { certificate: statement, entry, postQuantum });
      return;
    }
    this.#revocations = statement;
    this.#revocationEntry = entry;
    this.#revoked = new Set(statement.serials);
  }
}

function idOf({ publicKey }: Certificate): string {
  return toHex(authorId(publicKey));
}

function memberKey({ publicKey }: Certificate): Bytes {
  return concatBytes(MEMBER_PREFIX, authorId(publicKey));
}

function changeFor({ statement, entry }: SignedStatement, postQuantum: boolean): Change {
  const key = statement.kind === "certificate" ? memberKey(statement) : REVOKED_KEY;
  return { key, value: concatBytes(Uint8Array.of(postQuantum ? 1 : 0), entry) };
}
