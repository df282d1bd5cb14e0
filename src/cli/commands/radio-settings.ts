/** `caye radio …`: the settings in the radio's own flash. @module */
import type { BootstrapTools, RadioReport } from "../../kernel/bootstrap.ts";
import { fromUtf8 } from "../../kernel/bytes.ts";
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { StatusReport } from "../../kernel/reports.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { printable, shellWord, table } from "../text.ts";

export interface ShowOptions {
  readonly modem?: string;
  readonly json?: boolean;
}

export interface SetOptions extends ShowOptions {
  readonly region?: string;
  readonly preset?: string;
  readonly channelUrl?: string;
  readonly name?: string;
}

const isStatus = shape<StatusReport>("radio");

export async function showRadio(io: CliIo, { modem, json }: ShowOptions): Promise<void> {
  const tools = await io.bootstrapTools();
  const uri = await freeRadio(io, tools, modem);
  const report = await io.untilStopped((signal) => tools.showRadio(uri, signal));
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
}

export async function setRadio(io: CliIo, options: SetOptions): Promise<void> {
  const { modem, json, region, preset, name, channelUrl } = options;
  if ([region, preset, name, channelUrl].every((wish) => wish === undefined)) {
    throw new AgentError("USAGE", "what is to be set is not said", {
      fix: "caye radio set --region US --preset LongFast",
    });
  }
  const tools = await io.bootstrapTools();
  const uri = await freeRadio(io, tools, modem);
  const onStep = (what: string): void => io.stderr(`caye: ${printable(what)}\n`);
  const wish = { region, preset, name, channelUrl: await typedUrl(io, channelUrl) };
  const report = await io.untilStopped((signal) => tools.setRadio(uri, wish, onStep, signal));
  if (json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  const changed = report.changed.map(({ setting, from, to }) => `${setting}: ${printable(from)} → ${printable(to)}\n`);
  io.stdout(changed.length === 0 ? "It was so already; nothing was written.\n" : changed.join(""));
  io.stdout(textOf(report));
}

/** From standard input it comes into no list of processes, and into no shell's history. */
async function typedUrl(io: CliIo, url: string | undefined): Promise<string | undefined> {
  if (url !== "-") return url;
  if (io.isTty) io.stderr("Paste the address of the channels, then Enter and Ctrl-D:\n");
  return fromUtf8(await io.readStdin())?.trim() ?? "?";
}

/** A radio serves one program at a time: over TCP the agent's connection would be cut without a word. */
async function freeRadio(io: CliIo, tools: BootstrapTools, modem: string | undefined): Promise<string> {
  const used = await usedByAgent(io);
  const uri = modem ?? (await onlyRadio(tools));
  if (used === undefined || (uri.startsWith("tcp:") && !same(uri, used))) return uri;
  throw new AgentError("RADIO_BUSY", `the agent that runs here has the radio at ${used}`, {
    fix: "systemctl stop caye.service; then this command again; then systemctl start caye.service",
  });
}

/** The address of its radio; undefined when none runs here, or its radio is simulated. */
async function usedByAgent(io: CliIo): Promise<string | undefined> {
  try {
    const { radio } = await (await findAgent(io)).get("/v1/status", isStatus);
    return radio.simulated ? undefined : radio.modem;
  } catch (error) {
    if (isAgentError(error) && ["NO_AGENT", "STATE_UNSET", "NOT_ALLOWED"].includes(error.code)) return undefined;
    throw error;
  }
}

function same(a: string, b: string): boolean {
  const [one, other] = [URL.parse(a), URL.parse(b)];
  return one?.hostname === other?.hostname && (one?.port || "4403") === (other?.port || "4403");
}

async function onlyRadio(tools: BootstrapTools): Promise<string> {
  const [first, ...others] = await tools.findRadios();
  if (first === undefined) {
    throw new AgentError("RADIO_ABSENT", "no radio is plugged in", {
      fix: "Plug it in by a cable that carries data; one in the network: --modem tcp://HOST:4403",
    });
  }
  if (others.length === 0) return first;
  const all = [first, ...others].map((uri) => `--modem ${shellWord(uri)}`).join("\n");
  throw new AgentError("RADIO_AMBIGUOUS", `${others.length + 1} devices may be the radio`, {
    fix: `Name one of them:\n${all}`,
  });
}

function textOf(report: RadioReport): string {
  const { modem, node, firmware, name, role, region, preset, hop_limit: hops, tx_enabled: sends, slot } = report;
  const rows = [
    ["radio", `${node} ${printable(name)}`],
    ["at", modem],
    ["firmware", printable(firmware)],
    ["role", role],
    ["region", region],
    ["preset", preset === "" ? "set by hand" : preset],
    ["slot", slot === 0 ? "by the channel's name" : String(slot)],
    ["hop limit", String(hops)],
    ["transmitter", sends ? "on" : "off"],
    ...report.channels.map(({ index, name: channel, key, fingerprint }) => [
      `channel ${index}`,
      `${channel === "" ? "unnamed" : printable(channel)}, ${key === "secret" ? `key ${fingerprint}` : `${key} key`}`,
    ]),
  ];
  return table(rows) + report.warnings.map((warning) => `Warning: ${printable(warning)}\n`).join("");
}
