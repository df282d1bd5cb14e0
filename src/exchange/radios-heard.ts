/** Which agents' radios were heard lately, and over how many relays. Bounded. @module */
import { keepRecent } from "../kernel/recent.ts";

const CAPACITY = 256;
/** Who was silent for longer may have missed something; in a quiet village a beacon an hour is much. */
const ABSENT_MS = 7_200_000;

export class RadiosHeard {
  readonly #heard = new Map<number, { readonly atMs: number; readonly hops: number | undefined }>();

  /** True when it was not heard for two hours, or never. @param nowMs monotonic */
  note(from: number, hops: number | undefined, nowMs: number): boolean {
    const before = this.#heard.get(from);
    keepRecent(this.#heard, from, { atMs: nowMs, hops }, CAPACITY);
    return before === undefined || nowMs - before.atMs > ABSENT_MS;
  }

  /** True when some agent in direct reach is not among these. */
  hasDirectBeside(radios: ReadonlySet<number>): boolean {
    for (const [radio, { hops }] of this.#heard) if (hops === 0 && !radios.has(radio)) return true;
    return false;
  }

  /** Relays to the nearest; undefined when nobody was heard, or when a distance can't be told. */
  nearestHops(): number | undefined {
    let nearest: number | undefined;
    for (const { hops } of this.#heard.values()) {
      if (hops === undefined) return undefined;
      nearest = Math.min(nearest ?? hops, hops);
    }
    return nearest;
  }
}
