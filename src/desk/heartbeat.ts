/**
 * Tells the supervisor that the agent lives and what it does. Signs of life are given only while the agent's own health
 * holds: its event loop turns (else this service does not run), and its store answers. Whoever hangs is restarted.
 * @module
 */
import { describeError } from "../kernel/errors.ts";
import type { Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Supervisor } from "../ports/supervisor.ts";

export interface HeartbeatParts {
  readonly supervisor: Supervisor;
  /** The machine's own. */
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when what the agent hangs on answers; rejects, or never settles, when it does not. */
  readonly probe: () => Promise<void>;
  /** One line for people. */
  readonly status: () => Promise<string>;
}

/** Three beats within the supervisor's patience: two may be late. */
const BEATS = 3;
const STATUS_EVERY_MS = 10_000;

export class Heartbeat implements Service {
  readonly name = "heartbeat";
  readonly #parts: HeartbeatParts;
  #said = "";
  #beats = 0;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /** Signs of life that were given; undefined where nobody watches for them. */
  get beats(): number | undefined {
    return this.#parts.supervisor.watchdogMs === undefined ? undefined : this.#beats;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { supervisor, clock } = this.#parts;
    const everyMs = Math.min((supervisor.watchdogMs ?? Number.POSITIVE_INFINITY) / BEATS, STATUS_EVERY_MS);
    supervisor.ready(await this.#line());
    while (!signal.aborted) {
      await this.#beat();
      await clock.sleep(everyMs, signal);
    }
    supervisor.stopping("stopping: what was acknowledged is on disk");
  }

  async #beat(): Promise<void> {
    const { supervisor, log, probe } = this.#parts;
    try {
      await probe();
      supervisor.alive();
      this.#beats++;
    } catch (error) {
      log.error("No sign of life is given: the agent's health does not hold", { error: describeError(error) });
    }
    const line = await this.#line();
    if (line === this.#said) return;
    this.#said = line;
    supervisor.status(line);
  }

  async #line(): Promise<string> {
    try {
      return await this.#parts.status();
    } catch (error) {
      return `the status can't be told: ${describeError(error)}`;
    }
  }
}

/** For example `3 neighbours, 12 s of air used this hour`. */
export function statusLine(status: {
  readonly state: string;
  readonly neighbours: number;
  readonly usedS: number;
  readonly reason: string;
}): string {
  const { state, neighbours, usedS, reason } = status;
  if (state === "quarantine") return `quarantine: ${reason}`;
  const told = `${neighbours} ${neighbours === 1 ? "neighbour" : "neighbours"}, ${usedS} s of air used this hour`;
  return state === "warned" ? `${told}; not all is well: caye doctor` : told;
}
