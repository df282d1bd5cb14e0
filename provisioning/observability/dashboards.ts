/** The four dashboards: the village at a glance, one node, trust and entropy, radio and airtime. @module */
import { ONE_NODE } from "./dashboard-node.ts";
import { RADIO } from "./dashboard-radio.ts";
import { TRUST } from "./dashboard-trust.ts";
import { VILLAGE } from "./dashboard-village.ts";
import type { Dashboard } from "./dashboard.ts";

export const DASHBOARDS: readonly Dashboard[] = [VILLAGE, ONE_NODE, TRUST, RADIO];
