/**
 * What the disk has lost of the store, remembered until the operator has dealt with it: the store opens again with the
 * rest, and the next start would know nothing of it any more.
 * @module
 */
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import type { BootStep } from "../kernel/reports.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";

/** One sentence a line. Whoever has dealt with it removes the file. */
export const DAMAGE_FILE = "store-damage.txt";

const MAX_LOSSES = 20;
const MAX_SENTENCE = 200;

export class StoreDamage {
  readonly #memory: Memory;
  readonly #log: Log;
  readonly #losses: string[];
  #unsaved = false;

  private constructor(memory: Memory, log: Log, losses: string[]) {
    this.#memory = memory;
    this.#log = log;
    this.#losses = losses;
  }

  /** @throws AgentError when the state directory can't be read */
  static async remembered(memory: Memory, log: Log): Promise<StoreDamage> {
    const bytes = await memory.read(DAMAGE_FILE);
    const lines = bytes === undefined ? [] : (fromUtf8(bytes) ?? "unreadable note").split("\n");
    return new StoreDamage(memory, log, lines.filter((line) => line.trim() !== "").slice(0, MAX_LOSSES));
  }

  note(what: string): void {
    if (this.#losses.length >= MAX_LOSSES) return;
    this.#losses.push(what.replaceAll(/\s+/g, " ").slice(0, MAX_SENTENCE));
    this.#unsaved = true;
  }

  /** Never rejects: a disk that is full, too, must not keep the node from starting. */
  async save(): Promise<void> {
    if (!this.#unsaved) return;
    try {
      await this.#memory.writeAtomic(DAMAGE_FILE, utf8(`${this.#losses.join("\n")}\n`));
      this.#unsaved = false;
    } catch (error) {
      this.#log.error("That the store is damaged could not be noted on the disk", { error: describeError(error) });
    }
  }

  /** As a step of the boot that did not go well; undefined when nothing was ever lost. */
  step(): BootStep | undefined {
    const [first, ...others] = this.#losses;
    if (first === undefined) return undefined;
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    return {
      step: "store",
      state: "damaged",
      ok: false,
      detail: `the disk has lost a part of the store (${first}${more}): files may be missing`,
      fix: `compare caye ls with what a neighbour lists, put again what is missing, remove ${DAMAGE_FILE} from the state directory, restart`,
      ms: 0,
    };
  }
}
