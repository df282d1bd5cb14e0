/** What bounds our sending: the law, our share of it, and what the radio makes of a packet. @module */
import type { LoraModulation } from "./airtime.ts";
import type { Ratio } from "./regions.ts";

export interface BudgetLimits {
  /** The law's part of the hour. */
  readonly dutyCycle: Ratio;
  /** Our part of that. */
  readonly share: Ratio;
}

export interface RadioLimits extends BudgetLimits {
  readonly modulation: LoraModulation;
  /** True when the radio adds a signature of its own to short broadcasts: see `signsBroadcasts`. */
  readonly radioSigns?: boolean;
  /** No packet may take longer on air. */
  readonly maxPacketUs?: number | undefined;
}
