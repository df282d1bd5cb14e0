/** The status of the node, in one report. @module */
import { toHex } from "../kernel/bytes.ts";
import type { StatusReport } from "../kernel/reports.ts";
import { airFields, NO_AIR } from "./air-book.ts";
import { attestationOf, trustWords } from "./attested.ts";
import { authorLabel } from "./author-label.ts";
import type { DeskParts, OpenParts } from "./parts.ts";

export function statusReport(parts: DeskParts): StatusReport {
  const { trust, open } = parts;
  const steps = trust.steps();
  return {
    node: parts.nodeName,
    author: open === undefined ? "" : toHex(open.shard.author.id),
    version: parts.version,
    pid: parts.pid,
    uptime_s: Math.round((parts.clock.monotonicMs() - parts.startedMs) / 1000),
    state: open === undefined ? "quarantine" : steps.every((step) => step.ok) ? "running" : "warned",
    trust: { mode: trust.mode, tpm: trust.tpm, steps, ...(open !== undefined && { words: trustWords(open) }) },
    radio: radioStatus(parts),
    alerts: open === undefined ? { active: 0, unread: 0, unverified: 0 } : alertStatus(open),
    shard: open === undefined ? { blocks: 0, bytes: 0, files: 0, authors: 0 } : shardStatus(open),
    neighbours: open === undefined ? [] : neighbourRows(parts, open),
    counters: open === undefined ? {} : counters(open),
    ...(parts.entropy === undefined ? {} : { entropy: parts.entropy.report() }),
    ...wiredBoard(parts),
    ...(parts.time === undefined ? {} : { time: parts.time.report() }),
  };
}

/** Nothing where nothing is wired, and nothing was. */
function wiredBoard({ board }: DeskParts): Pick<StatusReport, "board"> {
  const report = board?.report();
  return report === undefined || (report.lines.length === 0 && !report.tamper.opened) ? {} : { board: report };
}

function radioStatus({ open, modemUri, simulated, clockSpeed, quarantine }: DeskParts): StatusReport["radio"] {
  if (open === undefined) {
    return {
      modem: modemUri,
      link: "shut",
      detail: quarantine,
      node_number: null,
      preset: "",
      region: "",
      ...NO_AIR,
      simulated,
      clock_speed: clockSpeed,
    };
  }
  const { preset, region } = open.radioSettings();
  const link = open.modem.state();
  const heardMsAgo = open.heardMsAgo?.();
  return {
    modem: modemUri,
    link: link.kind,
    detail: link.kind === "down" ? link.reason : "",
    node_number: link.kind === "ready" ? link.settings.nodeNumber : null,
    preset,
    region,
    ...airFields(open.scheduler.status()),
    ...(heardMsAgo === undefined ? {} : { heard_s_ago: Math.round(heardMsAgo / 1000) }),
    simulated,
    clock_speed: clockSpeed,
  };
}

function alertStatus({ alerts }: OpenParts): StatusReport["alerts"] {
  const active = alerts.active();
  // Who sent an alert from here has read it.
  const unread = active.filter(
    ({ acknowledgedAtMs, authorHex }) => acknowledgedAtMs === undefined && authorHex !== alerts.self,
  );
  return {
    active: active.length,
    unread: unread.length,
    unverified: active.filter((held) => !alerts.isTrusted(held)).length,
  };
}

function shardStatus({ shard }: OpenParts): StatusReport["shard"] {
  const { blocks, bytes, files, authors } = shard.stats();
  return { blocks, bytes, files, authors };
}

function neighbourRows({ clock }: DeskParts, open: OpenParts): StatusReport["neighbours"] {
  const { exchange, shard } = open;
  const names = new Map(shard.authors().map(({ id, name }) => [id, name]));
  return exchange.neighbours().map(({ author, heardAtMs, claims }) => ({
    author: authorLabel(names.get(author), author),
    heard_s_ago: Math.round((clock.monotonicMs() - heardAtMs) / 1000),
    entries: claims.get(author) ?? 0,
    attestation: attestationOf(open, author, clock.monotonicMs()),
  }));
}

function counters({ exchange, modem, scheduler, shard }: OpenParts): Record<string, number> {
  const { dropped, sentPackets, sentBytes, sentAirUs } = scheduler.status();
  const { pending, pendingDropped } = shard.stats();
  return {
    ...prefixed("exchange", exchange.counters()),
    ...prefixed("modem", modem.counters()),
    ...prefixed("radio", {
      dropped,
      sent_packets: sentPackets,
      sent_bytes: sentBytes,
      sent_air_ms: Math.round(sentAirUs / 1000),
    }),
    ...prefixed("shard", { pending, pending_dropped: pendingDropped }),
  };
}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [`${prefix}_${name}`, count]));
}
