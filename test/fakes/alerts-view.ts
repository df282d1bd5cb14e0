/** Alerts that are answered from memory: for tests of the API and of the commands. @module */
import type { AlertsView } from "../../src/api/alerts-view.ts";
import type { AlertDraft, AlertReport } from "../../src/kernel/alert-reports.ts";
import { AgentError } from "../../src/kernel/errors.ts";

export interface FakeAlerts extends AlertsView {
  alerts: AlertReport[];
  readonly drafts: AlertDraft[];
  readonly imports: { readonly xml: string; readonly references: readonly string[] }[];
  dropped: readonly string[];
  cut: readonly string[];
}

export function alertOf(changes: Partial<AlertReport> = {}): AlertReport {
  const text = { event: "Storm surge", headline: "Sea over the road", areas: ["Harbour"] };
  return {
    id: "3f9a1c20-7",
    author: "shelter (3f9a1c20b4d5e6f7)",
    standing: "authorised",
    state: "active",
    acknowledged: false,
    status: "Actual",
    msg_type: "Alert",
    severity: "Extreme",
    urgency: "Immediate",
    certainty: "Observed",
    categories: ["Met"],
    ...text,
    sent: "2026-08-01T12:00:00.000Z",
    expires: "2026-08-01T18:00:00.000Z",
    time_unsure: false,
    shortened: false,
    full_file: null,
    references: [],
    response_types: ["Shelter"],
    effective: null,
    onset: null,
    note: "",
    texts: [
      {
        language: "en",
        ...text,
        instruction: "Go to the school.",
        description: "",
        sender_name: "",
        audience: "",
        web: "",
        contact: "",
      },
    ],
    mapped: false,
    ...changes,
  };
}

export function fakeAlerts(isShut: () => boolean): FakeAlerts {
  const find = (id: string): AlertReport => {
    if (isShut()) throw new AgentError("QUARANTINE", "the node is in quarantine", { fix: "caye doctor" });
    const alert = fake.alerts.find((one) => one.id === id);
    if (alert === undefined) throw new AgentError("NOT_FOUND", `no alert here is called ${id}`);
    return alert;
  };
  const sent = () => ({
    alert: alertOf({ standing: "own" }),
    bytes: 168,
    air_ms: 1_683,
    dropped: fake.dropped,
    cut: fake.cut,
  });
  const fake: FakeAlerts = {
    alerts: [alertOf()],
    drafts: [],
    imports: [],
    dropped: [],
    cut: [],
    list: async () => ({ alerts: fake.alerts }),
    show: async (id) => find(id),
    seen: async (id) => ({
      id: find(id).id,
      nodes: [
        { node: "clinic (00112233aabbccdd)", acknowledged: true, since_s: 90 },
        { node: "8899aa", acknowledged: false, since_s: 30 },
      ],
      missing: ["farm (0102030405060708)"],
    }),
    exportCap: async (id) => `<alert>${find(id).id}</alert>`,
    send: async (draft) => {
      fake.drafts.push(draft);
      return sent();
    },
    importCap: async (xml, references) => {
      fake.imports.push({ xml: new TextDecoder().decode(xml), references });
      return sent();
    },
    acknowledge: async (id) => ({ ...find(id), acknowledged: true }),
  };
  return fake;
}
