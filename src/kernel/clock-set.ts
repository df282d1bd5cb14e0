/** When a clock can be believed. @module */

/** 2025-01-01, Unix time in s: a clock before that was never set, and judges no dates. */
export const CLOCK_SET_S = 1_735_689_600;
