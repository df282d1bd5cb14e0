/**
 * `caye attest enrol`: how a verifier comes to know a node's TPM. In one go where node and verifier are one machine; else in
 * four steps with files on a stick: request (node), challenge (verifier), answer (node), finish (verifier).
 *
 * Each step may be done again: nothing that an earlier run wrote is lost by it, unless `--again` says so.
 * @module
 */
import type { AttestAnswerReport, AttestRequestReport } from "../../kernel/attest-reports.ts";
import type { EndorsementTrust, EnrolmentResult } from "../../kernel/attest-tools.ts";
import { equalBytes, utf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { printable, safeFileName, shellWord } from "../text.ts";
import { clockS, say } from "./attest-files.ts";
import { authorityKeyOf, dateOf } from "./village.ts";

const isRequest = shape<AttestRequestReport>("id", "name", "request");
const isAnswer = shape<AttestAnswerReport>("answer");
/** The secret of a challenge is in it: whoever reads it could answer in the node's place. */
const PENDING_MODE = 0o600;
const PENDING_SUFFIX = ".pending";

interface Json {
  readonly json?: boolean;
}

export interface TrustOptions {
  /** Files or directories with the certificates of chip makers. */
  readonly roots?: readonly string[];
  readonly pin?: boolean;
}

export interface CertifyOptions {
  readonly authority?: string;
  readonly passphraseFile?: string;
  readonly until?: string;
}

export interface EnrolOptions extends Json, TrustOptions, CertifyOptions {
  readonly out?: string;
  /** `ak.pub` of other tools: nothing else is then known of the key. */
  readonly fromAk?: string;
}

export async function enrolHere(io: CliIo, options: EnrolOptions): Promise<void> {
  const { out } = options;
  if (out === undefined) {
    throw new AgentError("USAGE", "--out FILE is missing: where the enrolment is to be kept", {
      fix: "caye attest enrol --pin --out clinic.enrolment",
    });
  }
  if (options.fromAk !== undefined) return enrolBareKey(io, options.fromAk, out, options);
  const trust = await trustOf(io, options);
  const certify = certificateWish(options);
  const agent = await findAgent(io);
  const tools = await io.attestTools();
  const asked = await agent.getSecret("/v1/attest/request", isRequest);
  const { challenge, pending, endorsement, warnings } = tools.challenge(utf8(asked.request), trust);
  const { answer } = await answerOf(agent, challenge);
  const result = tools.finish(utf8(answer), pending);
  const kept = await keep(io, result, out, certify);
  const all = [...new Set([...warnings, ...result.warnings])];
  const notes = [endorsement, ...all].map((note) => `${printable(note)}\n`).join("");
  say(io, options.json, { ...kept, endorsement, warnings: all }, notes + keptText(kept));
}

/** The first step, on the node. */
export async function enrolRequest(io: CliIo, { out, json }: Json & { readonly out?: string }): Promise<void> {
  const agent = await findAgent(io);
  const { id, name, request } = await agent.getSecret("/v1/attest/request", isRequest);
  const file = out ?? `${fileName(id)}.attest-request`;
  await write(io, file, utf8(request));
  const next = `caye attest enrol challenge ${shellWord(file)} --roots DIR (or --pin)`;
  say(io, json, { id, name, file }, `Wrote ${file}. Bring it to the verifier, and there: ${next}\n`);
}

export interface ChallengeOptions extends Json, TrustOptions {
  readonly out?: string;
  readonly again?: boolean;
}

/** The second step, at the verifier. */
export async function enrolChallenge(io: CliIo, file: string, options: ChallengeOptions): Promise<void> {
  const trust = await trustOf(io, options);
  const request = await readLocal(io, file);
  const tools = await io.attestTools();
  const { challenge, pending, name, endorsement, warnings } = tools.challenge(request, trust);
  const base = file.replace(/\.attest-request$/, "");
  const out = options.out ?? `${base}.challenge`;
  const secret = `${out.replace(/\.challenge$/, "")}${PENDING_SUFFIX}`;
  await refuseSecond(io, out, secret, options.again === true);
  // The secret first: a challenge whose secret is lost would be answered in vain.
  await write(io, secret, pending, PENDING_MODE);
  await write(io, out, challenge);
  const notes = [endorsement, ...warnings].map((note) => `${printable(note)}\n`).join("");
  say(
    io,
    options.json,
    { name, challenge: out, pending: secret, endorsement, warnings },
    `${notes}Wrote ${out} for ${printable(name)}, and ${secret}, which stays here.\n` +
      `On the node: caye attest enrol answer ${shellWord(out)}\n`,
  );
}

/** An answer to the first of two challenges is worth nothing to the second one's secret. */
async function refuseSecond(io: CliIo, challenge: string, pending: string, again: boolean): Promise<void> {
  if (again) return;
  const both = (await io.facts(challenge)) !== undefined && (await io.facts(pending)) !== undefined;
  if (!both) return;
  throw new AgentError("FILE_EXISTS", `${challenge} was made before, and may be answered yet; it was not touched`, {
    fix: `Go on with it on the node: caye attest enrol answer ${shellWord(challenge)}; a new one: --again`,
  });
}

/** The third step, on the node. */
export async function enrolAnswer(io: CliIo, file: string, options: Json & { readonly out?: string }): Promise<void> {
  const challenge = await readLocal(io, file);
  const agent = await findAgent(io);
  const { answer } = await answerOf(agent, challenge);
  const base = file.replace(/\.challenge$/, "");
  const out = options.out ?? `${base}.answer`;
  await write(io, out, utf8(answer));
  const next = `caye attest enrol finish ${shellWord(out)} --pending ${shellWord(`${base}${PENDING_SUFFIX}`)} --out FILE`;
  say(io, options.json, { file: out }, `Wrote ${out}. Bring it back to the verifier, and there: ${next}\n`);
}

export interface FinishOptions extends Json, CertifyOptions {
  readonly pending: string;
  readonly out: string;
}

/** The last step, at the verifier. */
export async function enrolFinish(io: CliIo, file: string, options: FinishOptions): Promise<void> {
  const certify = certificateWish(options);
  const [answer, pending] = [await readLocal(io, file), await readLocal(io, options.pending)];
  const tools = await io.attestTools();
  const result = tools.finish(answer, pending);
  const kept = await keep(io, result, options.out, certify);
  const notes = result.warnings.map((warning) => `${printable(warning)}\n`).join("");
  say(io, options.json, { ...kept, warnings: result.warnings }, notes + keptText(kept));
}

/** What a file says of the node that it enrols. */
export async function showEnrolment(io: CliIo, file: string, { json }: Json): Promise<void> {
  const tools = await io.attestTools();
  const facts = tools.showEnrolment(await readLocal(io, file));
  const known = { chain: "by its maker's certificate", pinned: "pinned by an operator", none: "not at all" };
  const rest = facts.pcrs.length === 0 ? "those of each quote" : facts.pcrs.join(", ");
  say(
    io,
    json,
    facts,
    `${printable(facts.name) || "(no name)"} ${facts.author}\nattestation key: ${facts.key}, ${facts.ak_name}\n` +
      `chip known: ${known[facts.endorsement]}\nPCR: ${rest}\n` +
      `resets, restarts at the last verification: ${facts.reset_count ?? "–"}, ${facts.restart_count ?? "–"}\n`,
  );
}

async function enrolBareKey(io: CliIo, file: string, out: string, { json }: Json): Promise<void> {
  const tools = await io.attestTools();
  const name =
    safeFileName(
      out
        .split("/")
        .at(-1)
        ?.replace(/\.[^.]*$/, "") ?? "",
    ) ?? "";
  const enrolment = tools.bareEnrolment(await readLocal(io, file), name);
  await keepEnrolment(io, out, enrolment);
  const warning = "Nobody proved which chip holds this key, nor what it should show: verify with --quote-only.";
  say(io, json, { enrolment: out, warnings: [warning] }, `Wrote ${out}. ${warning}\n`);
}

function answerOf(agent: AgentClient, challenge: Uint8Array): Promise<AttestAnswerReport> {
  return agent.post("/v1/attest/answer", new Uint8Array(challenge), isAnswer);
}

async function trustOf(io: CliIo, { roots, pin }: TrustOptions): Promise<EndorsementTrust> {
  if ((roots === undefined) === (pin !== true)) {
    throw new AgentError("USAGE", "say how the chip is known: --roots DIR (its maker's certificates) or --pin", {
      fix: "--pin takes the key that answers now on your word: only with the node before you.",
    });
  }
  if (roots === undefined) return { kind: "pin" };
  const files: Uint8Array[] = [];
  for (const place of roots) {
    const isDirectory = (await io.facts(place))?.kind === "directory";
    const names = isDirectory ? (await io.list(place)).filter((name) => /\.(?:pem|crt|cer)$/i.test(name)) : [];
    const paths = isDirectory ? names.map((name) => `${place.replace(/\/+$/, "")}/${name}`) : [place];
    for (const path of paths) files.push(await readLocal(io, path));
  }
  if (files.length === 0) {
    throw new AgentError(
      "FILE_UNREADABLE",
      "there is no certificate (*.pem, *.crt, *.cer) in the directory of --roots",
    );
  }
  const nowS = clockS();
  return { kind: "chain", roots: files, ...(nowS !== undefined && { nowS }) };
}

interface CertificateWish extends CertifyOptions {
  readonly authority: string;
  readonly untilS: number;
}

function certificateWish({ authority, passphraseFile, until }: CertifyOptions): CertificateWish | undefined {
  if (authority === undefined && until === undefined) return undefined;
  if (authority === undefined || until === undefined) {
    throw new AgentError("USAGE", "--authority FILE and --until DATE go together: they make the node's certificate", {
      fix: "for example --authority village.authority --until 2027-12-31",
    });
  }
  return { authority, untilS: dateOf(until), until, ...(passphraseFile === undefined ? {} : { passphraseFile }) };
}

interface Kept {
  readonly name: string;
  readonly author: string;
  readonly enrolment: string;
  /** Null when no authority was named. */
  readonly certificate: string | null;
}

async function keep(
  io: CliIo,
  { enrolment, name, author, node }: EnrolmentResult,
  out: string,
  wish: CertificateWish | undefined,
): Promise<Kept> {
  if (wish === undefined) {
    await keepEnrolment(io, out, enrolment);
    return { name, author, enrolment: out, certificate: null };
  }
  if (node === undefined) {
    throw new AgentError("CERTIFICATE_INVALID", "a certificate names an attestation key of P-256, and this one is RSA");
  }
  // The authority's key opens before anything is written: a wrong passphrase leaves nothing half done.
  const village = await io.villageTools();
  const { authority, untilS, passphraseFile } = wish;
  const key = await authorityKeyOf(io, { authority, ...(passphraseFile === undefined ? {} : { passphraseFile }) });
  const certificate = village.certify(village.openAuthority(key), node, Math.floor(Date.now() / 1000), untilS);
  await keepEnrolment(io, out, enrolment);
  const file = `${out.replace(/\.enrolment$/, "")}.certificate`;
  await write(io, file, certificate);
  return { name, author, enrolment: out, certificate: file };
}

/** An enrolment that is there already may know newer counters: only the same one is written again. */
async function keepEnrolment(io: CliIo, out: string, enrolment: Uint8Array): Promise<void> {
  const there = (await io.facts(out))?.kind === "file" ? await readLocal(io, out) : undefined;
  if (there !== undefined && equalBytes(there, enrolment)) return;
  const place = await placeFor(io, { name: "node.enrolment", output: out, command: undefined });
  await save(io, place, new Uint8Array(enrolment));
}

function keptText({ name, author, enrolment, certificate }: Kept): string {
  const lines = [`Wrote ${enrolment}: ${printable(name)} (${author}) is enrolled. Keep it where only you write.`];
  if (certificate !== null) {
    lines.push(`Wrote ${certificate}: bring it to the node, and there: caye village join ${shellWord(certificate)}`);
  }
  return `${lines.join("\n")}\n`;
}

async function write(io: CliIo, file: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const advice = "Name another place: --out FILE";
  await save(io, { file, overwrite: true, advice, ...(mode === undefined ? {} : { mode }) }, new Uint8Array(bytes));
}

/** The agent's word on its own id is no path. */
function fileName(id: string): string {
  return safeFileName(id) ?? "node";
}
