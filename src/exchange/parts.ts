/** What the parts of the exchange share. @module */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Agenda } from "./agenda.ts";
import type { Air } from "./air.ts";

export interface ExchangeParts {
  readonly air: Air;
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Counts an event, by a name of the code's own: never by what came from the air. */
  readonly count: (event: string) => void;
}
