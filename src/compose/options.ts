/** What an agent is told by whoever starts it. @module */
import type { AgentView } from "../api/view.ts";
import type { Config } from "../config/schema.ts";
import type { UpReport } from "../kernel/reports.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gpio } from "../ports/gpio.ts";

export interface AgentOptions {
  readonly config: Config;
  readonly statePath: string;
  /** The project's folder: what is measured. */
  readonly root: string;
  /** `serial:` or `tcp:`, found or configured. */
  readonly modemUri: string;
  /** True when that is a radio of the simulated village. */
  readonly simulated: boolean;
  readonly version: string;
  readonly pid: number;
  /** Reads another configuration file with this process's environment: for planned updates. */
  readonly loadConfig: (path: string) => Promise<Config>;
  readonly output: { write(text: string): unknown };
  /** Time for radio and exchange; the machine's own unless the village runs faster. */
  readonly clock?: Clock;
  /** How much faster than the machine's that clock goes; 1 when left out. */
  readonly clockSpeed?: number;
  /** Lines of the board; the machine's own when left out. */
  readonly gpio?: Gpio;
  /** Called once it answers. */
  readonly onUp: (up: AgentUp) => void | Promise<void>;
}

export interface AgentUp extends UpReport {
  readonly view: AgentView;
  /** True when the journal reads the log: the agent has said there that it is up. */
  readonly journal: boolean;
}
