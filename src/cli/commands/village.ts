/** `caye village …` and `caye roster`: who belongs to the village, and the key that it shares. @module */
import { utf8, fromUtf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { AuthorityKey, RequestReport, RosterReport, StatementReport } from "../../kernel/village.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { printable, table } from "../text.ts";

const isRoster = shape<RosterReport>("authority", "members", "others", "revoked");
const isRequest = shape<RequestReport>("id", "name", "request");
const isStatement = shape<StatementReport>("verdict");
/** Of a secret: for its owner's eyes. */
const SECRET_MODE = 0o600;

export interface CreateOptions {
  readonly out?: string;
  readonly passphraseFile?: string;
}

export async function createVillage(io: CliIo, { out, passphraseFile }: CreateOptions): Promise<void> {
  const place = await placeFor(io, { name: "village.authority", output: out, command: "caye village create" });
  // Overwriting would end a village: not even when the file is named.
  if ((await io.facts(place.file)) !== undefined) {
    throw new AgentError("FILE_EXISTS", `${place.file} exists already; it was not touched`, {
      fix: "name another file: --out FILE",
    });
  }
  const tools = await io.villageTools();
  const { file, authority } = tools.createAuthority(await passphraseOf(io, passphraseFile));
  await save(io, { ...place, overwrite: false, mode: SECRET_MODE }, new Uint8Array(file));
  io.stdout(
    `Wrote the authority's secret to ${place.file}: keep it off the network, and a copy elsewhere.\n` +
      `Into the configuration of each node:\n\n[village]\nauthority = "${authority}"\n`,
  );
}

export interface KeyOptions {
  readonly out?: string;
  readonly number: number;
}

export async function groupKey(io: CliIo, { out, number }: KeyOptions): Promise<void> {
  const place = await placeFor(io, { name: "group.key", output: out, command: "caye village key" });
  const tools = await io.villageTools();
  const file = new Uint8Array(tools.createGroupKey(number));
  await save(io, { ...place, overwrite: false, mode: SECRET_MODE }, file);
  io.stdout(
    `Wrote group key ${number} to ${place.file}. Carry it to each node by hand, and name it there:\n\n` +
      `[village]\ngroup_key_file = "${io.resolve(place.file)}"\n`,
  );
}

export async function villageRequest(io: CliIo, { out }: { readonly out?: string }): Promise<void> {
  const agent = await findAgent(io);
  const { request, id } = await agent.getSecret("/v1/village/request", isRequest);
  if (out === undefined) {
    io.stdout(request);
    return;
  }
  const place = await placeFor(io, { name: `${id}.request`, output: out, command: "caye village request" });
  io.stdout(`Wrote ${await save(io, place, utf8(request))}: bring it to who holds the authority's key\n`);
}

export interface EnrolOptions {
  readonly authority: string;
  readonly until: string;
  readonly out?: string;
  readonly passphraseFile?: string;
}

export async function enrol(io: CliIo, file: string, options: EnrolOptions): Promise<void> {
  const request = await readLocal(io, file);
  const untilS = dateOf(options.until);
  const tools = await io.villageTools();
  const certificate = tools.enrol(await keyOf(io, options), request, nowS(), untilS);
  const wanted = { name: `${certificate.id}.certificate`, output: options.out, command: "caye village enrol" };
  const saved = await save(io, await placeFor(io, wanted), new Uint8Array(certificate.file));
  io.stdout(
    `Wrote ${saved}: ${printable(certificate.name)} (${certificate.id}) belongs to the village until ${options.until}.\n` +
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
  }
  if (options.json === true) io.stdout(`${JSON.stringify({ statements: reports }, null, 2)}\n`);
  else for (const { file, verdict } of reports) io.stdout(`${file}: ${VERDICTS[verdict]}\n`);
}

const VERDICTS: Readonly<Record<StatementReport["verdict"], string>> = {
  new: "taken, and told to the neighbours",
  known: "known already",
  stale: "passed over: a later one is known",
};

export interface RevokeOptions {
  readonly authority: string;
  readonly passphraseFile?: string;
}

export async function revoke(io: CliIo, ids: readonly string[], options: RevokeOptions): Promise<void> {
  const agent = await findAgent(io);
  const roster = await agent.get("/v1/roster", isRoster);
  const serials = ids.map((id) => serialOf(roster, id));
  const tools = await io.villageTools();
  // Lists are told apart by their time; two in one second by one more.
  const number = Math.max(nowS(), roster.revocations + 1);
  const current = new Set(roster.members.map(({ serial }) => serial));
  const kept = roster.revoked.filter((serial) => current.has(serial));
  const list = tools.revoke(await keyOf(io, options), [...kept, ...serials], number);
  await agent.post("/v1/village/statements", new Uint8Array(list), isStatement);
  io.stdout(`Revoked, and told to the neighbours: ${ids.join(", ")}\n`);
}

export async function roster(io: CliIo, { json }: { readonly json?: boolean }): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.get("/v1/roster", isRoster);
  if (json === true) {
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  if (report.authority === "") {
    io.stdout("This node knows no authority, so every author is as good as another. caye village create makes one.\n");
    return;
  }
  const rows = report.members.map(({ name, id, radio, standing, until, post_quantum: proven, ...rest }) => [
    name,
    id,
    `!${radio.toString(16).padStart(8, "0")}`,
    standing,
    until.slice(0, 10),
    proven ? "yes" : "no",
    String(rest.entries),
    rest.contradicted ? "CONTRADICTED" : String(rest.checkpointed),
  ]);
  const head = ["NAME", "AUTHOR", "RADIO", "STANDING", "UNTIL", "ML-DSA", "ENTRIES", "CHECKPOINTED"];
  if (rows.length > 0) io.stdout(table([head, ...rows], [6]));
  if (rows.length === 0) io.stdout("Nobody is enrolled yet: caye village request, enrol, join\n");
  const others = report.others.map((label) => `${printable(label)}: no certificate (${report.strangers})\n`);
  io.stdout(others.join(""));
}

function serialOf({ members }: RosterReport, id: string): number {
  const found = members.filter((member) => member.id.startsWith(id.toLowerCase()) && id.length >= 8);
  if (found[0] !== undefined && found.length === 1) return found[0].serial;
  throw new AgentError("NOT_FOUND", `${printable(id)} names no member`, {
    fix: "caye roster lists them, with their ids",
  });
}

async function keyOf(
  io: CliIo,
  { authority, passphraseFile }: { readonly authority: string; readonly passphraseFile?: string },
): Promise<AuthorityKey> {
  return { file: await readLocal(io, authority), passphrase: await passphraseOf(io, passphraseFile) };
}

async function passphraseOf(io: CliIo, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = fromUtf8(await readLocal(io, file))?.replace(/\r?\n$/, "") ?? "";
  if (text.length >= 8) return text;
  throw new AgentError("USAGE", `${file} holds no passphrase of 8 characters or more`);
}

/** The end of that day, in Unix seconds. */
function dateOf(text: string): number {
  const endMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T23:59:59Z`) : Number.NaN;
  if (Number.isFinite(endMs)) return Math.floor(endMs / 1000);
  throw new AgentError("USAGE", "--until takes a date", { fix: "for example --until 2027-12-31" });
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
