/** What the parts of the exchange share. @module */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Tracer } from "../ports/tracer.ts";
import type { Agenda } from "./agenda.ts";
import type { Air } from "./air.ts";

/** So many questions in vain are put down to loss; then the next goes a relay farther, which costs about twice as much. */
export const TRIES_A_RELAY = 3;

/** Where a question came from. */
export interface Origin {
  /** The radio's number. */
  readonly from: number;
  /** Relays that it passed; undefined when the radio can't tell. */
  readonly hops: number | undefined;
}

export interface ExchangeParts {
  readonly air: Air;
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly tracer?: Tracer | undefined;
  /** Counts an event, by a name of the code's own: never by what came from the air. */
  readonly count: (event: string) => void;
}
