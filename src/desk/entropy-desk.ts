/** The desk's view of the sources of randomness: as the watch sees them. @module */
import type { EntropyReport } from "../kernel/entropy-reports.ts";
import { AgentError } from "../kernel/errors.ts";
import type { EntropyView, EntropyWish } from "../api/entropy.ts";
import type { EntropyWatch } from "../trust/entropy-watch.ts";
import type { DeskParts } from "./parts.ts";

export class EntropyDesk implements EntropyView {
  readonly #parts: Pick<DeskParts, "entropy" | "quarantine">;

  constructor(parts: Pick<DeskParts, "entropy" | "quarantine">) {
    this.#parts = parts;
  }

  async report(): Promise<EntropyReport> {
    return this.#watch().report();
  }

  async enrol({ source, samples }: EntropyWish): Promise<EntropyReport> {
    return this.#watch().enrol(source, samples);
  }

  #watch(): Pick<EntropyWatch, "report" | "enrol"> {
    const { entropy, quarantine } = this.#parts;
    if (entropy !== undefined) return entropy;
    throw new AgentError("QUARANTINE", `the sources are not watched: ${quarantine}`, {
      fix: "`caye doctor` says which step failed, and what to do about it.",
    });
  }
}
