/**
 * Who said what of the streams that are not whole yet, so that a lie can be found: when a stream comes out and its author's
 * signature does not hold, it is tried again without each speaker in turn.
 *
 * A radio's number is not proof of who sent: so nobody is set aside for longer than an hour, and in nothing but slots.
 * @module
 */
import { copyBytes } from "../../kernel/bytes.ts";
import { keepRecent } from "../../kernel/recent.ts";
import { Gathering, keyOf, type Announced, type Part, type Solved } from "./gathering.ts";

/** Slots of these streams that somebody said: coded over all of them, or of the one stream, as they are, from `first` on. */
export interface Testimony {
  /** The radio's number. */
  readonly sender: number;
  readonly streams: readonly Announced[];
  readonly slots:
    | { readonly kind: "coded"; readonly seed: number; readonly bytes: Uint8Array }
    | { readonly kind: "plain"; readonly first: number; readonly bytes: Uint8Array };
}

/** Packets that are remembered, of all and of one radio: four long bursts. */
const MAX_KEPT = 192;
const MAX_OF_ONE = 64;
const HOUR_MS = 3_600_000;
const MAX_LIARS = 256;

export class Witnesses {
  #kept: Testimony[] = [];
  /** Until when each is not believed, monotonic ms; the last ones at the end. */
  readonly #liars = new Map<number, number>();

  hear({ sender, streams, slots }: Testimony): void {
    const own = this.#kept.filter((one) => one.sender === sender);
    const gone = own.length >= MAX_OF_ONE ? own[0] : this.#kept[this.#kept.length >= MAX_KEPT ? 0 : MAX_KEPT];
    if (gone !== undefined) this.#kept = this.#kept.filter((one) => one !== gone);
    this.#kept.push({ sender, streams, slots: { ...slots, bytes: copyBytes(slots.bytes) } });
  }

  /** What was said of a stream, and of those that it was mixed with, and so on. */
  about(stream: Announced): readonly Testimony[] {
    const keys = new Set([keyOf(stream)]);
    const found = new Set<Testimony>();
    for (let before = -1; before < found.size;) {
      before = found.size;
      for (const one of this.#kept) {
        if (found.has(one) || !one.streams.some((other) => keys.has(keyOf(other)))) continue;
        found.add(one);
        for (const other of one.streams) keys.add(keyOf(other));
      }
    }
    return this.#kept.filter((one) => found.has(one));
  }

  /** Forgets what speaks of nothing that is still open. */
  prune(isOpen: (stream: Announced) => boolean): void {
    this.#kept = this.#kept.filter(({ streams }) => streams.some(isOpen));
  }

  /** @param nowMs monotonic */
  accuse(radio: number, nowMs: number): void {
    this.#kept = this.#kept.filter(({ sender }) => sender !== radio);
    keepRecent(this.#liars, radio, nowMs + HOUR_MS, MAX_LIARS);
  }

  /** Those who are not believed now, and until when. */
  liars(nowMs: number): readonly { readonly radio: number; readonly untilMs: number }[] {
    return [...this.#liars].flatMap(([radio, untilMs]) => (nowMs < untilMs ? [{ radio, untilMs }] : []));
  }

  isLiar(radio: number, nowMs: number): boolean {
    return nowMs < (this.#liars.get(radio) ?? 0);
  }
}

/** The stream as these say that it is; undefined when they don't say enough. @param partOf each stream with what is held of it */
export function solve(
  stream: Announced,
  testimonies: readonly Testimony[],
  partOf: (stream: Announced) => Part,
): Solved | undefined {
  const gathering = new Gathering();
  for (const testimony of testimonies) learnFrom(gathering, testimony, partOf, 0);
  return gathering.takeSolved().find((solved) => keyOf(solved) === keyOf(stream));
}

/** Tells a gathering what was said. @param nowMs monotonic */
export function learnFrom(
  gathering: Gathering,
  { sender, streams, slots }: Testimony,
  partOf: (stream: Announced) => Part,
  nowMs: number,
): void {
  const parts = streams.map(partOf);
  if (slots.kind === "coded") gathering.learn({ sender, parts, seed: slots.seed, coded: slots.bytes }, nowMs);
  else for (const part of parts) gathering.learnSlots(part, slots.first, slots.bytes, { radio: sender, nowMs });
}
