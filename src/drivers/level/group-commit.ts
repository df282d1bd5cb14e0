/**
 * Group commit: calls that arrive while a write is on its way to the disk share the next one, and its sync.
 *
 * A synced write of one record costs as much as of a hundred: this is what makes durability affordable.
 * @module
 */
import { AgentError } from "../../kernel/errors.ts";

interface Waiting<T> {
  readonly items: readonly T[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface GroupCommitLimits {
  /** Calls that may wait. */
  readonly maxWaiting: number;
  /** Bytes that may wait, in all. A single call may be larger when nothing else waits. */
  readonly maxWaitingBytes: number;
  /** Bytes that calls may share one write for. A larger call goes alone. */
  readonly maxGroupBytes: number;
}

export class GroupCommit<T> {
  readonly #commit: (items: readonly T[], bytes: number) => Promise<void>;
  readonly #limits: GroupCommitLimits;
  readonly #waiting: Waiting<T>[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #running: Promise<void> | undefined;

  constructor(commit: (items: readonly T[], bytes: number) => Promise<void>, limits: GroupCommitLimits) {
    this.#commit = commit;
    this.#limits = limits;
  }

  /** Calls that were refused since the start because too much was waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves once the items are committed. @throws AgentError "STORE_BUSY", and what the commit throws */
  submit(items: readonly T[], bytes: number): Promise<void> {
    const { maxWaiting, maxWaitingBytes } = this.#limits;
    const crowded = this.#waiting.length > 0 && this.#waitingBytes + bytes > maxWaitingBytes;
    if (crowded || this.#waiting.length >= maxWaiting) {
      this.#dropped++;
      return Promise.reject(
        new AgentError("STORE_BUSY", "more writes wait for the disk than may", { fix: "try again in a moment" }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. Never rejects. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Calls made in the same turn as the first one share its write too.
    await Promise.resolve();
    for (let group = this.#takeGroup(); group.length > 0; group = this.#takeGroup()) {
      const bytes = group.reduce((sum, call) => sum + call.bytes, 0);
      try {
        await this.#commit(
          group.flatMap((call) => call.items),
          bytes,
        );
        for (const call of group) call.resolve();
      } catch (error) {
        for (const call of group) call.reject(error);
      }
    }
    this.#running = undefined;
  }

  #takeGroup(): readonly Waiting<T>[] {
    let bytes = 0;
    let count = 0;
    for (const call of this.#waiting) {
      if (count > 0 && bytes + call.bytes > this.#limits.maxGroupBytes) break;
      bytes += call.bytes;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }
}
