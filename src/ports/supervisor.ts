/** Who started the agent and looks after it: the init system, or nobody. @module */

export interface Supervisor {
  /** It restarts the agent when it hears nothing for so long, in ms; undefined when it does not watch. */
  readonly watchdogMs: number | undefined;
  /** The agent answers. */
  ready(status: string): void;
  /** One line for people. */
  status(text: string): void;
  /** A sign of life. */
  alive(): void;
  stopping(status: string): void;
}
