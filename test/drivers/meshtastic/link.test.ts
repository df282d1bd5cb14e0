import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/drivers/clock.ts";
import { explainLinkError, openLink, parseRadioUri } from "../../../src/drivers/meshtastic/link.ts";
import { openMeshtasticModem } from "../../../src/drivers/meshtastic/modem.ts";
import { toHex } from "../../../src/kernel/bytes.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { silentLog } from "../../fakes/log.ts";
import { eventually } from "../../fakes/modem-rigs.ts";
import { ScriptedRadio } from "../../fakes/scripted-radio.ts";

describe("a radio's address", () => {
  test("is a serial device, 115200 baud unless said otherwise", () => {
    expect(parseRadioUri("serial:///dev/ttyACM0")).toEqual({ kind: "serial", path: "/dev/ttyACM0", baud: 115_200 });
    expect(parseRadioUri("serial:///dev/serial/by-id/usb-RAK%20x-if00?baud=38400")).toEqual({
      kind: "serial",
      path: "/dev/serial/by-id/usb-RAK x-if00",
      baud: 38_400,
    });
  });

  test("is a TCP host, port 4403 unless said otherwise", () => {
    expect(parseRadioUri("tcp://radio.local")).toEqual({ kind: "tcp", host: "radio.local", port: 4403 });
    expect(parseRadioUri("tcp://10.0.0.7:4404/")).toEqual({ kind: "tcp", host: "10.0.0.7", port: 4404 });
    expect(parseRadioUri("tcp://[::1]:4404")).toEqual({ kind: "tcp", host: "::1", port: 4404 });
  });

  test.each([
    "",
    "/dev/ttyACM0",
    "serial://",
    "serial://ttyACM0",
    "serial:///dev/ttyACM0?baud=fast",
    "serial:///dev/%ZZ",
    "tcp://",
    "tcp://host/path",
    "tcp://host:0",
    "tcp://host:99999",
    "http://host",
  ])("is refused with the two forms that exist: %j", (uri) => {
    expect(() => parseRadioUri(uri)).toThrow("cannot read the radio's address");
  });
});

describe("a link that cannot be", () => {
  const serial = parseRadioUri("serial:///dev/ttyACM0");
  const tcp = parseRadioUri("tcp://radio:4403");
  const coded = (code: string): Error => Object.assign(new Error("failed"), { code });

  test("is explained to someone who stands beside the radio", () => {
    expect(explainLinkError(coded("ENOENT"), serial)).toContain("no such device: /dev/ttyACM0");
    expect(explainLinkError(coded("EACCES"), serial)).toBe(
      "no permission on /dev/ttyACM0: add the user to group dialout",
    );
    expect(explainLinkError(coded("ECONNREFUSED"), tcp)).toContain("nothing answers at radio:4403");
    expect(explainLinkError(coded("ENOTFOUND"), tcp)).toBe("no such host: radio");
    expect(explainLinkError(coded("EWHATEVER"), tcp)).toBe("cannot connect to radio:4403: failed");
  });

  test("is recognised by the serial driver's own words", () => {
    const said = (words: string): string => explainLinkError(new Error(words), serial);
    expect(said("Error: No such file or directory, cannot open /dev/ttyACM0")).toContain("no such device");
    expect(said("Error: Permission denied, cannot open /dev/ttyACM0")).toContain("dialout");
    expect(said("Error Resource temporarily unavailable Cannot lock port")).toContain("in use by another program");
  });

  test("fails as it should: no such device, and a file that is no serial port", async () => {
    const { signal } = new AbortController();
    const reasonFor = async (path: string): Promise<string> => {
      const address = parseRadioUri(`serial://${path}`);
      return openLink(address, () => undefined, signal).then(
        () => "open",
        (error: unknown) => explainLinkError(error, address),
      );
    };
    expect(await reasonFor("/dev/no-such-radio")).toContain("no such device: /dev/no-such-radio");
    expect(await reasonFor("/dev/null")).toContain("cannot open /dev/null");
  });

  test("is given up at once when the signal aborts", async () => {
    const stop = new AbortController();
    // 192.0.2.0/24 is for documentation: nothing answers there.
    const opening = openLink({ kind: "tcp", host: "192.0.2.1", port: 4403 }, () => undefined, stop.signal);
    stop.abort();
    await expect(opening).rejects.toThrow();
    await expect(
      openLink({ kind: "tcp", host: "192.0.2.1", port: 4403 }, () => undefined, stop.signal),
    ).rejects.toThrow();
  });
});

describe("a serial line", () => {
  test("is woken with 32 times C3 before the first frame, and released at the end", async (context) => {
    if (spawnSync("socat", ["-V"]).status !== 0) context.skip("socat is not installed");
    await using radio = await ScriptedRadio.open();
    const folder = await mkdtemp(`${tmpdir()}/wake-`);
    const cable = spawn("socat", ["-d", "-d", `pty,raw,echo=0,link=${folder}/radio`, `tcp:127.0.0.1:${radio.port}`]);
    await eventually(() => radio.open === 1, "the cable");
    const stop = new AbortController();
    const uri = `serial://${folder}/radio`;
    const modem = openMeshtasticModem(uri, { clock: systemClock(), random: seededRandom(2), log: silentLog });
    const running = modem.run(stop.signal);
    await eventually(() => modem.state().kind === "ready", "ready");
    expect(toHex(radio.raw.subarray(0, 34))).toBe(`${"c3".repeat(32)}94c3`);
    // The port is free again: a second modem gets it at once.
    stop.abort();
    await running;
    const again = new AbortController();
    const second = openMeshtasticModem(uri, { clock: systemClock(), random: seededRandom(3), log: silentLog });
    const runningAgain = second.run(again.signal);
    await eventually(() => second.state().kind === "ready", "ready again");
    again.abort();
    await runningAgain;
    cable.kill();
    await rm(folder, { recursive: true });
  });
});
