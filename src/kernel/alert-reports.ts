/**
 * What the agent tells the outside of alerts: the JSON of the HTTP API. Names here are fixed, as in `reports.ts`.
 * @module
 */

/** An alert that this node holds. Words are CAP's own; times are ISO 8601 in UTC, null when nobody knows. */
export interface AlertRow {
  /** Beginning of the author's id, and the author's number: `3f9a1c20-7`. */
  readonly id: string;
  /** Short name and id of the author's node. */
  readonly author: string;
  /** `unverified`: by a stranger, or not signed by a key that is known here. */
  readonly standing: "own" | "authorised" | "unverified";
  readonly state: "active" | "expired" | "replaced" | "cancelled";
  readonly acknowledged: boolean;
  readonly status: string;
  readonly msg_type: string;
  readonly severity: string;
  readonly urgency: string;
  readonly certainty: string;
  readonly categories: readonly string[];
  readonly event: string;
  readonly headline: string;
  readonly areas: readonly string[];
  readonly sent: string | null;
  readonly expires: string | null;
  /** True when a clock is wrong, the author's or this node's: nobody can say how old the alert is. */
  readonly time_unsure: boolean;
  /** True when texts were shortened to fit the air; `full_file` then names the file with all of it. */
  readonly shortened: boolean;
  readonly full_file: string | null;
}

export interface AlertsReport {
  /** The newest first; ended ones stay for a day. */
  readonly alerts: readonly AlertRow[];
}

export interface AlertText {
  readonly language: string;
  readonly event: string;
  readonly headline: string;
  readonly instruction: string;
  readonly description: string;
  readonly sender_name: string;
  readonly audience: string;
  readonly web: string;
  readonly contact: string;
  readonly areas: readonly string[];
}

/** One alert, whole. */
export interface AlertReport extends AlertRow {
  readonly references: readonly string[];
  readonly response_types: readonly string[];
  readonly effective: string | null;
  readonly onset: string | null;
  readonly note: string;
  readonly texts: readonly AlertText[];
  /** True when the areas have polygons or circles: the CAP form shows them. */
  readonly mapped: boolean;
}

/** An alert that was sent. */
export interface SentAlertReport {
  readonly alert: AlertReport;
  /** Of the packet, and its time on air by the LoRa formula, once, without relays. */
  readonly bytes: number;
  readonly air_ms: number;
  /** Places in the CAP form that the compact form can't keep, and those that were shortened to fit: `info[0].description`. */
  readonly dropped: readonly string[];
  readonly cut: readonly string[];
}

/** Who has an alert: hearsay, not signed. */
export interface AlertSeenReport {
  readonly id: string;
  readonly nodes: readonly {
    /** Short name and id where they are known, else the first 6 digits of the id. */
    readonly node: string;
    /** True when a person there has acknowledged it. */
    readonly acknowledged: boolean;
    /** Seconds since this node learnt so. */
    readonly since_s: number;
  }[];
  /** Authors known here of whom nothing was heard. */
  readonly missing: readonly string[];
}

/** What `POST /v1/alerts` takes. For an update or a cancel, what is left out is taken from the alert that it refers to. */
export interface AlertDraft {
  readonly msg_type?: "Alert" | "Update" | "Cancel" | undefined;
  /** Ids of own alerts that are replaced or cancelled. */
  readonly references?: readonly string[] | undefined;
  readonly status?: "Actual" | "Exercise" | "System" | "Test" | undefined;
  readonly severity?: "Extreme" | "Severe" | "Moderate" | "Minor" | "Unknown" | undefined;
  readonly urgency?: "Immediate" | "Expected" | "Future" | "Past" | "Unknown" | undefined;
  readonly certainty?: "Observed" | "Likely" | "Possible" | "Unlikely" | "Unknown" | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly response_types?: readonly string[] | undefined;
  readonly language?: string | undefined;
  readonly event?: string | undefined;
  readonly headline?: string | undefined;
  readonly instruction?: string | undefined;
  readonly description?: string | undefined;
  readonly sender_name?: string | undefined;
  readonly audience?: string | undefined;
  readonly web?: string | undefined;
  readonly contact?: string | undefined;
  readonly areas?: readonly string[] | undefined;
  /** In CAP's form: `17.25,-88.77 17.26,-88.76 …`, and `17.25,-88.77 5` with the radius in km; of the first area. */
  readonly polygons?: readonly string[] | undefined;
  readonly circles?: readonly string[] | undefined;
  /** Seconds from now. */
  readonly expires_in_s?: number | undefined;
  readonly onset_in_s?: number | undefined;
  readonly note?: string | undefined;
}
