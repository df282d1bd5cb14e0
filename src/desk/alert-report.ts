/** Alerts as the API tells them. @module */
import type { HeldAlert } from "../alert/held-alert.ts";
import { endMs, isTimeUnsure } from "../alert/held-alert.ts";
import type { NoticeText } from "../alert/notice.ts";
import { toHex } from "../kernel/bytes.ts";
import type { AlertReport, AlertRow, AlertSeenReport, AlertText } from "../kernel/alert-reports.ts";
import type { DeskParts, OpenParts } from "./parts.ts";
import { authorLabel } from "./author-label.ts";

type Clocked = Pick<DeskParts, "clock">;

export function alertRow({ clock }: Clocked, { alerts, shard }: OpenParts, held: HeldAlert): AlertRow {
  const { notice, authorHex, id } = held;
  const [first] = notice.texts;
  const own = authorHex === alerts.self;
  const name = shard.authors().find((author) => author.id === authorHex)?.name;
  const end = endMs(held);
  return {
    id,
    author: authorLabel(name, authorHex),
    standing: own ? "own" : alerts.isTrusted(held) ? "authorised" : "unverified",
    state: alerts.stateOf(held),
    acknowledged: held.acknowledgedAtMs !== undefined,
    status: notice.status,
    msg_type: notice.msgType,
    severity: notice.severity,
    urgency: notice.urgency,
    certainty: notice.certainty,
    categories: notice.categories,
    event: first?.event ?? "",
    headline: first?.headline ?? "",
    areas: first?.areaDescs ?? [],
    sent: notice.sentUnixS === 0 ? null : iso(notice.sentUnixS * 1000),
    expires: end === undefined ? null : iso(end),
    time_unsure: isTimeUnsure(held, clock),
    shortened: notice.shortened,
    full_file: notice.full === undefined ? null : `alert-${id}.cap.xml`,
  };
}

export function alertReport(parts: Clocked, open: OpenParts, held: HeldAlert): AlertReport {
  const { notice, author } = held;
  const after = (offsetS: number | undefined): string | null =>
    offsetS === undefined || notice.sentUnixS === 0 ? null : iso((notice.sentUnixS + offsetS) * 1000);
  return {
    ...alertRow(parts, open, held),
    references: notice.references.map((number) => `${toHex(author.subarray(0, 4))}-${number}`),
    response_types: notice.responseTypes,
    effective: after(notice.effectiveS),
    onset: after(notice.onsetS),
    note: notice.note,
    texts: notice.texts.map(textOf),
    mapped: notice.shapes.some(({ polygons, circles }) => polygons.length + circles.length > 0),
  };
}

function textOf({ senderName, areaDescs, ...text }: NoticeText): AlertText {
  return { ...text, sender_name: senderName, areas: areaDescs };
}

export function seenReport({ clock }: Clocked, { exchange, shard }: OpenParts, held: HeldAlert): AlertSeenReport {
  const authors = shard.authors();
  const seen = exchange.alerts.seenBy(held);
  const nodes = seen.map(({ node, read, sinceMs }) => {
    const matching = authors.filter(({ id }) => id.startsWith(node));
    const [author] = matching;
    return {
      node: author === undefined || matching.length > 1 ? node : authorLabel(author.name, author.id),
      acknowledged: read,
      since_s: Math.round((clock.monotonicMs() - sinceMs) / 1000),
    };
  });
  const missing = authors.filter(({ id }) => !seen.some(({ node }) => id.startsWith(node)));
  return { id: held.id, nodes, missing: missing.map(({ id, name }) => authorLabel(name, id)) };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
