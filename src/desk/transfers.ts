/**
 * Files on request: from the shard when they are here, else over the air.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import type { GetReport } from "../kernel/reports.ts";
import type { StartedGet } from "../api/view.ts";
import { type BlockRef, prefixOf, refKey, refOf, rootOf } from "../dag/block-ref.ts";
import { codecOf, digestOf, parseCid, type Cid } from "../dag/cid.ts";
import { decodeManifest } from "../dag/manifest.ts";
import type { FileRow } from "../dag/shard.ts";
import { fromHex } from "../kernel/bytes.ts";
import { MAX_AIR_BYTES } from "../exchange/files/policy.ts";
import { reportOf, type Inquiry } from "../exchange/files/inquiries.ts";
import type { Transfer, TransferTarget } from "../exchange/files/transfer.ts";
import { MAX_PAYLOAD_BYTES } from "../ports/modem.ts";
import { estimate } from "../radio/estimate.ts";
import { isSettling, type DeskParts, type OpenParts } from "./parts.ts";
import { authorLabel } from "./author-label.ts";

/** A transfer's id: see {@link refKey}. */
const ID = /^[0-9a-f]{32}$/;

/** @param now in a hurry: no hour of the policy holds it up */
export async function startGet(parts: DeskParts, open: OpenParts, text: string, now = false): Promise<StartedGet> {
  const target = await findTarget(open, text);
  if (target === undefined) {
    const inquiry = open.exchange.inquire(text, { urgent: now });
    if (inquiry === undefined) throw notFound(parts, open, text);
    return { id: inquiry.id, report: reportOf(inquiry) };
  }
  const id = refKey(rootOf(target));
  if (target.held) return { id, report: heldReport(target) };
  if (target.bytes > MAX_AIR_BYTES) {
    throw new AgentError(
      "FILE_TOO_LARGE",
      `${target.name} has ${target.bytes} bytes; by radio at most ${MAX_AIR_BYTES}`,
      {
        fix: "On a stick: caye export at a node that has it, caye import here. Or wait for a link to the internet.",
      },
    );
  }
  const transfer = await open.exchange.fetch(target, { urgent: now });
  if (transfer === undefined) {
    throw new AgentError("TOO_MANY", "eight files are being fetched already", { fix: "Wait until one has arrived." });
  }
  return { id, report: await underWay(open, transfer) };
}

/** @param id of a transfer, or a CID */
export async function transferReport(open: OpenParts, id: string): Promise<GetReport | undefined> {
  const inquiry = open.exchange.inquiry(id);
  if (inquiry !== undefined) return inquiryReport(open, inquiry);
  const cid = parseCid(id);
  const digest = cid === undefined ? (ID.test(id) ? fromHex(id) : undefined) : digestOf(cid);
  if (digest === undefined) return undefined;
  const transfer = open.exchange.transfer({ codec: "raw", digest });
  if (transfer !== undefined) return arrived(open, transfer, await underWay(open, transfer));
  const rows = await open.shard.filesOf(digest);
  const row = rows.find(({ held }) => held);
  return row === undefined ? undefined : heldReport(row);
}

/** From the moment when its entry came, what was asked for in words is a transfer as any other. */
async function inquiryReport(open: OpenParts, inquiry: Inquiry): Promise<GetReport> {
  const { state } = inquiry;
  if (state.kind !== "found") return reportOf(inquiry);
  if (state.transfer === undefined) return heldReport(state.row);
  return arrived(open, state.transfer, await underWay(open, state.transfer));
}

/** What the transfer itself does not know: who could answer. */
async function underWay(open: OpenParts, transfer: Transfer): Promise<GetReport> {
  const report = transfer.report();
  if (transfer.ended) return report;
  const { requests: asked, missing } = transfer;
  const holder = await holderOf(open, rootOf(transfer.target));
  return { ...report, asked, missing, ...costOf(open, transfer), ...(holder === undefined ? {} : { holder }) };
}

/** The holder's hour is what counts; ours is as near as can be told, since a village's radios are set alike. */
function costOf(open: OpenParts, transfer: Transfer): Pick<GetReport, "estimate_ms" | "estimate_share"> {
  const { usedUs, budgetUs } = open.scheduler.status();
  const { airtimeUs } = estimate({
    packets: open.exchange.packetsFor(transfer),
    payloadBytes: MAX_PAYLOAD_BYTES,
    limits: open.radioSettings(),
    ledgerUsedUs: usedUs,
    budgetUs,
    nowMs: 0,
  });
  const share = budgetUs === 0 ? {} : { estimate_share: Math.round((1000 * airtimeUs) / budgetUs) / 1000 };
  return { estimate_ms: Math.round(airtimeUs / 1000), ...share };
}

/** The name of a neighbour who was heard and claims to know the file: its author, if that is one. */
async function holderOf({ shard, exchange }: OpenParts, root: BlockRef): Promise<string | undefined> {
  const rows = await shard.filesOf(root.digest);
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

/** Undefined for what nobody announced. @throws AgentError "NAME_AMBIGUOUS" */
async function findTarget(open: OpenParts, text: string): Promise<Found | undefined> {
  const rows = await open.shard.resolve(text);
  const row = rows.find(({ held }) => held) ?? rows[0];
  if (row !== undefined) {
    if (row.name !== text.normalize("NFC")) demandOne(text, rows);
    return row;
  }
  const cid = parseCid(text);
  if (cid === undefined) return undefined;
  // Nobody announced it, but somebody may hold it: its length is told by the first symbol.
  const held = (await open.shard.missingBlocks(refOf(cid))).length === 0;
  const file = { codec: codecOf(cid), prefix: prefixOf(digestOf(cid)), cid, name: text };
  return { ...file, bytes: held ? await lengthOf(open, cid) : 0, held };
}

/** Of a name the best is taken; what names a file by its content or its entry must name one. */
function demandOne(text: string, rows: readonly FileRow[]): void {
  const files = [...new Map(rows.map((row) => [refKey(rootOf(row)), row])).values()];
  if (files.length <= 1) return;
  const shown = files
    .slice(0, 8)
    .map(({ ref, name, author, authorName }) => `  ${ref}  ${name}  ${authorLabel(authorName, author)}`);
  throw new AgentError("NAME_AMBIGUOUS", `${text} names ${files.length} different files`, {
    fix: `Name one as it stands here:\n${shown.join("\n")}`,
  });
}

/** A file that has come has a CID, and what was asked for by its CID alone has a length. */
async function arrived(open: OpenParts, { target }: Transfer, report: GetReport): Promise<GetReport> {
  if (report.state !== "done") return report;
  const cid = await open.shard.cidOf(rootOf(target));
  if (cid === undefined) return report;
  return { ...report, cid: cid.toString(), bytes: report.bytes > 0 ? report.bytes : await lengthOf(open, cid) };
}

async function lengthOf({ shard }: OpenParts, cid: Cid): Promise<number> {
  const block = (await shard.getBlock(refOf(cid))) ?? new Uint8Array(0);
  if (codecOf(cid) === "raw") return block.length;
  const manifest = decodeManifest(block);
  return manifest.ok ? manifest.value.bytes : 0;
}

function heldReport({ cid, name, bytes }: TransferTarget): GetReport {
  return {
    cid: cid?.toString() ?? null,
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
