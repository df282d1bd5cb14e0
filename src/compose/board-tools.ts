/** The board without an agent, over this machine's GPIO lines. @module */
import { Lamp } from "../board/lamp.ts";
import { consumerOf } from "../board/wires.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../drivers/clock.ts";
import { systemGpio } from "../drivers/gpio/open.ts";
import type { BoardTools } from "../kernel/board-tools.ts";
import { AgentError } from "../kernel/errors.ts";
import { LinkedAbort } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gpio } from "../ports/gpio.ts";

export interface BoardGround {
  readonly loadConfig: (path: string | undefined) => Promise<Config>;
  /** The machine's own when left out. */
  readonly clock?: Clock;
  readonly gpio?: Gpio;
}

export function boardTools({ loadConfig, clock = systemClock(), gpio }: BoardGround): BoardTools {
  return {
    blink: async ({ sign, configPath, seconds }, signal) => {
      const { board } = await loadConfig(configPath);
      const address = board.status_led;
      if (address === undefined) {
        throw new AgentError("BOARD_LINE", "no lamp is wired", { fix: 'Name its line: [board] status_led = "gpio:…"' });
      }
      const lines = gpio ?? systemGpio(clock);
      using line = await lines.output(address, { consumer: consumerOf("lamp"), safe: false });
      using end = new LinkedAbort(signal);
      const lamp = new Lamp((on) => line.set(on), clock, sign);
      const blinking = lamp.run(end.signal);
      if (seconds !== undefined) {
        await clock.sleep(seconds * 1000, end.signal);
        end.abort();
      }
      await blinking;
    },
  };
}
