/** The board over this machine's GPIO lines, and what it sees of the node. @module */
import { Board } from "../board/board.ts";
import type { SirenAlert } from "../board/siren.ts";
import { BoardWatch } from "../board/watch.ts";
import type { BoardWires } from "../board/wires.ts";
import { wallMs } from "../alert/held-alert.ts";
import type { Config } from "../config/schema.ts";
import type { Desk } from "../desk/desk.ts";
import type { OpenParts } from "../desk/parts.ts";
import { systemClock } from "../drivers/clock.ts";
import { systemGpio } from "../drivers/gpio/open.ts";
import type { Gpio } from "../ports/gpio.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";

/** Takes the lines; the lamp says that the node boots. @param gpio this machine's own when left out */
export function openBoard(config: Config["board"], log: Log, gpio?: Gpio): Promise<Board> {
  const clock = systemClock();
  const ports = { gpio: gpio ?? systemGpio(clock), clock, log: log.named("board") };
  return Board.open(wiresOf(config), config.power_fail_ms, ports);
}

export interface WatchedNode {
  readonly board: Board;
  readonly memory: Memory;
  readonly open: OpenParts | undefined;
  /** True while every step of trust is well. */
  readonly isWell: () => boolean;
  /** Once there is one. */
  readonly desk: () => Desk;
  readonly onPowerFail: () => void;
}

export function watchBoard({ board: config, node }: Config, parts: WatchedNode): Promise<BoardWatch> {
  const { board, memory, open, isWell, desk, onPowerFail } = parts;
  const tell = async (): Promise<void> => {
    await desk().alerts.send({
      severity: "Moderate",
      urgency: "Immediate",
      certainty: "Observed",
      categories: ["Security"],
      event: "Node opened",
      areas: [node.name],
      headline: `The case of ${node.name} was opened`,
    });
  };
  return BoardWatch.open({
    board,
    memory,
    siren: {
      severities: config.siren_severities,
      urgencies: config.siren_urgencies,
      seconds: config.siren_seconds,
    },
    resetMinutes: config.radio_reset_minutes,
    facts: () => ({
      state: open === undefined ? "quarantine" : isWell() ? "running" : "warned",
      radioReady: open?.modem.state().kind === "ready" && open.radioSettings().otherwise === undefined,
      radioFrames: open?.modem.counters()["frames_in"] ?? 0,
      alerts: open === undefined ? [] : sirenAlerts(open),
    }),
    wallMs: () => wallMs(systemClock()),
    tellTampering: config.tamper_alert === "on" ? tell : undefined,
    onPowerFail,
  });
}

function wiresOf(config: Config["board"]): BoardWires {
  const { status_led: lamp, siren, tamper, radio_reset, power_fail, power_done } = config;
  return { lamp, siren, tamper, radio_reset, power_fail, power_done };
}

function sirenAlerts({ alerts }: OpenParts): readonly SirenAlert[] {
  return alerts.active().map((held) => {
    const { status, msgType, severity, urgency, sentUnixS } = held.notice;
    return {
      id: held.id,
      own: held.authorHex === alerts.self,
      status,
      msgType,
      severity,
      urgency,
      trusted: alerts.isTrusted(held),
      acknowledged: held.acknowledgedAtMs !== undefined,
      sentMs: sentUnixS === 0 ? undefined : sentUnixS * 1000,
    };
  });
}
