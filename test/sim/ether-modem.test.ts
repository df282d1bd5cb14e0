import { expect, test } from "vitest";
import { payloadAirtimeUs, PRESETS, signsBroadcasts } from "../../src/radio/airtime.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { describeModem } from "../contract/modem.ts";
import { etherRig } from "../fakes/modem-rigs.ts";
import { openRadios } from "../fakes/radios.ts";

describeModem("the simulated modem on the air", etherRig);

test.each(["2.7", "2.8"] as const)(
  "a modem of firmware %s says so, and costs the air what its book reckons",
  async (firmware) => {
    await using r = openRadios(line(2));
    const identity = { ether: r.ether, nodeNumber: nodeNumber(0), random: seededRandom("modem") };
    const modem = openEtherModem({ ...identity, region: "US", preset: "ShortFast", firmware });
    const stop = new AbortController();
    const running = modem.run(stop.signal);
    await r.clock.advance(1);
    const state = modem.state();
    const said = state.kind === "ready" ? state.settings.firmware : undefined;
    expect(said).toMatch(firmware);
    const packet = { to: BROADCAST, port: PRIVATE_APP, payload: new Uint8Array(40), hopLimit: 0 };
    expect(await modem.send(packet, stop.signal)).toEqual({ kind: "taken" });
    await r.clock.advance(5000);
    expect(r.frames[0]?.airtimeUs).toBe(payloadAirtimeUs(40, PRESETS.ShortFast, signsBroadcasts(said)));
    stop.abort();
    await running;
  },
);
