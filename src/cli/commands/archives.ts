/** `caye export` and `caye import`: files as CAR archives, to carry on a stick. @module */
import { base32 } from "multiformats/bases/base32";
import { concatBytes, startsWith, utf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { FilesReport, ImportReport } from "../../kernel/reports.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { formatBytes, printable, safeFileName, quoted } from "../text.ts";
import type { Words } from "../words.ts";

export interface ExportOptions {
  readonly json?: boolean;
  readonly output?: string;
}

export interface ImportOptions {
  readonly json?: boolean;
  readonly name?: string;
}

const isFiles = shape<FilesReport>("files");
const isImport = shape<ImportReport>("cid", "name", "bytes", "blocks", "seq");

/** A text of this form is never taken for a name. */
const CID = /^b[a-z2-7]{58}$/;
/** CBOR of `{roots: [CID], version: 1}`, around the CID's 36 bytes; the length comes first. */
const CAR_HEAD = concatBytes(Uint8Array.of(58, 0xa2, 0x65), utf8("roots"), Uint8Array.of(0x81, 0xd8, 42, 0x58, 37, 0));
const CAR_HEAD_END = concatBytes(Uint8Array.of(0x67), utf8("version"), Uint8Array.of(1));

export async function exportFile(io: CliIo, words: Words, target: string, options: ExportOptions): Promise<void> {
  const agent = await findAgent(io);
  const { cid, name } = CID.test(target) ? { cid: target, name: "" } : await findByName(agent, target);
  const place = await placeFor(io, {
    name: `${safeFileName(name) ?? cid}.car`,
    output: options.output,
    command: `caye export ${quoted(printable(target))}`,
  });
  const archive = await agent.bytes(`/v1/cars/${cid}`);
  demandArchiveOf(cid, archive);
  const file = await save(io, place, archive);
  if (options.json === true) io.stdout(`${JSON.stringify({ cid, name, bytes: archive.length, file }, null, 2)}\n`);
  else io.stdout(`${words.archived(printable(name || cid), file, formatBytes(archive.length))}\n`);
}

async function findByName(
  agent: AgentClient,
  target: string,
): Promise<{ readonly cid: string; readonly name: string }> {
  const name = target.normalize("NFC");
  const { files } = await agent.get("/v1/files", isFiles);
  const rows = files.filter((row) => row.name === name || row.ref === target);
  const [row] = rows;
  if (row === undefined) {
    throw new AgentError("NOT_FOUND", `nobody here knows a file called ${name}`, {
      fix: "See `caye ls`; names are matched exactly.",
    });
  }
  const held = rows.flatMap(({ held, cid, author }) => (held && cid !== null ? [{ cid, author }] : []));
  const [first, ...others] = held;
  if (first === undefined) {
    throw new AgentError("FILE_MISSING", `${name} is not on this node`, { fix: `Get it first: caye get ${row.ref}` });
  }
  if (others.every(({ cid }) => cid === first.cid)) return { cid: first.cid, name: row.name };
  // An archive is often the only copy: which of them it holds must not be a guess.
  throw new AgentError("NAME_AMBIGUOUS", `${held.length} authors have different files called ${name}`, {
    fix: `Name one by its CID:\n${held.map(({ cid, author }) => `  ${cid}  ${author}`).join("\n")}`,
  });
}

/** The agent checked every block; this checks that it is the archive that was asked for. */
function demandArchiveOf(cid: string, archive: Uint8Array): void {
  if (startsWith(archive, concatBytes(CAR_HEAD, base32.decode(cid), CAR_HEAD_END))) return;
  throw new AgentError(
    "CONTENT_WRONG",
    "what the agent handed over is not the archive of that file; nothing was saved",
  );
}

export async function importFile(io: CliIo, words: Words, file: string, options: ImportOptions): Promise<void> {
  const agent = await findAgent(io);
  const archive = await readLocal(io, file);
  const query = options.name === undefined ? "" : `?name=${encodeURIComponent(options.name)}`;
  const report = await agent.post(`/v1/cars${query}`, archive, isImport);
  if (options.json === true) {
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const { cid, name, bytes, blocks } = report;
  const size = formatBytes(bytes);
  const line =
    name === "" ? words.importedUnnamed(size, blocks, cid) : words.imported(printable(name), size, blocks, cid);
  io.stdout(`${line}\n`);
}
