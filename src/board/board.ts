/**
 * What is wired to the node: from the first moment of the agent to its last the lamp tells how it is. The rest begins once
 * the node is up: {@link BoardWatch}.
 * @module
 */
import type { LampSign } from "../kernel/board-reports.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gpio } from "../ports/gpio.ts";
import type { Log } from "../ports/log.ts";
import { Lamp } from "./lamp.ts";
import { Wires, type BoardWires } from "./wires.ts";

export interface BoardPorts {
  readonly gpio: Gpio;
  /** The machine's own. */
  readonly clock: Clock;
  readonly log: Log;
}

export class Board implements AsyncDisposable {
  readonly wires: Wires;
  readonly lamp: Lamp;
  readonly clock: Clock;
  readonly log: Log;
  readonly #stop = new AbortController();
  readonly #blinking: Promise<void>;
  #failedMs: number | undefined;

  private constructor(wires: Wires, { clock, log }: BoardPorts) {
    this.wires = wires;
    this.clock = clock;
    this.log = log;
    this.lamp = new Lamp((on) => wires.set("lamp", on), clock, "booting");
    this.#blinking = wires.has("lamp") ? this.lamp.run(this.#stop.signal) : Promise.resolve();
  }

  /** Never rejects: what can't be had is told by the report. @param powerFailMs debounce of the failing supply */
  static async open(wires: BoardWires, powerFailMs: number, ports: BoardPorts): Promise<Board> {
    return new Board(await Wires.open(wires, ports.gpio, powerFailMs, ports.log), ports);
  }

  show(sign: LampSign): void {
    this.lamp.show(sign);
  }

  /** Resolves once the supply is there, or the signal aborts: what is begun without it may be cut off at any moment. */
  async untilPowered(signal: AbortSignal): Promise<void> {
    if (!this.wires.isActive("power_fail")) return;
    this.log.warn("the supply fails: the start waits until it is back");
    await this.wires.change("power_fail", signal);
  }

  /** The supply fails: from now on it is counted how long the rest takes. */
  noteFailure(): void {
    this.#failedMs = this.clock.monotonicMs();
    this.log.warn("the supply fails: the agent puts everything on the disk and stops");
    this.show("stopping");
  }

  /**
   * The node is shut and everything on the disk: says so to whatever feeds it, and waits for the supply.
   * @throws AgentError "POWER_FAIL" once that is back, so that whoever started the agent starts it anew
   */
  async afterPowerFail(signal: AbortSignal): Promise<void> {
    const ms = Math.round(this.clock.monotonicMs() - (this.#failedMs ?? this.clock.monotonicMs()));
    this.wires.set("power_done", true);
    this.log.warn("everything is on the disk, the supply may go", { ms });
    await this.wires.change("power_fail", signal);
    if (signal.aborted) return;
    throw new AgentError("POWER_FAIL", `the supply failed; everything was on the disk after ${ms} ms`, {
      fix: "Start the agent again; under systemd it is started by itself.",
    });
  }

  /** Lamp and siren go off, all lines are let go. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#blinking;
    this.wires[Symbol.dispose]();
  }
}
