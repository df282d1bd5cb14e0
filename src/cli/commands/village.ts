/** `caye village …` and `caye roster`: who belongs to the village, and the key that it shares. @module */
import { utf8, fromUtf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type {
  AuthorityKey,
  AuthorityKeys,
  MemberRow,
  RequestReport,
  RosterReport,
  StatementReport,
} from "../../kernel/village.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { type Place, placeFor, readLocal, save } from "../local-files.ts";
import { nodeName, printable, quoted, table } from "../text.ts";
import { wordsFor } from "../words.ts";
import { handoverLines } from "./files.ts";

const isRoster = shape<RosterReport>("authority", "members", "others", "revoked");
const isRequest = shape<RequestReport>("id", "name", "request");
const isStatement = shape<StatementReport>("verdict");
/** Of a secret: for its owner's eyes. */
const SECRET_MODE = 0o600;

export interface CreateOptions {
  readonly out?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function createVillage(io: CliIo, { out, passphraseFile, json }: CreateOptions): Promise<void> {
  // Overwriting would end a village: not even when the file is named.
  const place = await placeFor(io, { name: "village.authority", output: out, command: undefined });
  const tools = await io.villageTools();
  const { file, ...keys } = tools.createAuthority(await passphraseOf(io, passphraseFile));
  await saveAuthority(io, place, { file, keys, json });
}

export interface MadeAuthority {
  readonly file: Uint8Array;
  readonly keys: AuthorityKeys;
  readonly json: boolean | undefined;
}

/** Its secret to the disk, and its public keys to whoever reads. */
export async function saveAuthority(io: CliIo, place: Place, { file, keys, json }: MadeAuthority): Promise<void> {
  await save(io, { ...place, mode: SECRET_MODE }, new Uint8Array(file));
  say(
    io,
    json,
    { file: place.file, ...named(keys) },
    `Wrote the authority's secret to ${place.file}: keep it off the network, and a copy elsewhere.\n` +
      configurationLines(keys),
  );
}

export interface ShowOptions {
  readonly authority: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** What the configuration names of an authority that was made before. */
export async function showVillage(io: CliIo, options: ShowOptions): Promise<void> {
  const tools = await io.villageTools();
  const keys = tools.openAuthority(await authorityKeyOf(io, options));
  say(io, options.json, named(keys), configurationLines(keys));
}

function named({ authority, updateKey }: AuthorityKeys) {
  return { authority, update_key: updateKey };
}

function configurationLines({ authority, updateKey }: AuthorityKeys): string {
  return (
    `Into the configuration of each node:\n\n[village]\nauthority = "${authority}"\n\n` +
    `[trust]\nupdate_key = "${updateKey}"\n`
  );
}

export interface KeyOptions {
  readonly out?: string;
  readonly number: number;
  readonly json?: boolean;
}

export async function groupKey(io: CliIo, { out, number, json }: KeyOptions): Promise<void> {
  const place = await placeFor(io, { name: "group.key", output: out, command: undefined });
  const tools = await io.villageTools();
  const file = new Uint8Array(tools.createGroupKey(number));
  await save(io, { ...place, mode: SECRET_MODE }, file);
  say(
    io,
    json,
    { file: io.resolve(place.file), number },
    `Wrote group key ${number} to ${place.file}. Carry it to each node by hand, and name it there:\n\n` +
      `[village]\ngroup_key_file = "${io.resolve(place.file)}"\n`,
  );
}

export interface RequestOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export async function villageRequest(io: CliIo, { out, json }: RequestOptions): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.getSecret("/v1/village/request", isRequest);
  const { request, id } = report;
  if (out === undefined) return say(io, json, report, request);
  const place = await placeFor(io, { name: `${id}.request`, output: out, command: "caye village request" });
  const file = await save(io, place, utf8(request));
  say(io, json, { ...report, file }, `Wrote ${file}: bring it to who holds the authority's key\n`);
}

export interface EnrolOptions {
  readonly authority: string;
  readonly until: string;
  readonly out?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function enrol(io: CliIo, file: string, options: EnrolOptions): Promise<void> {
  const request = await readLocal(io, file);
  const { until, out, json } = options;
  const untilS = dateOf(until);
  const tools = await io.villageTools();
  const certificate = tools.enrol(await authorityKeyOf(io, options), request, nowS(), untilS);
  const { id, name } = certificate;
  const command = `caye village enrol ${quoted(file)} --authority ${quoted(options.authority)} --until ${until}`;
  const place = await placeFor(io, { name: `${id}.certificate`, output: out, command });
  const saved = await save(io, place, new Uint8Array(certificate.file));
  say(
    io,
    json,
    { id, name, until, file: saved },
    `Wrote ${saved}: ${printable(name)} (${id}) belongs to the village until ${until}.\n` +
      `On a node that is enrolled already, and on its own: caye village join ${saved}\n`,
  );
}

export async function joinVillage(
  io: CliIo,
  files: readonly string[],
  options: { readonly json?: boolean },
): Promise<void> {
  const agent = await findAgent(io);
  const reports: (StatementReport & { readonly file: string })[] = [];
  for (const file of files) {
    const { verdict } = await agent.post("/v1/village/statements", await readLocal(io, file), isStatement);
    reports.push({ file, verdict });
    // At once: a later file that is refused does not undo this one.
    if (options.json !== true) io.stdout(`${file}: ${VERDICTS[verdict]}\n`);
  }
  if (options.json === true) say(io, true, { statements: reports }, "");
}

const VERDICTS: Readonly<Record<StatementReport["verdict"], string>> = {
  new: "taken, and told to the neighbours",
  known: "known already",
  stale: "passed over: a later one is known",
};

export interface RevokeOptions {
  readonly authority: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function revoke(io: CliIo, ids: readonly string[], options: RevokeOptions): Promise<void> {
  const agent = await findAgent(io);
  const roster = await agent.get("/v1/roster", isRoster);
  const members = ids.map((id) => memberOf(roster, id));
  const known = members.filter(({ standing }) => standing === "revoked").map(({ id }) => id);
  const fresh = [...new Set(members.filter(({ standing }) => standing !== "revoked"))];
  const told = known.map((id) => `${id} was revoked before\n`).join("");
  if (fresh.length === 0) {
    // A second list would cost the village air, and say nothing.
    return say(io, options.json, { revoked: [], known, number: roster.revocations }, `${told}Nothing new to tell.\n`);
  }
  const tools = await io.villageTools();
  // Lists are told apart by their time; two in one second by one more.
  const number = Math.max(nowS(), roster.revocations + 1);
  const current = new Set(roster.members.map(({ serial }) => serial));
  const kept = roster.revoked.filter((serial) => current.has(serial));
  const serials = fresh.map(({ serial }) => serial);
  const list = tools.revoke(await authorityKeyOf(io, options), [...kept, ...serials], number);
  await agent.post("/v1/village/statements", new Uint8Array(list), isStatement);
  const revoked = fresh.map(({ id }) => id);
  const names = fresh.map(({ id, name }) => `${printable(name)} (${id})`).join(", ");
  say(io, options.json, { revoked, known, number }, `${told}Revoked, and told to the neighbours: ${names}\n`);
}

export async function roster(io: CliIo, { json }: { readonly json?: boolean }): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.get("/v1/roster", isRoster);
  if (json === true) return say(io, true, report, "");
  if (report.authority === "") {
    io.stdout("This node knows no authority, so every author is as good as another. caye village create makes one.\n");
    return;
  }
  const rows = report.members.map(({ name, id, radio, standing, until, post_quantum: proven, ...rest }) => [
    name,
    id,
    nodeName(radio),
    standing,
    until.slice(0, 10),
    proven ? "yes" : "no",
    rest.attestation_key === "" ? "no" : rest.attestation_key.slice(2, 10),
    String(rest.entries),
    rest.contradicted ? "CONTRADICTED" : String(rest.checkpointed),
  ]);
  const head = ["NAME", "AUTHOR", "RADIO", "STANDING", "UNTIL", "ML-DSA", "TPM", "ENTRIES", "CHECKPOINTED"];
  if (rows.length > 0) io.stdout(table([head, ...rows], [7]));
  if (rows.length === 0) io.stdout("Nobody is enrolled yet: caye village request, enrol, join\n");
  const others = report.others.map((label) => `${printable(label)}: no certificate (${report.strangers})\n`);
  io.stdout(others.join(""));
  io.stdout(
    handoverLines(wordsFor(io.env), report.handovers)
      .map((line) => `${line}\n`)
      .join(""),
  );
}

function memberOf({ members }: RosterReport, id: string): MemberRow {
  const found = members.filter((member) => member.id.startsWith(id.toLowerCase()) && id.length >= 8);
  if (found[0] !== undefined && found.length === 1) return found[0];
  throw new AgentError("NOT_FOUND", `${printable(id)} names no member`, {
    fix: "caye roster lists them, with their ids",
  });
}

/** @throws AgentError "FILE_UNREADABLE", "USAGE" */
export async function authorityKeyOf(
  io: CliIo,
  { authority, passphraseFile }: { readonly authority: string; readonly passphraseFile?: string },
): Promise<AuthorityKey> {
  const file = await readLocal(io, authority);
  const passphrase = await passphraseOf(io, passphraseFile);
  if (!/^caye-authority 1 tpm /m.test(fromUtf8(file) ?? "")) return { file, passphrase };
  const tools = await io.provisionTools();
  return { file: await tools.openSealedAuthority(file), passphrase };
}

export async function passphraseOf(io: CliIo, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = fromUtf8(await readLocal(io, file))?.replace(/\r?\n$/, "") ?? "";
  if (text.length >= 8) return text;
  throw new AgentError("USAGE", `${file} holds no passphrase of 8 characters or more`);
}

/** The end of that day, in Unix seconds. @throws AgentError "USAGE" unless it is a day to come */
export function dateOf(text: string): number {
  const endMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T23:59:59Z`) : Number.NaN;
  const fix = "for example --until 2027-12-31";
  // `Date` reads a 31st of February as a day in March.
  if (!Number.isFinite(endMs) || !new Date(endMs).toISOString().startsWith(text)) {
    throw new AgentError("USAGE", `--until takes a date, and ${printable(text)} is none`, { fix });
  }
  if (endMs / 1000 > nowS()) return Math.floor(endMs / 1000);
  throw new AgentError("USAGE", `--until ${text} is over by this machine's clock`, { fix });
}

function say(io: CliIo, json: boolean | undefined, value: object, text: string): void {
  io.stdout(json === true ? `${JSON.stringify(value, null, 2)}\n` : text);
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
