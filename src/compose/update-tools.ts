/** Which drivers stand behind updates and releases. @module */
import { systemClock } from "../drivers/clock.ts";
import { thisMachine } from "../drivers/machine.ts";
import { systemRandom } from "../drivers/random.ts";
import type { UpdateTools } from "../kernel/update.ts";
import { updateTools } from "../release/tools.ts";

/** @param signal ends what waits */
export function updateToolsHere(signal: AbortSignal): UpdateTools {
  return updateTools({ machine: thisMachine(), clock: systemClock(), random: systemRandom(), signal });
}
