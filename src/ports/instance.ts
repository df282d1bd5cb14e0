/** What tells this process, at this moment, from a copy of it: one that was forked, frozen and thawed, or restored. @module */

export interface InstanceMark {
  readonly pid: number;
  /** Of the clock that stands still while the machine sleeps. */
  readonly monotonicMs: number;
  /** Unix time. */
  readonly wallMs: number;
}

/** The mark of now. */
export type Instance = () => InstanceMark;
