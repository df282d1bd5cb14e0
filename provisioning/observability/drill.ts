/** One alarm, and how it is rehearsed: figures that are well first, then ill, then well again. @module */

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** For how long it must hold, in minutes. */
  readonly forMinutes: number;
  /** `critical`: somebody should come; `warning`: look at it by day. */
  readonly severity: "critical" | "warning";
  /** One line; `{{ $labels.x }}` stands for a label. */
  readonly summary: string;
  readonly description: string;
  readonly drill: Drill;
}

/** Series that are well first, then ill, then well again. */
export interface Drill {
  readonly series: readonly DrillSeries[];
  /** What the alert carries besides `severity`, `job` and `instance`. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface DrillSeries {
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly well: Course;
  readonly ill: Course;
}

/** The value in a minute of the rehearsal; undefined: there is none. */
export type Course = (minute: number) => number | undefined;

export const always =
  (value: number): Course =>
  () =>
    value;
export const never: Course = () => undefined;

/** A figure of one series that is one number when well and another when ill. */
export function drill(metric: string, well: number, ill: number, labels?: Readonly<Record<string, string>>): Drill {
  const series = { metric, well: always(well), ill: always(ill) };
  return labels === undefined ? { series: [series] } : { series: [{ ...series, labels }], labels };
}

/** A step of the boot, which fails in the state of that name. */
export function stepDrill(step: string, wellState: string, illState: string): Drill {
  const metric = "caye_boot_step_ok";
  return {
    series: [
      { metric, labels: { step, state: wellState }, well: always(1), ill: never },
      { metric, labels: { step, state: illState }, well: never, ill: always(0) },
    ],
    labels: { step, state: illState },
  };
}
