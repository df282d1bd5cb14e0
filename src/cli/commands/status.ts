/** `caye status`: how the node is, and its quote for whoever wants to check it. @module */
import { fromHex, utf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { NeighbourRow, QuoteReport, StatusReport } from "../../kernel/reports.ts";
import { findAgent, shape } from "../agent-client.ts";
import { alertWordsFor } from "../alert-words.ts";
import type { CliIo } from "../io.ts";
import { formatBytes, formatMs, nodeName, printable, shellWord, table } from "../text.ts";
import type { Words } from "../words.ts";

export interface StatusOptions {
  readonly json?: boolean;
  readonly quote?: string;
  readonly nonce?: string;
}

const isStatus = shape<StatusReport>("node", "state", "trust", "radio", "shard", "alerts", "neighbours", "counters");
const isQuote = shape<QuoteReport>("nonce", "ak_pem", "msg", "sig", "pcrs", "selection");

export async function status(io: CliIo, words: Words, options: StatusOptions): Promise<void> {
  if (options.quote !== undefined) return quote(io, words, options.quote, options);
  if (options.nonce !== undefined) {
    throw new AgentError("USAGE", "--nonce goes with --quote DIR", { fix: "caye status --quote DIR --nonce HEX" });
  }
  const agent = await findAgent(io);
  const report = await agent.get("/v1/status", isStatus);
  io.stdout(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : statusText(report, words, io));
}

function statusText(report: StatusReport, words: Words, io: CliIo): string {
  const { trust, radio, shard } = report;
  const steps = trust.steps.map(({ step, state, ok, ms, detail, fix }) => [
    ok ? "  ✓" : "  ✗",
    step,
    state,
    formatMs(ms),
    fix === "" ? detail : `${detail} (${words.fix}: ${fix})`,
  ]);
  const neighbours = report.neighbours.map(
    (row) => `  ${printable(listed("; ", heardLine(row, words), attestationLine(row, words)))}\n`,
  );
  return [
    `${printable(listed(" · ", report.node, report.author, `caye ${report.version}`))}\n`,
    `${words[report.state]}, ${words.since(formatMs(report.uptime_s * 1000))}\n\n`,
    `${printable(`${words.trust}: ${trust.mode}, ${trust.tpm}`)}\n`,
    table(steps, [3]),
    ...trustLines(trust, words),
    ...radioLines(radio, words).map((line) => `${printable(line)}\n`),
    report.alerts.active === 0 ? "" : alertLine(report.alerts, io),
    `${words.shard}: ${words.shardLine(shard.files, shard.authors, shard.blocks, formatBytes(shard.bytes))}\n`,
    neighbours.length === 0 ? `${words.neighbours}: ${words.noNeighbours}\n` : `${words.neighbours}:\n`,
    ...neighbours,
  ].join("");
}

function heardLine({ author, heard_s_ago, entries }: NeighbourRow, words: Words): string {
  return words.heard(author, formatMs(heard_s_ago * 1000), entries);
}

/** Empty where this node has nothing to judge it by. */
function attestationLine({ attestation }: NeighbourRow, words: Words): string {
  if (attestation === undefined) return "";
  const { state, reason = "", ago_s = 0, by = "" } = attestation;
  const time = formatMs(ago_s * 1000);
  switch (state) {
    case "attested":
      return words.attested(time, by);
    case "failed":
      return words.attestFailed(time, reason, by);
    case "no-answer":
      return words.attestSilent(time);
    case "unattested":
      return words.unattested;
    case "unknown":
      return "";
    default:
      return state satisfies never;
  }
}

/** Those that still stand. */
function trustLines({ words: said = [] }: StatusReport["trust"], words: Words): readonly string[] {
  return said
    .filter(({ open }) => open)
    .map(({ author, about, kind, reason }) => {
      const what = listed(": ", words.trustKinds[kind], reason ?? "");
      return `  ${printable(`${words.trustSays(author, about)}: ${what}`)}\n`;
    });
}

function radioLines(radio: StatusReport["radio"], words: Words): readonly string[] {
  const { link, modem, node_number, preset, region, simulated, clock_speed, detail } = radio;
  const number = node_number === null ? "" : nodeName(node_number);
  const device = simulated ? `${modem} (${words.simulated})` : modem;
  return [
    `${words.radio}: ${listed(", ", link, device, number, preset, region)}`,
    ...(detail === "" ? [] : [`  ${detail}`]),
    ...(clock_speed === 1 ? [] : [`  ${words.faster(clock_speed)}`]),
    ...airLines(radio, words),
  ];
}

/** What a packet waits for stands with the packets; what the law and others take, below. */
function airLines(radio: StatusReport["radio"], words: Words): readonly string[] {
  const { air_used_ms, air_budget_ms, air_law_ms, air_others_ms, duty_cycle, duty_share, queued, silent_s } = radio;
  const line = words.airLine(formatMs(air_used_ms), formatMs(air_budget_ms), queued);
  const waitsFor = queued === 0 ? undefined : words.waitsFor[radio.waiting_for];
  if (duty_cycle === 0) return [`${words.air}: ${line}`];
  const law = duty_cycle < 1 ? formatMs(air_law_ms) : undefined;
  const others = air_others_ms === 0 ? "" : words.airOthers(formatMs(air_others_ms));
  return [
    `${words.air}: ${listed(" ", line, waitsFor ?? "")}`,
    `  ${listed("; ", words.channelUse(percent(radio.channel_use)), others)}`,
    `  ${words.airShare(percent(duty_share), law)}`,
    ...(silent_s === 0 ? [] : [`  ${words.silence(formatMs(1000 * silent_s))}`]),
  ];
}

function percent(ratio: number): string {
  return `${Math.round(100 * ratio)} %`;
}

/** Shown until somebody has read them. */
function alertLine({ active, unread }: StatusReport["alerts"], { env }: CliIo): string {
  const words = alertWordsFor(undefined, env);
  return `${words.alerts}: ${words.statusLine(active, unread)}${unread === 0 ? "" : ": caye alert list"}\n`;
}

/** In quarantine some of it is not known. */
function listed(between: string, ...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(between);
}

/** Writes the four files that `tpm2_checkquote` reads. */
async function quote(io: CliIo, words: Words, directory: string, options: StatusOptions): Promise<void> {
  const { nonce } = options;
  if (nonce !== undefined && !/^(?:[0-9a-f]{2}){16,32}$/i.test(nonce)) {
    throw new AgentError("USAGE", "--nonce takes 16 to 32 bytes in hex", {
      fix: `caye status --quote ${directory} --nonce "$(openssl rand -hex 32)"`,
    });
  }
  const agent = await findAgent(io);
  const report = await agent.post("/v1/quote", nonce === undefined ? {} : { nonce }, isQuote);
  const parts = { msg: fromHex(report.msg), sig: fromHex(report.sig), pcrs: fromHex(report.pcrs) };
  if (parts.msg === undefined || parts.sig === undefined || parts.pcrs === undefined) {
    throw new AgentError("AGENT_STRANGE", "the agent's quote is not in hex");
  }
  await io.makeDirectory(directory);
  const files = {
    "ak.pem": utf8(report.ak_pem),
    "quote.msg": parts.msg,
    "quote.sig": parts.sig,
    "quote.pcrs": parts.pcrs,
  };
  for (const [name, bytes] of Object.entries(files)) {
    await io.writeFile(`${directory}/${name}`, bytes, { exclusive: false });
  }
  const d = shellWord(directory);
  const command = `tpm2_checkquote -u ${d}/ak.pem -m ${d}/quote.msg -s ${d}/quote.sig -f ${d}/quote.pcrs -g sha256 -q ${report.nonce}`;
  const { nonce: used, selection } = report;
  io.stdout(
    options.json === true
      ? `${JSON.stringify({ directory, files: Object.keys(files), nonce: used, selection, command }, null, 2)}\n`
      : `${words.quoteWritten(directory)}\n\n  ${command}\n`,
  );
}
