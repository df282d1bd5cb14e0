import { spawnSync } from "node:child_process";
import { beforeEach, describe } from "vitest";
import { describeModem } from "../../contract/modem.ts";
import { serialRig, tcpRig } from "../../fakes/modem-rigs.ts";

describeModem("meshtastic over TCP", tcpRig);

const hasSocat = spawnSync("socat", ["-V"]).status === 0;

describe("over a pseudo-terminal", () => {
  beforeEach((context) => void (hasSocat || context.skip("socat is not installed")));
  describeModem("meshtastic over a serial line", serialRig);
});
