/** `caye attest quote | verify | watch`: what a node's TPM says of it, and what that is worth to whoever asks. @module */
import type { EvidenceReport, VerdictReport, WatchReport } from "../../kernel/attest-reports.ts";
import { verdictReport } from "../../kernel/attest-verdict.ts";
import { toHex } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { readLocal, save } from "../local-files.ts";
import { printable, shellWord } from "../text.ts";
import { authorityOf, clockS, nonceOf, readEvidence, say } from "./attest-files.ts";

const isEvidence = shape<EvidenceReport>("nonce", "pcrs", "files");
const isWatch = shape<WatchReport>("author", "name");

export interface QuoteOptions {
  readonly nonce: string;
  readonly out: string;
  readonly key: "ecc" | "rsa";
  readonly json?: boolean;
}

/** Writes the four files that `tpm2_checkquote` reads, and beside them the key and the logs. */
export async function quoteNode(io: CliIo, { nonce, out, key, json }: QuoteOptions): Promise<void> {
  const hex = toHex(nonceOf(nonce));
  const agent = await findAgent(io);
  const { pcrs, files } = await agent.post("/v1/attest/quote", { nonce: hex, key }, isEvidence);
  await io.makeDirectory(out);
  const advice = "Name another directory: --out DIR";
  for (const [name, base64] of Object.entries(files)) {
    if (!/^[\w-]+(?:\.[\w-]+)*$/.test(name)) throw new AgentError("AGENT_STRANGE", "the agent's quote has other files");
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    await save(io, { file: `${out}/${name}`, overwrite: true, advice }, bytes);
  }
  const d = shellWord(out);
  const command = `tpm2_checkquote -u ${d}/ak.pem -m ${d}/quote.msg -s ${d}/quote.sig -f ${d}/quote.pcrs -g sha256 -q ${hex}`;
  say(
    io,
    json,
    { directory: out, files: Object.keys(files), nonce: hex, pcrs, command },
    `Wrote the quote over PCR ${pcrs.join(", ")} to ${out}. Who enrolled this node checks it without an agent:\n\n` +
      `  caye attest verify --nonce ${hex} --enrolment FILE ${d}\n\nTools of others check the signature and the values:\n\n` +
      `  ${command}\n`,
  );
}

export interface VerifyOptions {
  readonly nonce: string;
  readonly enrolment: string;
  readonly policy?: string;
  readonly authority?: string;
  readonly reboots: number;
  readonly quoteOnly?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Ends with 0 or 1 by the verdict, and keeps the counters of a good one. */
export async function verifyQuote(io: CliIo, directory: string, options: VerifyOptions): Promise<void> {
  const nonce = nonceOf(options.nonce);
  const policy = await policyOf(io, options);
  const enrolment = await readLocal(io, options.enrolment);
  const files = await readEvidence(io, directory);
  const tools = await io.attestTools();
  const nowS = clockS();
  const { reboots, quoteOnly = false } = options;
  const asked = { files, enrolment, nonce, reboots, quoteOnly };
  const result = tools.verify({ ...asked, ...(policy && { policy }), ...(nowS !== undefined && { nowS }) });
  const updated = result.enrolment !== undefined && options.dryRun !== true;
  // Before it is said: who trusts the answer must not find the old counters next time.
  if (result.enrolment !== undefined && updated) {
    const place = { file: options.enrolment, overwrite: true, advice: "Make the enrolment's file writable." };
    await save(io, place, new Uint8Array(result.enrolment));
  }
  const report = verdictReport(result);
  say(io, options.json, { ...report, enrolment_updated: updated }, verdictText(report, quoteOnly));
  if (!report.ok) io.setExitCode(1);
}

async function policyOf(io: CliIo, { policy, authority }: VerifyOptions) {
  if (policy === undefined && authority === undefined) return undefined;
  if (policy !== undefined && authority !== undefined) {
    return { authority: authorityOf(authority), file: await readLocal(io, policy) };
  }
  throw new AgentError("USAGE", "--policy FILE and --authority HEX go together", {
    fix: "The authority's 128 hex digits stand in the configuration of each node: [village] authority",
  });
}

function verdictText(report: VerdictReport, quoteOnly: boolean): string {
  const { ok, name, reason, detail, fix, warnings, counters } = report;
  const of = name === "" ? "" : ` (${printable(name)})`;
  if (!ok || counters === null)
    return `${reason}: ${printable(detail)}${of}\n${fix === "" ? "" : `${printable(fix)}\n`}`;
  const restarts = `${counters.reset_count} resets and ${counters.restart_count} restarts of its TPM so far`;
  const shown = quoteOnly ? "by the enrolled key" : "and shows what was expected";
  return [
    `attested: the quote answers this nonce, ${shown}${of}; ${restarts}\n`,
    ...warnings.map((warning) => `Note: ${printable(warning)}\n`),
  ].join("");
}

/** Hands a neighbour's enrolment to this node, which asks that neighbour over the radio from then on. */
export async function watchNeighbour(io: CliIo, file: string, { json }: { readonly json?: boolean }): Promise<void> {
  const enrolment = await readLocal(io, file);
  const agent = await findAgent(io);
  const report = await agent.post("/v1/attest/neighbours", enrolment, isWatch);
  const { name, author } = report;
  say(io, json, report, `This node asks ${printable(name)} (${printable(author)}) for its quote from now on\n`);
}
