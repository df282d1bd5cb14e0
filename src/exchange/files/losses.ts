/**
 * What part of the packets from whom is lost on the way to us, seen by the gaps in their bursts.
 *
 * A CODED tells its number and how many follow, so what did not come between two that came was lost.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";

type Ratio = number;

/** Before anything was seen: LoRa in a village, weighed as so many packets. */
const PRIOR_LOSS: Ratio = 0.3;
const PRIOR_PACKETS = 12;
/** The last so many packets count: radios move, leaves grow. */
const MEMORY_PACKETS = 200;
/** More is not believed: who asks for ten times as much as it needs is better off nearer. */
const MAX_LOSS: Ratio = 0.75;
const MAX_SPEAKERS = 64;

interface Seen {
  readonly packets: number;
  readonly lost: number;
}

export class Losses {
  readonly #bySpeaker = new Map<number, Seen>();

  /** Of so many packets of that radio, so many did not come. */
  note(speaker: number, packets: number, lost: number): void {
    const seen = this.#bySpeaker.get(speaker) ?? { packets: 0, lost: 0 };
    const fade = Math.min(1, MEMORY_PACKETS / (seen.packets + packets));
    keepRecent(
      this.#bySpeaker,
      speaker,
      { packets: fade * (seen.packets + packets), lost: fade * (seen.lost + lost) },
      MAX_SPEAKERS,
    );
  }

  /** From that radio; of all that were heard when it is not known. 0 … 0.75. */
  ratio(speaker: number | undefined): Ratio {
    const seen = speaker === undefined ? undefined : this.#bySpeaker.get(speaker);
    const { packets, lost } = seen ?? this.#ofAll();
    return Math.min(MAX_LOSS, (PRIOR_LOSS * PRIOR_PACKETS + lost) / (PRIOR_PACKETS + packets));
  }

  #ofAll(): Seen {
    let [packets, lost] = [0, 0];
    for (const seen of this.#bySpeaker.values()) {
      packets += seen.packets;
      lost += seen.lost;
    }
    return { packets, lost };
  }
}
