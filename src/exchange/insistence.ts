/**
 * Who asks the same again has not heard the answer. After a while the way back is taken to be longer than the way here:
 * links are not the same in both directions, and not every radio tells relays truly.
 * @module
 */
import { keepRecent } from "../kernel/recent.ts";

/** Questions that are remembered, the last ones. */
const CAPACITY = 256;
/** So many repetitions are put down to loss. */
const PATIENCE = 2;

interface Asked {
  readonly lacking: number;
  readonly times: number;
}

export class Insistence {
  readonly #asked = new Map<string, Asked>();

  /**
   * Relays to add to an answer.
   * @param key who asks for what
   * @param lacking what tells a repetition from progress: the same number again is a repetition
   */
  note(key: string, lacking: number): number {
    const before = this.#asked.get(key);
    const times = before?.lacking === lacking ? before.times + 1 : 0;
    keepRecent(this.#asked, key, { lacking, times }, CAPACITY);
    return Math.floor(times / PATIENCE);
  }
}
