/** What matters more than what on the air; higher goes first. @module */

/** Beacons and log entries: they can wait, and are soon outdated. */
export const INDEX = 0;
/** Symbols that a neighbour asked for. */
export const ANSWER = 1;
/** Short questions: long answers to others should not hold them up. */
export const REQUEST = 2;
/** What warns people. */
export const ALERT = 3;

export type Priority = typeof INDEX | typeof ANSWER | typeof REQUEST | typeof ALERT;
