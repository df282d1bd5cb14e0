/** The alert that scenarios send: a storm surge, in the words of a village. @module */
import type { Notice } from "../alert/notice.ts";

/** @param sentMs Unix ms @param hours until it ends */
export function stormNotice(sentMs: number, hours: number): Notice {
  return {
    status: "Actual",
    msgType: "Alert",
    sentUnixS: Math.floor(sentMs / 1000),
    references: [],
    categories: ["Met"],
    responseTypes: ["Shelter"],
    urgency: "Immediate",
    severity: "Extreme",
    certainty: "Observed",
    effectiveS: undefined,
    onsetS: undefined,
    expiresS: hours * 3600,
    note: "",
    texts: [
      {
        language: "en",
        event: "Storm surge",
        headline: "Sea over the north road",
        instruction: "Go to the school now. Take water and medicine.",
        description: "",
        senderName: "",
        audience: "",
        web: "",
        contact: "",
        areaDescs: ["Harbour and north beach"],
      },
    ],
    shapes: [],
    full: undefined,
    shortened: false,
  };
}
