/** `caye attest policy`: which states are right, by the authority's word, and approvals of states that are to come. @module */
import type { ReferenceReport } from "../../kernel/attest-reports.ts";
import { OWN_EVENTS, type OwnDigests } from "../../kernel/attest.ts";
import { fromHex, fromUtf8, type Bytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { AuthoritySigner } from "../../kernel/village.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { printable, shellWord } from "../text.ts";
import { authorityOf, say } from "./attest-files.ts";
import { authorityKeyOf } from "./village.ts";

const isReference = shape<ReferenceReport>("runtime", "code", "config", "policy");
const DIGEST_BYTES = 32;

interface Json {
  readonly json?: boolean;
}

interface SignerOptions {
  readonly authority: string;
  readonly passphraseFile?: string;
}

export interface SignOptions extends Json, SignerOptions {
  readonly out: string;
}

export async function signPolicy(io: CliIo, file: string, options: SignOptions): Promise<void> {
  const body = await readLocal(io, file);
  const tools = await io.attestTools();
  const signed = tools.signPolicy(body, await signerOf(io, options));
  const { version, from, until } = tools.showPolicy(signed, undefined);
  await write(io, options.out, signed);
  say(
    io,
    options.json,
    { file: options.out, version, from, until },
    `Wrote ${options.out}: policy ${version}, from ${from} until ${until}\n`,
  );
}

export async function showPolicy(
  io: CliIo,
  file: string,
  { authority, json }: Json & { readonly authority?: string },
): Promise<void> {
  const named = authority === undefined ? undefined : authorityOf(authority);
  const tools = await io.attestTools();
  const facts = tools.showPolicy(await readLocal(io, file), named);
  const said = { good: "signed by that authority", bad: "NOT signed by that authority", unchecked: "not checked" };
  const { version, from, until, body, signatures } = facts;
  say(
    io,
    json,
    facts,
    `policy ${version}, from ${from} until ${until}\nsignatures: ${said[signatures]}` +
      `${signatures === "unchecked" ? " (--authority HEX)" : ""}\n${printable(JSON.stringify(body))}\n`,
  );
  if (signatures === "bad") io.setExitCode(1);
}

export interface ReferenceOptions extends Json {
  readonly code?: string;
  readonly config?: string;
  readonly policy?: string;
}

/** Digests of what runs, or of what is to run; by the agent, which measures as it does at its start. */
export async function reference(io: CliIo, options: ReferenceOptions): Promise<void> {
  const report = await referenceBy(io, options);
  say(
    io,
    options.json,
    report,
    Object.entries(report)
      .map(([name, digest]) => `${name.padEnd(8)} ${digest}\n`)
      .join(""),
  );
}

export interface ApproveOptions extends ReferenceOptions, SignerOptions {
  readonly enrolment: string;
  /** What `policy reference --json` printed elsewhere. */
  readonly reference?: string;
  /** As `caye doctor` of a node that is shut names it. */
  readonly digest?: string;
  readonly out: string;
}

export async function approveState(io: CliIo, options: ApproveOptions): Promise<void> {
  const enrolment = await readLocal(io, options.enrolment);
  const state = await plannedState(io, options);
  const tools = await io.attestTools();
  const { name } = tools.showEnrolment(enrolment);
  const approval = tools.approve({ enrolment, ...state }, await signerOf(io, options));
  await write(io, options.out, approval);
  say(
    io,
    options.json,
    { file: options.out, name },
    `Wrote ${options.out}: ${printable(name)} may open its store in that state. ` +
      `On the node: caye allow-update --approval ${shellWord(options.out)}\n`,
  );
}

type PlannedState = { readonly own: Partial<OwnDigests> } | { readonly digest: Bytes };

async function plannedState(io: CliIo, options: ApproveOptions): Promise<PlannedState> {
  const { reference: file, digest, code, config, policy } = options;
  const byAgent = code !== undefined || config !== undefined || policy !== undefined;
  const ways = [file !== undefined, digest !== undefined, byAgent].filter(Boolean).length;
  if (ways !== 1) {
    throw new AgentError(
      "USAGE",
      "say which state: --reference FILE, --digest HEX, or what will run (--code, --config, --policy)",
      { fix: "caye attest policy reference --code DIR --json > next.json, on a node that will run it" },
    );
  }
  if (digest !== undefined) return { digest: digestOf(digest, "--digest") };
  if (file === undefined) return { own: ownOf(await referenceBy(io, options)) };
  const own = ownOf(parsed(await readLocal(io, file)));
  if (Object.keys(own).length > 0) return { own };
  throw new AgentError("REFERENCE_INVALID", `${file}: these are no reference digests`, {
    fix: "caye attest policy reference --json makes such a file",
  });
}

/** Everything that the agent measures; or only what was asked for, since the rest is this machine's own. */
async function referenceBy(io: CliIo, { code, config, policy }: ReferenceOptions): Promise<Partial<ReferenceReport>> {
  const agent = await findAgent(io);
  const body = {
    ...(code === undefined ? {} : { code: io.resolve(code) }),
    ...(config === undefined ? {} : { config: io.resolve(config) }),
    ...(policy === undefined ? {} : { policy: Buffer.from(await readLocal(io, policy)).toString("base64") }),
  };
  const report = await agent.post("/v1/attest/reference", body, isReference);
  if (Object.keys(body).length === 0) return report;
  return {
    ...(code === undefined ? {} : { runtime: report.runtime, code: report.code }),
    ...(config === undefined ? {} : { config: report.config }),
    ...(policy === undefined ? {} : { policy: report.policy }),
  };
}

function ownOf(report: unknown): Partial<OwnDigests> {
  if (typeof report !== "object" || report === null) return {};
  const digests = Object.entries(report).filter(([name]) => OWN_EVENTS.some((event) => event === name));
  return Object.fromEntries(digests.map(([name, hex]) => [name, digestOf(hex, `the digest of ${name}`)]));
}

function digestOf(hex: unknown, what: string): Bytes {
  const bytes = typeof hex === "string" ? fromHex(hex) : undefined;
  if (bytes?.length === DIGEST_BYTES) return bytes;
  throw new AgentError("USAGE", `${what} has to be 64 hex digits`, {
    fix: "caye attest policy reference prints such digests",
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    return undefined;
  }
}

async function signerOf(io: CliIo, options: SignerOptions): Promise<AuthoritySigner> {
  const tools = await io.villageTools();
  return tools.openAuthority(await authorityKeyOf(io, options));
}

async function write(io: CliIo, out: string, bytes: Uint8Array): Promise<void> {
  const place = await placeFor(io, { name: out, output: out, command: "caye attest policy" });
  await save(io, place, new Uint8Array(bytes));
}
