/** `caye board`: what is wired to the node. @module */
import {
  LAMP_SIGNS,
  type BoardLine,
  type BoardReport,
  type BoardTest,
  type LampSign,
} from "../../kernel/board-reports.ts";
import { AgentError } from "../../kernel/errors.ts";
import { nearest } from "../../kernel/nearest.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { printable } from "../text.ts";

export interface BoardOptions {
  readonly json?: boolean;
}

export interface TestOptions extends BoardOptions {
  readonly seconds?: number;
  readonly sign?: LampSign;
}

export interface BlinkOptions {
  readonly config?: string;
  readonly seconds?: number;
}

export const TESTABLE = ["lamp", "siren", "radio_reset"] as const;

const isBoard = shape<BoardReport>("lines", "lamp", "siren_alerts", "tamper", "radio_resets");
const TEST_SECONDS = 3;

export async function boardStatus(io: CliIo, { json }: BoardOptions): Promise<void> {
  const report = await (await findAgent(io)).get("/v1/board", isBoard);
  io.stdout(json === true ? jsonOf(report) : textOf(report));
}

export async function testLine(io: CliIo, typed: string, options: TestOptions): Promise<void> {
  const line = demandOf(TESTABLE, typed, "line that can be tried");
  const { seconds = TEST_SECONDS, sign, json } = options;
  const wish: BoardTest = { line, seconds, ...(sign === undefined ? {} : { sign }) };
  const report = await (await findAgent(io)).post("/v1/board/test", { ...wish }, isBoard);
  if (json === true) return io.stdout(jsonOf(report));
  const said = line === "radio_reset" ? "the radio was reset; it comes back by itself" : `${line}: for ${seconds} s`;
  const tried = report.lines.find(({ name }) => name === line);
  io.stdout(`${said}\n${tried?.state === "fault" ? lineText(tried) : ""}`);
}

export async function clearTamper(io: CliIo, { json }: BoardOptions): Promise<void> {
  const report = await (await findAgent(io)).post("/v1/board/clear-tamper", {}, isBoard);
  io.stdout(json === true ? jsonOf(report) : "the tamper warning is cleared\n");
}

export async function blinkLamp(io: CliIo, typed: string, { config, seconds }: BlinkOptions): Promise<void> {
  const sign = demandOf(LAMP_SIGNS, typed, "sign of the lamp");
  const tools = await io.boardTools();
  const named = config ?? io.env["CAYE_CONFIG"];
  const configPath = named === undefined || named === "" ? undefined : named;
  await io.untilStopped((signal) => tools.blink({ sign, configPath, seconds }, signal));
}

function demandOf<T extends string>(known: readonly T[], typed: string, what: string): T {
  const found = known.find((name) => name === typed);
  if (found !== undefined) return found;
  const guess = nearest(typed, known);
  throw new AgentError("USAGE", `${typed} is no ${what}${guess === undefined ? "" : `; did you mean ${guess}?`}`, {
    fix: `There are: ${known.join(", ")}`,
  });
}

function jsonOf(report: BoardReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

function textOf({ lines, lamp, siren_alerts: alerts, tamper, radio_resets: resets }: BoardReport): string {
  const opened = `the case was opened${tamper.at === "" ? "" : ` at ${tamper.at}`}: look at the node, then: caye board clear-tamper`;
  return [
    lines.length === 0 ? "Nothing is wired: docs/board.md shows how.\n" : lines.map(lineText).join(""),
    `the lamp says: ${lamp}\n`,
    alerts.length === 0 ? "" : `the siren sounds for ${alerts.map(printable).join(", ")}\n`,
    tamper.opened ? `${printable(opened)}\n` : "",
    resets === 0 ? "" : `the silent radio was reset ${resets} times since the start\n`,
  ].join("");
}

function lineText({ name, wire, state, detail, fix }: BoardLine): string {
  const mark = state === "fault" ? "✗" : "✓";
  const rest = detail === "" ? "" : `    ${printable(detail)}\n    fix: ${printable(fix)}\n`;
  return `${mark} ${name.padEnd(12)} ${printable(wire)}  ${state}\n${rest}`;
}
