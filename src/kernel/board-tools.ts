/** What the command line does with the board itself, without an agent. @module */
import type { LampSign } from "./board-reports.ts";

export interface BoardTools {
  /**
   * Blinks the lamp that the configuration names, until the signal aborts or so much time has passed.
   * @param configPath undefined: every field has its default or its variable's value
   * @throws AgentError "BOARD_LINE" (none is wired), "CONFIG_INVALID", "CONFIG_MISSING", and what the GPIO lines throw
   */
  blink(wish: BlinkWish, signal: AbortSignal): Promise<void>;
}

export interface BlinkWish {
  readonly sign: LampSign;
  readonly configPath: string | undefined;
  /** Undefined: for ever. */
  readonly seconds: number | undefined;
}
