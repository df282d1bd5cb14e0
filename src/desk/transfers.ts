/**
 * Files on request: from the shard when they are here, else over the air.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import type { GetReport } from "../kernel/reports.ts";
import type { StartedGet } from "../api/view.ts";
import { codecOf, parseCid, type Cid } from "../dag/cid.ts";
import { decodeManifest } from "../dag/manifest.ts";
import { MAX_AIR_BYTES } from "../exchange/fetch.ts";
import type { Transfer, TransferTarget } from "../exchange/transfer.ts";
import { isSettling, type DeskParts, type OpenParts } from "./parts.ts";

export async function startGet(parts: DeskParts, open: OpenParts, nameOrCid: string): Promise<StartedGet> {
  const target = await findTarget(open, nameOrCid);
  if (target === undefined) throw notFound(parts, open, nameOrCid);
  const id = target.cid.toString();
  if (target.held) return { id, report: heldReport(target) };
  if (target.bytes > MAX_AIR_BYTES) {
    throw new AgentError(
      "FILE_TOO_LARGE",
      `${target.name} has ${target.bytes} bytes; by radio at most ${MAX_AIR_BYTES}`,
      {
        fix: "Carry it on a stick to this node and put it, or wait for a link to the internet.",
      },
    );
  }
  const transfer = await open.exchange.fetch(target);
  if (transfer === undefined) {
    throw new AgentError("TOO_MANY", "eight files are being fetched already", { fix: "Wait until one has arrived." });
  }
  return { id, report: await underWay(open, transfer) };
}

export async function transferReport(open: OpenParts, id: string): Promise<GetReport | undefined> {
  const cid = parseCid(id);
  if (cid === undefined) return undefined;
  const transfer = open.exchange.transfer(cid);
  if (transfer !== undefined) return withLength(open, cid, await underWay(open, transfer));
  const [row] = await open.shard.resolve(id);
  return row?.held === true ? heldReport(row) : undefined;
}

/** What the transfer itself does not know: who could answer. */
async function underWay(open: OpenParts, transfer: Transfer): Promise<GetReport> {
  const report = transfer.report();
  if (transfer.ended) return report;
  const { requests: asked, missing } = transfer;
  const holder = await holderOf(open, report.cid);
  return { ...report, asked, missing, ...(holder === undefined ? {} : { holder }) };
}

/** The name of a neighbour who was heard and claims to know the file: its author, if that is one. */
async function holderOf({ shard, exchange }: OpenParts, cid: string): Promise<string | undefined> {
  const rows = await shard.resolve(cid);
  const knowing = exchange
    .neighbours()
    .filter(({ claims }) => rows.some(({ author, seq }) => (claims.get(author) ?? 0) >= seq));
  const holder = knowing.find(({ author }) => rows.some((row) => row.author === author)) ?? knowing[0];
  if (holder === undefined) return undefined;
  return shard.authors().find(({ id }) => id === holder.author)?.name || holder.author;
}

function notFound(parts: DeskParts, { exchange }: OpenParts, name: string): AgentError {
  const early = isSettling(parts) || exchange.neighbours().length === 0;
  return new AgentError("NOT_FOUND", `no neighbour has announced a file called ${name}`, {
    fix: early
      ? "Neighbours' files appear some minutes after the start: ask again then. `caye ls` shows what is known by now."
      : "See `caye ls` for what is known; names are matched exactly.",
  });
}

interface Found extends TransferTarget {
  readonly held: boolean;
}

/** Undefined for a name that nobody announced. */
async function findTarget(open: OpenParts, nameOrCid: string): Promise<Found | undefined> {
  const rows = await open.shard.resolve(nameOrCid);
  const row = rows.find(({ held }) => held) ?? rows[0];
  if (row !== undefined) return row;
  const cid = parseCid(nameOrCid);
  if (cid === undefined) return undefined;
  // Nobody announced it, but somebody may hold it: its length is told by the first symbol.
  const held = (await open.shard.missingBlocks(cid)).length === 0;
  return { cid, name: nameOrCid, bytes: held ? await lengthOf(open, cid) : 0, held };
}

/** What was asked for by its CID alone has a length once it is here. */
async function withLength(open: OpenParts, cid: Cid, report: GetReport): Promise<GetReport> {
  if (report.state !== "done" || report.bytes > 0) return report;
  return { ...report, bytes: await lengthOf(open, cid) };
}

async function lengthOf({ shard }: OpenParts, cid: Cid): Promise<number> {
  const block = (await shard.getBlock(cid)) ?? new Uint8Array(0);
  if (codecOf(cid) === "raw") return block.length;
  const manifest = decodeManifest(block);
  return manifest.ok ? manifest.value.bytes : 0;
}

function heldReport({ cid, name, bytes }: TransferTarget): GetReport {
  return {
    cid: cid.toString(),
    name,
    bytes,
    packets: 0,
    wanted: 0,
    total: 0,
    air_bytes: 0,
    air_ms: 0,
    state: "done",
    detail: "",
  };
}
