/**
 * What the API needs of the agent's alerts. In quarantine everything here throws AgentError "QUARANTINE"; an id that names
 * no alert, "NOT_FOUND".
 * @module
 */
import type {
  AlertDraft,
  AlertReport,
  AlertSeenReport,
  AlertsReport,
  SentAlertReport,
} from "../kernel/alert-reports.ts";

export interface AlertsView {
  list(): Promise<AlertsReport>;
  show(id: string): Promise<AlertReport>;
  seen(id: string): Promise<AlertSeenReport>;
  /** CAP 1.2 XML. */
  exportCap(id: string): Promise<string>;
  /** Resolves once it is on disk; it then goes on the air. @throws AgentError "ALERT_INVALID", "ALERT_NOT_OWN", "TOO_MANY" */
  send(draft: AlertDraft): Promise<SentAlertReport>;
  /** @param xml CAP 1.2 @param references ids of own alerts that it updates or cancels @throws as {@link send} */
  importCap(xml: Uint8Array, references: readonly string[]): Promise<SentAlertReport>;
  /** Resolves once that is on disk. */
  acknowledge(id: string): Promise<AlertReport>;
}
