/** What matters more than what on the air; higher goes first. @module */

/** Checkpoints of the logs: they are sent when nobody else has anything to say. */
export const CHECKPOINT = 0;
/** Beacons and log entries: they can wait, and are soon outdated. */
export const INDEX = 1;
/** Symbols that a neighbour asked for. */
export const ANSWER = 2;
/** Short questions: long answers to others should not hold them up. */
export const REQUEST = 3;
/** An alert again, for somebody who lacks it. */
export const ALERT_REPAIR = 4;
/** What warns people. */
export const ALERT = 5;

export type Priority =
  | typeof CHECKPOINT
  | typeof INDEX
  | typeof ANSWER
  | typeof REQUEST
  | typeof ALERT_REPAIR
  | typeof ALERT;
