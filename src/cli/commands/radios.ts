/** `caye radios` and `caye phone`: several nodes, and a phone, on one machine without any radio. @module */
import { AgentError } from "../../kernel/errors.ts";
import type { SimulatedRadio } from "../../kernel/simulation.ts";
import type { CliIo } from "../io.ts";
import { nodeName, printable, table } from "../text.ts";

export interface RadiosOptions {
  readonly count: number;
  readonly port: number;
  readonly loss: number;
  readonly line?: boolean;
  readonly preset?: string;
  readonly region?: string;
  readonly json?: boolean;
}

const MAX_PORT = 65_535;

export async function radios(io: CliIo, options: RadiosOptions): Promise<void> {
  const { count, port, loss, line, preset, region, json } = options;
  if (port !== 0 && port + count - 1 > MAX_PORT) {
    throw new AgentError("USAGE", `${count} ports from ${port} on go beyond ${MAX_PORT}`);
  }
  const request = { count, port, lossRatio: loss, inLine: line === true, preset, region };
  const tools = await io.radioTools();
  const onUp = (up: readonly SimulatedRadio[]): void =>
    io.stdout(json === true ? `${JSON.stringify({ radios: up.map(rowOf) }, null, 2)}\n` : upText(up, options));
  await io.untilStopped((signal) => tools.serveRadios(request, onUp, signal));
}

function rowOf({ uri, nodeNumber }: SimulatedRadio): { readonly uri: string; readonly node: string } {
  return { uri, node: nodeName(nodeNumber) };
}

function upText(up: readonly SimulatedRadio[], { loss, line }: RadiosOptions): string {
  const hears =
    up.length === 1
      ? "it hears nobody"
      : line === true
        ? "each hears its neighbours in the list"
        : "all hear each other";
  const rows = up.map((radio) => ["  ", radio.uri, nodeName(radio.nodeNumber)]);
  return [
    `${up.length} simulated ${up.length === 1 ? "radio is" : "radios are"} on the air: ${hears}, loss ${loss}. Ctrl-C ends them.\n`,
    table(rows),
    `An agent on the first: CAYE_RADIO_MODEM=${up[0]?.uri ?? ""} npx caye run\n`,
  ].join("");
}

export interface PhoneOptions {
  readonly radio: string;
  readonly to: number;
  /** Seconds. */
  readonly wait: number;
  readonly stay?: boolean;
  readonly json?: boolean;
}

export async function phone(io: CliIo, text: string, { radio, to, wait, stay, json }: PhoneOptions): Promise<void> {
  const tools = await io.radioTools();
  const texts: string[] = [];
  const onText = (answer: string): void => {
    texts.push(answer);
    if (json !== true) io.stdout(`${answer.split("\n").map(printable).join("\n")}\n`);
  };
  const request = { radio, to, text, patienceMs: wait * 1000, stay: stay === true };
  const whole = await io.untilStopped((signal) => tools.ask(request, onText, signal));
  if (json === true) io.stdout(`${JSON.stringify({ texts, whole }, null, 2)}\n`);
  if (texts.length > 0 && !whole) io.stderr("caye: the rest did not come; `again` asks for it once more\n");
  if (texts.length > 0) return;
  throw new AgentError("NO_ANSWER", `${nodeName(to)} did not answer within ${wait} s`, {
    fix: "An agent must run on that radio; ask again, texts get lost on the air. `caye status` there shows the number.",
  });
}
