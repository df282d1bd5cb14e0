/** Answers the agent's operators about alerts. @module */
import type { AlertsView } from "../api/alerts-view.ts";
import type { AlertBook } from "../alert/book.ts";
import { capFlaws, type CapAlert } from "../alert/cap.ts";
import { readCap } from "../alert/cap-read.ts";
import { capIdentity, capOf, noticeOf, type CompactAlert } from "../alert/cap-notice.ts";
import { writeCap } from "../alert/cap-write.ts";
import { fitNotice } from "../alert/fit.ts";
import { wallMs, type HeldAlert } from "../alert/held-alert.ts";
import { alertId } from "../alert/signed-alert.ts";
import { FULL_PREFIX_BYTES } from "../alert/notice.ts";
import { toHex, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type {
  AlertDraft,
  AlertReport,
  AlertSeenReport,
  AlertsReport,
  SentAlertReport,
} from "../kernel/alert-reports.ts";
import { digestOf } from "../dag/cid.ts";
import { capOfDraft } from "./alert-draft.ts";
import { alertReport, alertRow, seenReport } from "./alert-report.ts";
import type { DeskParts, OpenParts } from "./parts.ts";

export class AlertsDesk implements AlertsView {
  readonly #parts: DeskParts;
  readonly #open: () => OpenParts;

  constructor(parts: DeskParts, open: () => OpenParts) {
    this.#parts = parts;
    this.#open = open;
  }

  async list(): Promise<AlertsReport> {
    const open = this.#open();
    return { alerts: open.alerts.list().map((held) => alertRow(this.#parts, open, held)) };
  }

  async show(id: string): Promise<AlertReport> {
    const open = this.#open();
    return alertReport(this.#parts, open, demand(open.alerts, id));
  }

  async seen(id: string): Promise<AlertSeenReport> {
    const open = this.#open();
    return seenReport(this.#parts, open, demand(open.alerts, id));
  }

  async exportCap(id: string): Promise<string> {
    const { alerts } = this.#open();
    const held = demand(alerts, id);
    return writeCap(capOf(held, (number) => sentOf(alerts, held, number)));
  }

  async send(draft: AlertDraft): Promise<SentAlertReport> {
    const open = this.#open();
    const referred = (draft.references ?? []).map((id) => demandOwn(open.alerts, id));
    const nowS = Math.floor(wallMs(this.#parts.clock) / 1000);
    const identity = capIdentity({ authorHex: open.alerts.self, number: open.alerts.nextNumber });
    const cap = capOfDraft(draft, { referred, nowS, identity });
    return this.#issue(open, cap, referred, (cap) => ({ ...noticeOf(cap, numbersOf(referred)) }));
  }

  async importCap(xml: Uint8Array, references: readonly string[]): Promise<SentAlertReport> {
    const open = this.#open();
    const read = readCap(xml);
    if (!read.ok) {
      throw new AgentError("CAP_INVALID", `nothing was sent: ${read.reason}`, {
        fix: "`xmllint --schema` with OASIS's CAP-v1.2.xsd shows where.",
      });
    }
    const { alert, signed } = read.value;
    const named = [
      "identifier",
      "sender",
      ...(alert.references.length > 0 ? ["references"] : []),
      ...(signed ? ["Signature"] : []),
    ];
    const referred = references.map((id) => demandOwn(open.alerts, id));
    return this.#issue(open, alert, referred, (cap) => {
      const { notice, dropped } = noticeOf(cap, numbersOf(referred));
      return { notice, dropped: [...named, ...dropped] };
    });
  }

  async acknowledge(id: string): Promise<AlertReport> {
    const open = this.#open();
    const held = await open.alerts.acknowledge(id);
    open.exchange.alerts.acknowledged(held);
    return alertReport(this.#parts, open, held);
  }

  async #issue(
    open: OpenParts,
    cap: CapAlert,
    referred: readonly HeldAlert[],
    compact: (cap: CapAlert) => CompactAlert,
  ): Promise<SentAlertReport> {
    const { alerts, exchange, shard } = open;
    const [flaw] = capFlaws(cap);
    if (flaw !== undefined) throw new AgentError("ALERT_INVALID", `the alert can't be sent: ${flaw}`);
    if (cap.msgType !== "Alert" && referred.length === 0) throw noReference(cap.msgType);
    const { notice, dropped } = compact(cap);
    const number = alerts.nextNumber;
    const room = exchange.alerts.maxBodyBytes(number);
    let fitted = fitNotice(notice, room, undefined);
    if (fitted.cut.length > 0) {
      // What does not fit the packet is a file like any other, and the alert names it.
      const name = `alert-${alertId({ author: shard.author.id, number })}.cap.xml`;
      const { cid } = await shard.putFile(name, utf8(writeCap(cap)));
      fitted = fitNotice(notice, room, digestOf(cid).slice(0, FULL_PREFIX_BYTES));
    }
    const held = await alerts.issue(fitted.notice);
    exchange.alerts.publish(held);
    if (fitted.cut.length > 0) exchange.announce();
    const { bytes, airMs } = exchange.alerts.cost(held);
    const alert = alertReport(this.#parts, open, held);
    return { alert, bytes, air_ms: airMs, dropped, cut: fitted.cut };
  }
}

function numbersOf(referred: readonly HeldAlert[]): readonly number[] {
  // What they replaced stays replaced: who missed the one in between need not see the first.
  return [...new Set(referred.flatMap(({ number, notice }) => [number, ...notice.references]))];
}

function sentOf(alerts: AlertBook, { authorHex }: HeldAlert, number: number): number | undefined {
  const other = alerts.find(`${authorHex}-${number}`);
  return other === undefined || other.notice.sentUnixS === 0 ? undefined : other.notice.sentUnixS;
}

function demand(alerts: AlertBook, id: string): HeldAlert {
  const held = alerts.find(id);
  if (held !== undefined) return held;
  throw new AgentError("NOT_FOUND", `no alert here is called ${id}`, { fix: "`caye alert list` shows the ids." });
}

function demandOwn(alerts: AlertBook, id: string): HeldAlert {
  const held = demand(alerts, id);
  if (held.authorHex === alerts.self) return demandStanding(alerts, held);
  throw new AgentError("ALERT_NOT_OWN", `${id} is another node's alert: only its author can update or cancel it`, {
    fix: `Ask at the node whose author id begins with ${toHex(held.author.subarray(0, 4))}.`,
  });
}

/** A second answer to an alert that has one would stand beside the first and contradict it. */
function demandStanding(alerts: AlertBook, held: HeldAlert): HeldAlert {
  const state = alerts.stateOf(held);
  const { id, notice, number } = held;
  if (notice.msgType === "Cancel") {
    throw notStanding(
      `${id} takes an alert back: there is nothing left to change`,
      "Send a new alert: caye alert send.",
    );
  }
  if (state !== "replaced" && state !== "cancelled") return held;
  const next = alerts
    .list()
    .find((other) => other.authorHex === held.authorHex && other.notice.references.includes(number));
  const fix =
    state === "replaced" && next !== undefined ? `Name ${next.id} instead.` : "Send a new alert: caye alert send.";
  throw notStanding(`${id} was ${state} already${next === undefined ? "" : ` by ${next.id}`}`, fix);
}

function notStanding(why: string, fix: string): AgentError {
  return new AgentError("ALERT_INVALID", why, { fix });
}

function noReference(msgType: string): AgentError {
  return new AgentError("ALERT_INVALID", `an ${msgType.toLowerCase()} refers to an alert of this node`, {
    fix: "Name it: caye alert import FILE --references ID.",
  });
}
