/**
 * A person with a Meshtastic app, as far as a node sees one: a direct text goes out by a radio, and texts come back. It
 * speaks to simulated and real radios alike.
 * @module
 */
import { systemClock } from "../drivers/clock.ts";
import { openMeshtasticModem } from "../drivers/meshtastic/modem.ts";
import { systemRandom } from "../drivers/random.ts";
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { LinkedAbort } from "../kernel/service.ts";
import type { TextRequest } from "../kernel/simulation.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { TEXT_MESSAGE_APP, type Modem, type RadioPacket } from "../ports/modem.ts";

const HOP_LIMIT = 3;
const READY_WITHIN_MS = 15_000;
const LOOK_EACH_MS = 100;
/** The firmware takes one text in so long, and drops others; the one before may have been another run's. */
const TEXT_PAUSE_MS = 2_000;
/** Of an answer in several texts: which this is, and of how many. */
const NUMBERED = /^\((\d{1,2})\/(\d{1,2})\)/;
const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  named: () => SILENT,
};

/**
 * Sends one text and hears the answer, of one text or of several numbered ones.
 * @param onText told of each text of that node
 * @returns true when the answer came whole
 * @throws AgentError "RADIO_URI", "RADIO_SILENT"
 */
export async function ask(request: TextRequest, onText: (text: string) => void, signal: AbortSignal): Promise<boolean> {
  const clock = systemClock();
  const modem = openMeshtasticModem(request.radio, { clock, random: systemRandom(), log: SILENT });
  using life = new LinkedAbort(signal);
  const running = modem.run(life.signal);
  try {
    await untilReady(modem, clock, life.signal);
    await clock.sleep(TEXT_PAUSE_MS, life.signal);
    await send(modem, request, clock, life.signal);
    return await hear(modem, request, onText, clock, life.signal);
  } finally {
    life.abort();
    await running;
  }
}

async function untilReady(modem: Modem, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; modem.state().kind !== "ready" && !signal.aborted; waitedMs += LOOK_EACH_MS) {
    if (waitedMs >= READY_WITHIN_MS) throw silent(modem);
    await clock.sleep(LOOK_EACH_MS, signal);
  }
}

function silent(modem: Modem): AgentError {
  const state = modem.state();
  const why = state.kind === "down" ? `: ${state.reason}` : "";
  return new AgentError("RADIO_SILENT", `the radio at ${modem.uri} does not answer${why}`, {
    fix: "`caye radios` starts simulated ones and names them. A radio serves one program at a time: not an agent's.",
  });
}

async function send(modem: Modem, { to, text }: TextRequest, clock: Clock, signal: AbortSignal): Promise<void> {
  const packet = { to, port: TEXT_MESSAGE_APP, payload: utf8(text), hopLimit: HOP_LIMIT, wantAck: true };
  for (;;) {
    const outcome = await modem.send(packet, signal);
    if (outcome.kind === "taken" || signal.aborted) return;
    if (outcome.kind === "refused")
      throw new AgentError("TEXT_REFUSED", `the radio does not take it: ${outcome.reason}`);
    await clock.sleep(outcome.kind === "busy" ? LOOK_EACH_MS : outcome.waitMs, signal);
  }
}

/** Until the answer is whole, and longer for who stays; or until nothing came for so long as patience lasts. */
async function hear(
  modem: Modem,
  { to, patienceMs, stay }: TextRequest,
  onText: (text: string) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const texts: string[] = [];
  let whole = false;
  for (;;) {
    const text = await nextText(modem, to, stay && whole ? Number.POSITIVE_INFINITY : patienceMs, clock, signal);
    if (text === undefined) return whole;
    onText(text);
    texts.push(text);
    whole ||= isWhole(texts);
    if (whole && !stay) return true;
  }
}

/** True when the last text is an answer by itself, or all parts of its answer are among the texts, in whatever order. */
export function isWhole(texts: readonly string[]): boolean {
  const [, , of] = NUMBERED.exec(texts.at(-1) ?? "") ?? [];
  if (of === undefined) return texts.length > 0;
  const parts = texts.map((text) => NUMBERED.exec(text)).filter((found) => found?.[2] === of);
  return new Set(parts.map((found) => found?.[1])).size >= Number(of);
}

async function nextText(
  modem: Modem,
  from: number,
  patienceMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  using waiting = new LinkedAbort(signal);
  void clock.sleep(patienceMs, waiting.signal).then(() => waiting.abort());
  for (;;) {
    const packet = await modem.receive(waiting.signal);
    if (packet === undefined) return undefined;
    const text = textOf(packet, from);
    if (text !== undefined) {
      waiting.abort();
      return text;
    }
  }
}

function textOf({ from, port, payload }: RadioPacket, sender: number): string | undefined {
  return from === sender && port === TEXT_MESSAGE_APP ? fromUtf8(payload) : undefined;
}
