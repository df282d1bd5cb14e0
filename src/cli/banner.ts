/** What the agent says once it answers. Scripts wait for the words `caye is up`. @module */
import type { UpReport } from "../kernel/reports.ts";

export function upBanner(up: UpReport, statePath: string): string {
  const { state, reason, warnings, api, metrics, simulated } = up;
  const lines = [
    `caye is up: ${api} (metrics ${metrics}/metrics), state in ${statePath}`,
    ...(simulated
      ? ["no radio is attached: this is a simulated village; plug a Meshtastic radio in to use the air"]
      : []),
    ...(state === "warned" ? ["with WARNINGS: `npx caye doctor` lists them, each with its fix"] : []),
    ...(state === "warned" ? warnings.map((warning) => `  ! ${warning}`) : []),
    ...(state === "quarantine" ? [`in QUARANTINE, data and radio are shut: ${reason}; see \`npx caye doctor\``] : []),
    ...(state === "quarantine" ? [] : ["try: npx caye ls · npx caye get NAME · npx caye status"]),
  ];
  return `${lines.join("\n")}\n`;
}
