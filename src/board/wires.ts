/** Takes the lines that the configuration names. One that can't be had is a fault to be told, and no reason to stop. @module */
import { BOARD_LINES, type BoardLine, type BoardLineName } from "../kernel/board-reports.ts";
import { describeError, isAgentError } from "../kernel/errors.ts";
import type { Gpio, InputLine, LineAddress, OutputLine } from "../ports/gpio.ts";
import type { Log } from "../ports/log.ts";

export type BoardWires = Readonly<Record<BoardLineName, LineAddress | undefined>>;

const OUTPUTS = ["lamp", "siren", "radio_reset", "power_done"] as const;
export type OutputName = (typeof OUTPUTS)[number];
export type InputName = Exclude<BoardLineName, OutputName>;

/** Contacts bounce for some ms; whoever opens a case takes longer. */
const TAMPER_DEBOUNCE_MS = 50;

interface Fault {
  readonly detail: string;
  readonly fix: string;
}

export class Wires implements Disposable {
  readonly #wires: BoardWires;
  readonly #log: Log;
  readonly #outputs = new Map<OutputName, { readonly line: OutputLine; active: boolean }>();
  readonly #inputs = new Map<InputName, InputLine>();
  readonly #faults = new Map<BoardLineName, Fault>();

  private constructor(wires: BoardWires, log: Log) {
    this.#wires = wires;
    this.#log = log;
  }

  /** Never rejects. @param powerFailMs how long the supply must be gone before that counts */
  static async open(wires: BoardWires, gpio: Gpio, powerFailMs: number, log: Log): Promise<Wires> {
    const opened = new Wires(wires, log);
    for (const name of OUTPUTS) {
      await opened.#take(name, async (address) => {
        const line = await gpio.output(address, { consumer: consumerOf(name), safe: false });
        opened.#outputs.set(name, { line, active: false });
      });
    }
    for (const [name, debounceMs] of [
      ["tamper", TAMPER_DEBOUNCE_MS],
      ["power_fail", powerFailMs],
    ] as const) {
      await opened.#take(name, async (address) => {
        opened.#inputs.set(name, await gpio.input(address, { consumer: consumerOf(name), debounceMs }));
      });
    }
    return opened;
  }

  has(name: BoardLineName): boolean {
    return this.#wires[name] !== undefined;
  }

  /** Nothing happens where none is wired, or it is at fault. */
  set(name: OutputName, active: boolean): void {
    const output = this.#outputs.get(name);
    if (output === undefined || output.active === active) return;
    try {
      output.line.set(active);
      output.active = active;
      this.#faults.delete(name);
    } catch (error) {
      this.#note(name, error);
    }
  }

  isActive(name: BoardLineName): boolean {
    return name === "tamper" || name === "power_fail"
      ? (this.#inputs.get(name)?.active ?? false)
      : (this.#outputs.get(name)?.active ?? false);
  }

  /** The next level of an input. Undefined once the signal aborts, or the line is at fault. */
  async change(name: InputName, signal: AbortSignal): Promise<boolean | undefined> {
    try {
      return await this.#inputs.get(name)?.change(signal);
    } catch (error) {
      this.#note(name, error);
      return undefined;
    }
  }

  lines(): readonly BoardLine[] {
    return BOARD_LINES.flatMap((name) => {
      const address = this.#wires[name];
      if (address === undefined) return [];
      const { detail = "", fix = "" } = this.#faults.get(name) ?? {};
      const state = detail !== "" ? "fault" : this.isActive(name) ? "active" : "idle";
      return [{ name, wire: address.uri, state, detail, fix }];
    });
  }

  [Symbol.dispose](): void {
    for (const { line } of this.#outputs.values()) line[Symbol.dispose]();
    for (const line of this.#inputs.values()) line[Symbol.dispose]();
  }

  async #take(name: BoardLineName, open: (address: LineAddress) => Promise<void>): Promise<void> {
    const address = this.#wires[name];
    if (address === undefined) return;
    try {
      await open(address);
    } catch (error) {
      this.#note(name, error);
    }
  }

  #note(name: BoardLineName, error: unknown): void {
    const fix = (isAgentError(error) ? error.fix : undefined) ?? "Look at the wire, and at the kernel's log: dmesg.";
    const detail = describeError(error);
    if (this.#faults.get(name)?.detail === detail) return;
    this.#faults.set(name, { detail, fix });
    this.#log.warn("a line of the board does not work", { line: name, error: detail, fix });
  }
}

/** As `gpioinfo` shows it. */
export function consumerOf(name: BoardLineName): string {
  return `caye ${name}`;
}
