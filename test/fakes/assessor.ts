/** The estimators in the tests' own thread: as slow, and easier to follow. */
import { assess } from "../../src/entropy/assess.ts";
import type { EntropyAssessor } from "../../src/ports/entropy.ts";

export const ownThreadAssessor: EntropyAssessor = {
  assess: async (samples, bits, signal, onStep) => {
    signal.throwIfAborted();
    return assess(samples, bits, onStep);
  },
};
