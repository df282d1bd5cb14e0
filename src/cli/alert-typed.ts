/** What an operator types for an alert: said to be wrong before it goes to the agent. @module */
import { AgentError } from "../kernel/errors.ts";
import { quoted } from "./text.ts";

interface TypedAlert {
  readonly severity?: string;
  readonly area?: readonly string[];
  readonly headline?: string;
  readonly instruction?: string;
  readonly event?: string;
}

/** As the agent takes them. */
const MAX_TEXT_CHARACTERS = 2_000;
const LEAST_LIFE_S = 60;
const YEAR_S = 31_536_000;
const UNITS_S: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

const EXAMPLE_TEXT = "Sea over the road. Go to the school.";

/**
 * An alert is for people who did not see what its sender sees: an empty one frightens and helps nobody. All that is missing
 * is told at once, with the line to type.
 * @throws AgentError "USAGE"
 */
export function demandWhole(text: string | undefined, options: TypedAlert): void {
  const { severity, area = [], headline, instruction, event } = options;
  const said = (words: string | undefined): boolean => words !== undefined && words.trim() !== "";
  const missing = [
    ...(severity === undefined ? ["how bad it is (--severity Extreme, Severe, Moderate or Minor)"] : []),
    ...(area.some(said) ? [] : ["where it holds (--area)"]),
    ...([text, headline, instruction, event].some(said) ? [] : ["what happens (the text)"]),
  ];
  if (missing.length === 0) return;
  const words = said(text) ? (text ?? "") : EXAMPLE_TEXT;
  const fix = `For example: caye alert send --severity ${severity ?? "Severe"} --area ${quoted(area.find(said) ?? "North beach")} --expires 6h ${quoted(words)}`;
  throw new AgentError("USAGE", `the alert must also say ${missing.join(", and ")}`, { fix });
}

/** @throws AgentError "USAGE" */
export function demandShort(what: string, text: string | undefined): void {
  if (text === undefined || text.length <= MAX_TEXT_CHARACTERS) return;
  throw new AgentError("USAGE", `${what} has ${text.length} characters; ${MAX_TEXT_CHARACTERS} at most are taken`, {
    fix: "Say the most important here, and put the rest as a file: caye put FILE",
  });
}

/** @throws AgentError "USAGE" also for an end that is over or beyond a year: the agent takes neither */
export function secondsFromNow(text: string, option: string): number {
  const seconds = parseSecondsFromNow(text, option);
  const fix = "caye alert send --help shows an example.";
  if (option === "--expires" && seconds < LEAST_LIFE_S) {
    throw new AgentError("USAGE", `--expires ${text} is over already: it must be a minute or more from now`, { fix });
  }
  if (Math.abs(seconds) <= YEAR_S) return seconds;
  throw new AgentError("USAGE", `${option} ${text} is more than a year from now`, { fix });
}

/** `90m`, `6h`, `2d`, or a time in ISO 8601, local where it names no zone. */
function parseSecondsFromNow(text: string, option: string): number {
  const [, number, unit] = /^(\d{1,5})\s*([mhd])$/.exec(text.trim()) ?? [];
  if (number !== undefined) return Number(number) * (UNITS_S[unit ?? ""] ?? 0);
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(text)
    ? Date.parse(text.replace(/^(\d{4}-\d{2}-\d{2})$/, "$1T23:59:59"))
    : Number.NaN;
  if (Number.isFinite(atMs)) return Math.round((atMs - Date.now()) / 1000);
  throw new AgentError("USAGE", `${option} takes 90m, 6h, 2d or a time like 2026-08-01T18:00`, {
    fix: `caye alert send --help shows an example.`,
  });
}
