import { spawnSync } from "node:child_process";
import { describe } from "vitest";
import { describeModem } from "../../contract/modem.ts";
import { serialRig, tcpRig } from "../../fakes/modem-rigs.ts";

describeModem("meshtastic over TCP", tcpRig);

const hasSocat = spawnSync("socat", ["-V"]).status === 0;
if (!hasSocat) console.warn("socat is missing: the serial driver is NOT tested (apt install socat)");

describe.skipIf(!hasSocat)("over a pseudo-terminal", () => {
  describeModem("meshtastic over a serial line", serialRig);
});
