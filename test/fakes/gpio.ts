/** GPIO lines in memory: what is switched is written down, what is watched is pushed by the test. @module */
import { AgentError } from "../../src/kernel/errors.ts";
import type { Gpio, LineAddress } from "../../src/ports/gpio.ts";

export interface FakeGpio extends Gpio {
  /** Level of each line that is held, by its URI: active or not. */
  readonly levels: ReadonlyMap<string, boolean>;
  /** What each output was set to, the oldest first, `safe` values included. */
  readonly switched: readonly { readonly uri: string; readonly active: boolean }[];
  /** URIs of the lines that are held now. */
  held(): readonly string[];
  /** Somebody opens or closes a contact. Before the line is taken, too. */
  push(uri: string, active: boolean): void;
  /** From now on this line can't be taken, or fails when it is used. */
  breaks(uri: string): void;
}

export function fakeGpio(): FakeGpio {
  const levels = new Map<string, boolean>();
  const switched: { uri: string; active: boolean }[] = [];
  const holders = new Set<string>();
  const broken = new Set<string>();
  const waiting = new Map<string, () => void>();
  const demand = (uri: string): void => {
    if (!broken.has(uri)) return;
    throw new AgentError("GPIO_IO", `${uri}: switching the line failed`, { fix: "Look at the wire." });
  };
  const hold = ({ uri }: LineAddress): void => {
    demand(uri);
    if (holders.has(uri)) throw new AgentError("GPIO_IN_USE", `${uri}: the line is in use`, { fix: "Take another." });
    holders.add(uri);
  };
  const set = (uri: string, active: boolean): void => {
    levels.set(uri, active);
    switched.push({ uri, active });
  };
  return {
    levels,
    switched,
    held: () => [...holders].toSorted(),
    push: (uri, active) => {
      levels.set(uri, active);
      waiting.get(uri)?.();
    },
    breaks: (uri) => {
      broken.add(uri);
      waiting.get(uri)?.();
    },
    output: async (address, { safe }) => {
      hold(address);
      const { uri } = address;
      set(uri, safe);
      return {
        set: (active) => {
          demand(uri);
          if (holders.has(uri)) set(uri, active);
        },
        [Symbol.dispose]: () => {
          if (holders.delete(uri)) set(uri, safe);
        },
      };
    },
    input: async (address) => {
      hold(address);
      const { uri } = address;
      let active = levels.get(uri) ?? false;
      return {
        get active() {
          return active;
        },
        change: async (signal) => {
          while (!signal.aborted && holders.has(uri)) {
            demand(uri);
            const level = levels.get(uri) ?? false;
            if (level !== active) {
              active = level;
              return level;
            }
            await new Promise<void>((wake) => {
              waiting.set(uri, wake);
              signal.addEventListener("abort", () => wake(), { once: true });
            });
          }
          return undefined;
        },
        [Symbol.dispose]: () => {
          holders.delete(uri);
          waiting.get(uri)?.();
        },
      };
    },
  };
}
