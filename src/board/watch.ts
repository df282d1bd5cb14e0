/** Looks after the board while the node is up: lamp, siren, case, radio reset and the failing supply. @module */
import type { BoardReport, BoardTest, LampSign } from "../kernel/board-reports.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { BootStep } from "../kernel/reports.ts";
import { aborted, type Service } from "../kernel/service.ts";
import type { Memory } from "../ports/memory.ts";
import type { Board } from "./board.ts";
import { RadioReset } from "./radio-reset.ts";
import { signOf } from "./signs.ts";
import { Siren, type SirenAlert, type SirenRules } from "./siren.ts";
import { forgetTampering, recallTampering, rememberTampering, type Tampering } from "./tamper.ts";

/** How the node is, as the board sees it. */
export interface BoardFacts {
  readonly state: "running" | "warned" | "quarantine";
  readonly radioReady: boolean;
  /** Heard from the radio since the start: any number that grows. */
  readonly radioFrames: number;
  /** All that hold now; none while the node is shut. */
  readonly alerts: readonly SirenAlert[];
}

export interface BoardWatchParts {
  readonly board: Board;
  readonly memory: Memory;
  readonly siren: SirenRules;
  readonly resetMinutes: number;
  readonly facts: () => BoardFacts;
  /** Unix ms; 0 while the clock is not set. */
  readonly wallMs: () => number;
  /** Tells the village that the case was opened; undefined where it is not to be told. */
  readonly tellTampering?: (() => Promise<void>) | undefined;
  /** The supply fails: whoever hears it stops the agent. */
  readonly onPowerFail: () => void;
}

const LOOK_EVERY_MS = 1_000;
/** Firmwares of radios want to see their reset line for some ms; a relay takes ten. */
const RESET_PULSE_MS = 300;
/** Nobody stays beside a siren that hangs. */
const MOST_SIREN_TEST_S = 10;
const MOST_LAMP_TEST_S = 60;
/** Telling the village is tried again so often: the node may be shut, or have sent too many alerts. */
const TELL_EVERY_MS = 60_000;

export class BoardWatch implements Service {
  readonly name = "board";
  readonly #parts: BoardWatchParts;
  readonly #siren: Siren;
  readonly #reset: RadioReset;
  #tampering: Tampering | undefined;
  #sounding: readonly string[] = [];
  /** Until when a test lasts, in monotonic ms. */
  readonly #tests = new Map<"lamp" | "siren", { readonly untilMs: number; readonly sign: LampSign }>();
  #triedMs = Number.NEGATIVE_INFINITY;

  private constructor(parts: BoardWatchParts, tampering: Tampering | undefined) {
    this.#parts = parts;
    this.#tampering = tampering;
    this.#siren = new Siren(parts.siren);
    this.#reset = new RadioReset(parts.resetMinutes, parts.board.clock.monotonicMs());
  }

  /** @throws what the memory throws */
  static async open(parts: BoardWatchParts): Promise<BoardWatch> {
    return new BoardWatch(parts, await recallTampering(parts.memory));
  }

  async run(signal: AbortSignal): Promise<void> {
    // Alerts that are held by now are old.
    this.#siren.hear(this.#parts.facts().alerts, 0, 0);
    await Promise.all([this.#look(signal), this.#watchCase(signal), this.#watchSupply(signal)]);
    const { board } = this.#parts;
    board.wires.set("siren", false);
    board.show("stopping");
  }

  /** Undefined while nobody opened the case. */
  step(): BootStep | undefined {
    if (this.#tampering === undefined) return undefined;
    const at = isoOf(this.#tampering.atMs);
    return {
      step: "tamper",
      state: "opened",
      ok: false,
      detail: `the case was opened${at === "" ? "" : ` at ${at}`}`,
      fix: "Look at the node: is anything in it changed? Then: caye board clear-tamper",
      ms: 0,
    };
  }

  report(): BoardReport {
    const { board } = this.#parts;
    return {
      lines: board.wires.lines(),
      lamp: board.lamp.sign,
      siren_alerts: this.#sounding,
      tamper: { opened: this.#tampering !== undefined, at: isoOf(this.#tampering?.atMs ?? 0) },
      radio_resets: this.#reset.total,
    };
  }

  /** @throws AgentError "BOARD_LINE" (none is wired), "BAD_REQUEST" */
  async test({ line, sign = "alert", seconds }: BoardTest, signal: AbortSignal): Promise<BoardReport> {
    const { board } = this.#parts;
    if (!board.wires.has(line)) {
      const field = line === "lamp" ? "status_led" : line;
      throw new AgentError("BOARD_LINE", `no ${line} is wired`, { fix: `Name its line: [board] ${field} = "gpio:…"` });
    }
    const most = line === "siren" ? MOST_SIREN_TEST_S : MOST_LAMP_TEST_S;
    if (seconds > most) throw new AgentError("BAD_REQUEST", `${line}: ${most} seconds at most`);
    if (line === "radio_reset") await this.#pulse(signal);
    else this.#tests.set(line, { untilMs: board.clock.monotonicMs() + seconds * 1000, sign });
    this.#act();
    return this.report();
  }

  /** The operator has seen that the case was opened. An open case stays remembered. @throws AgentError "BOARD_OPEN" */
  async clearTamper(): Promise<BoardReport> {
    const { board, memory } = this.#parts;
    if (board.wires.isActive("tamper")) {
      throw new AgentError("BOARD_OPEN", "the case is open now", { fix: "Close it, then: caye board clear-tamper" });
    }
    await forgetTampering(memory);
    if (this.#tampering !== undefined) board.log.info("the operator has cleared the tamper warning");
    this.#tampering = undefined;
    this.#act();
    return this.report();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { board } = this.#parts;
    while (!signal.aborted) {
      const { state, radioFrames } = this.#act();
      // A node that is shut does not listen: of its radio nothing is known.
      const listens = board.wires.has("radio_reset") && state !== "quarantine";
      if (listens && this.#reset.isDue(radioFrames, board.clock.monotonicMs())) {
        board.log.warn("the radio is silent: it is reset", { resets: this.#reset.total });
        await this.#pulse(signal);
      }
      await this.#tell();
      await board.clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Lamp and siren, as things stand now. */
  #act(): BoardFacts {
    const { board, facts: look, wallMs } = this.#parts;
    const nowMs = board.clock.monotonicMs();
    for (const [line, { untilMs }] of this.#tests) if (nowMs >= untilMs) this.#tests.delete(line);
    const facts = look();
    const before = this.#sounding;
    this.#sounding = this.#siren.hear(facts.alerts, nowMs, wallMs());
    for (const alert of this.#sounding) {
      if (board.wires.has("siren") && !before.includes(alert)) board.log.warn("the siren sounds", { alert });
    }
    board.wires.set("siren", this.#sounding.length > 0 || this.#tests.has("siren"));
    const alerted = facts.alerts.some(
      ({ status, msgType, own, trusted, acknowledged }) =>
        status === "Actual" && msgType !== "Cancel" && trusted && !own && !acknowledged,
    );
    const sign = signOf({ ...facts, tampered: this.#tampering !== undefined, alerted });
    board.show(this.#tests.get("lamp")?.sign ?? sign);
    return facts;
  }

  async #pulse(signal: AbortSignal): Promise<void> {
    const { wires, clock } = this.#parts.board;
    wires.set("radio_reset", true);
    await clock.sleep(RESET_PULSE_MS, signal);
    wires.set("radio_reset", false);
  }

  async #watchCase(signal: AbortSignal): Promise<void> {
    const { wires } = this.#parts.board;
    // Opened while nobody was there to see it.
    if (wires.isActive("tamper")) await this.#opened();
    for (;;) {
      const open = await wires.change("tamper", signal);
      if (open === undefined) return aborted(signal);
      if (open) await this.#opened();
    }
  }

  async #opened(): Promise<void> {
    const { board, memory, wallMs } = this.#parts;
    if (this.#tampering !== undefined) return;
    const tampering = { atMs: wallMs(), told: false };
    this.#tampering = tampering;
    board.log.warn("the case is open");
    this.#act();
    try {
      await rememberTampering(memory, tampering);
    } catch (error) {
      board.log.error("that the case was opened is not on disk", { error: describeError(error) });
    }
  }

  /** Once for each time that the case was opened. */
  async #tell(): Promise<void> {
    const { board, memory, tellTampering } = this.#parts;
    const tampering = this.#tampering;
    const nowMs = board.clock.monotonicMs();
    if (tellTampering === undefined || tampering === undefined || tampering.told) return;
    if (nowMs - this.#triedMs < TELL_EVERY_MS) return;
    this.#triedMs = nowMs;
    try {
      await tellTampering();
      // Cleared meanwhile, or opened anew.
      if (this.#tampering !== tampering) return;
      this.#tampering = { ...tampering, told: true };
      await rememberTampering(memory, this.#tampering);
    } catch (error) {
      board.log.error("the village was not told that the case was opened", { error: describeError(error) });
    }
  }

  async #watchSupply(signal: AbortSignal): Promise<void> {
    const { board, onPowerFail } = this.#parts;
    let failing = board.wires.isActive("power_fail") ? true : await board.wires.change("power_fail", signal);
    while (failing === false) failing = await board.wires.change("power_fail", signal);
    if (failing === true) {
      board.noteFailure();
      onPowerFail();
    }
    return aborted(signal);
  }
}

function isoOf(atMs: number): string {
  return atMs === 0 ? "" : new Date(atMs).toISOString();
}
