/**
 * When the siren sounds: for alerts that come while the agent runs, of whom it trusts, grave and pressing enough; for a
 * bounded time, and never after somebody here has read them. What was held at the start is old, and stays silent.
 * @module
 */
export interface SirenRules {
  readonly severities: readonly string[];
  readonly urgencies: readonly string[];
  readonly seconds: number;
}

/** An alert that holds now. */
export interface SirenAlert {
  readonly id: string;
  /** This node's own: whoever sent it from here knows of it; people around may not. */
  readonly own: boolean;
  /** CAP's `status`: exercises and tests are silent. */
  readonly status: string;
  /** CAP's `msgType`: taking an alert back is silent. */
  readonly msgType: string;
  readonly severity: string;
  readonly urgency: string;
  /** By an author whose alerts count here. */
  readonly trusted: boolean;
  readonly acknowledged: boolean;
  /** Unix ms; undefined when nobody can say how old it is. */
  readonly sentMs: number | undefined;
}

/** One that comes late, from a neighbour who had it before us, is news no more. */
const STALE_MS = 3_600_000;

export class Siren {
  readonly #rules: SirenRules;
  /** Since when each known alert has been sounded, in monotonic ms; undefined for those that are silent. */
  #known: ReadonlyMap<string, number | undefined> | undefined;

  constructor(rules: SirenRules) {
    this.#rules = rules;
  }

  /**
   * Ids of the alerts for which it sounds now.
   * @param holding all alerts that hold now @param nowMs monotonic @param wallMs Unix ms, 0 while the clock is not set
   */
  hear(holding: readonly SirenAlert[], nowMs: number, wallMs: number): readonly string[] {
    const before = this.#known;
    const known = new Map<string, number | undefined>();
    for (const alert of holding) {
      const isOld = before === undefined || before.has(alert.id);
      known.set(alert.id, isOld ? before?.get(alert.id) : this.#isLoud(alert, wallMs) ? nowMs : undefined);
    }
    this.#known = known;
    return holding.filter(({ id, acknowledged }) => !acknowledged && this.#sounds(id, nowMs)).map(({ id }) => id);
  }

  #sounds(id: string, nowMs: number): boolean {
    const sinceMs = this.#known?.get(id);
    return sinceMs !== undefined && nowMs - sinceMs < this.#rules.seconds * 1000;
  }

  #isLoud({ status, msgType, severity, urgency, trusted, sentMs }: SirenAlert, wallMs: number): boolean {
    const isStale = sentMs !== undefined && wallMs - sentMs > STALE_MS;
    const isMeant = status === "Actual" && msgType !== "Cancel" && trusted && !isStale;
    return isMeant && this.#rules.severities.includes(severity) && this.#rules.urgencies.includes(urgency);
  }
}
