/** What a soak has come to: kept on disk while it runs, told as a line, and at the end as a table and as JSON. @module */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { TROUBLES } from "../src/sim/befallen.ts";
import { table } from "./bench/table.ts";

/** One seed, played. */
export interface Played {
  readonly seed: number;
  /** Undefined when all is well. */
  readonly fault: string | undefined;
  readonly virtualMs: number;
  readonly packets: number;
  readonly befallen: Readonly<Record<string, number>>;
}

export interface Wanted {
  readonly first: number;
  readonly runs: number;
}

/** As it lies on disk. */
interface State extends Wanted {
  /** Every seed below is counted in what follows, and none above. */
  done: number;
  virtualMs: number;
  packets: number;
  /** Of all lives of this soak, in which it really ran. */
  seconds: number;
  slowest: { seed: number; seconds: number };
  failed: { seed: number; fault: string }[];
  /** By kind of trouble: in how many villages it came to pass. */
  villages: Record<string, number>;
}

export class SoakBook {
  readonly #path: string;
  readonly #state: State;
  readonly #startedMs = performance.now();
  readonly #secondsBefore: number;
  readonly #doneBefore: number;
  /** Played before a lower seed was. */
  readonly #early = new Map<number, { readonly played: Played; readonly seconds: number }>();

  /** @param fresh true: what an earlier soak left is not looked at */
  constructor(path: string, wanted: Wanted, fresh: boolean) {
    this.#path = path;
    this.#state = (fresh ? undefined : keptAt(path, wanted)) ?? begun(wanted);
    this.#secondsBefore = this.#state.seconds;
    this.#doneBefore = this.#state.done;
  }

  /** The seed to begin with. */
  get next(): number {
    return this.#state.done;
  }

  get end(): number {
    return this.#state.first + this.#state.runs;
  }

  get failed(): number {
    return this.#state.failed.length;
  }

  /** In any order. */
  note(played: Played, seconds: number): void {
    this.#early.set(played.seed, { played, seconds });
    for (let next = this.#early.get(this.next); next !== undefined; next = this.#early.get(this.next)) {
      this.#early.delete(this.next);
      this.#add(next.played, next.seconds);
    }
  }

  #add({ seed, fault, virtualMs, packets, befallen }: Played, seconds: number): void {
    const state = this.#state;
    state.done = seed + 1;
    state.virtualMs += virtualMs;
    state.packets += packets;
    if (seconds > state.slowest.seconds) state.slowest = { seed, seconds };
    if (fault !== undefined) state.failed.push({ seed, fault });
    for (const kind of Object.keys(befallen)) state.villages[kind] = (state.villages[kind] ?? 0) + 1;
  }

  save(): void {
    this.#state.seconds = this.#seconds();
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(`${this.#path}.tmp`, JSON.stringify(this.#state));
    renameSync(`${this.#path}.tmp`, this.#path);
  }

  /** For example `1,204 of 10,000 runs, 6.1 a second, 0 failed, about 24 min left`. */
  line(): string {
    const { first, done, runs, failed } = this.#state;
    const played = done - first + this.#early.size;
    const rate = (played - (this.#doneBefore - first)) / Math.max(this.#seconds() - this.#secondsBefore, 0.001);
    const left = rate === 0 ? "" : `, about ${spoken((runs - played) / rate)} left`;
    return `${number(played)} of ${number(runs)} runs, ${rate.toFixed(1)} a second, ${failed.length} failed${left}`;
  }

  result() {
    const { first, done, failed, virtualMs, packets, slowest, villages } = this.#state;
    return {
      soak: "random",
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${process.arch}, Node ${process.versions.node}`,
      firstSeed: first,
      runs: done - first,
      failed,
      seconds: Math.round(this.#seconds()),
      slowest: { seed: slowest.seed, seconds: Number(slowest.seconds.toFixed(1)) },
      virtualHours: Math.round(virtualMs / 3_600_000),
      packets,
      villages: Object.fromEntries(TROUBLES.map((kind) => [kind, villages[kind] ?? 0])),
    };
  }

  /** Markdown. */
  tables(): string {
    const { failed, villages, slowest, machine, ...facts } = this.result();
    const sum = table([
      {
        "first seed": facts.firstSeed,
        runs: number(facts.runs),
        failed: failed.length,
        minutes: Math.round(facts.seconds / 60),
        "simulated hours": number(facts.virtualHours),
        packets: number(facts.packets),
        "slowest run": `seed ${slowest.seed}, ${slowest.seconds} s`,
      },
    ]);
    const troubles = table(Object.entries(villages).map(([trouble, count]) => ({ trouble, villages: number(count) })));
    const faults = failed.map(({ seed, fault }) => `- seed ${seed}: ${fault}\n  \`${replay(seed)}\`\n`).join("");
    return `${machine}\n\n${sum}\n\n${troubles}\n${faults === "" ? "" : `\n${faults}`}`;
  }

  /** `DIR/soak.json` and `DIR/soak.md`. */
  write(folder: string): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "soak.json"), `${JSON.stringify(this.result(), undefined, 2)}\n`);
    writeFileSync(join(folder, "soak.md"), `# soak\n\n${this.tables()}`);
  }

  #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#startedMs) / 1000;
  }
}

/** What plays that seed again. */
export function replay(seed: number): string {
  return `npx caye sim --scenario random --seed ${seed}`;
}

function begun({ first, runs }: Wanted): State {
  const slowest = { seed: first, seconds: 0 };
  return {
    first,
    runs,
    done: first,
    virtualMs: 0,
    packets: 0,
    seconds: 0,
    slowest,
    failed: [],
    villages: {},
  };
}

/** What an earlier call has left behind, when it was asked for the same and has not finished. */
function keptAt(path: string, { first, runs }: Wanted): State | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isState(kept) || kept.first !== first || kept.runs !== runs) return undefined;
    return kept.done < first + runs ? kept : undefined;
  } catch {
    // There is none, or it was cut: then all is played again.
    return undefined;
  }
}

function isState(value: unknown): value is State {
  return typeof value === "object" && value !== null && "first" in value && "villages" in value && "slowest" in value;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function spoken(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
