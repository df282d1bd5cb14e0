import { beforeEach, describe, expect, test } from "vitest";
import type { BootstrapStep } from "../../src/kernel/bootstrap.ts";
import { statusReport } from "../fakes/agent-view.ts";
import { fakeBootstrap, type FakeBootstrap, RADIO } from "../fakes/bootstrap-tools.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const STEPS: readonly BootstrapStep[] = [
  { step: "clock", state: "unchanged", detail: "the clock is set", code: "", fix: "" },
  { step: "radio", state: "waiting", detail: "no radio\u001b[2J", code: "RADIO_ABSENT", fix: "Plug it in." },
];

describe("caye bootstrap and caye radio", () => {
  let cli: FakeCli;
  let tools: FakeBootstrap;

  beforeEach(() => {
    cli = fakeCli();
    tools = fakeBootstrap();
    cli.bootstrapTools = tools;
  });

  const nobody = (): void => {
    cli.answer = undefined;
  };
  /** The agent that runs has this radio. */
  const agentWith = (modem: string, simulated = false): void => {
    const { radio } = statusReport();
    cli.answer = async () => Response.json(statusReport({ radio: { ...radio, modem, simulated } }));
  };

  test("a bootstrap tells each step as it ends, and ends by 0, 1 or 4", async () => {
    tools.report = { result: "done", node: "clinic", steps: STEPS.slice(0, 1) };
    expect(await cli.run("bootstrap", "--card", "/boot/firmware")).toEqual({
      code: 0,
      out: "clock   as it is  the clock is set\nclinic is set up; nothing had to be changed.\n",
      err: "",
    });
    tools.report = { result: "waiting", node: "clinic", steps: STEPS };
    const waits = await cli.run("bootstrap", "--card", "/boot/firmware");
    expect(waits.code).toBe(4);
    expect(waits.out).toContain("RADIO_ABSENT: Plug it in.");
    expect(waits.out).not.toContain("\u001b");
    tools.report = { result: "failed", node: "clinic", steps: [{ ...STEPS[1]!, state: "failed" }] };
    const failed = await cli.run("bootstrap", "--order", "order.toml");
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/clinic is not set up; it failed at radio: .*\(RADIO_ABSENT\)\nPlug it in\.\n$/);
  });

  test("its JSON is the report, and nothing else", async () => {
    tools.report = { result: "waiting", node: "clinic", steps: STEPS };
    const { out, code } = await cli.run("bootstrap", "--card", "/boot/firmware/", "--json");
    expect(JSON.parse(out)).toEqual(tools.report);
    expect(code).toBe(4);
  });

  test("a bootstrap of nothing is typed wrongly, and one without an order fails", async () => {
    expect((await cli.run("bootstrap")).code).toBe(2);
    const { code, out } = await cli.run("bootstrap", "--card", "/none", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "ORDER_MISSING" } });
  });

  test("a radio's settings are shown, its keys by fingerprints", async () => {
    nobody();
    const { out, code } = await cli.run("radio", "show");
    expect(code).toBe(0);
    expect(out).toMatch(/region +US/);
    expect(out).toMatch(/channel 1 +village, key 630dcd29/);
    expect(out).toContain("Warning: channel 0 has the key that everybody has");
    const json = await cli.run("radio", "show", "--modem", "tcp://radio", "--json");
    expect(JSON.parse(json.out)).toEqual({ ...RADIO, modem: "tcp://radio" });
  });

  test("a radio is set as typed, and it is told what was written", async () => {
    nobody();
    const { out, err } = await cli.run("radio", "set", "--region", "US", "--name", "clinic");
    expect(tools.wishes).toEqual([{ region: "US", name: "clinic" }]);
    expect(out).toContain("region: UNSET → US\n");
    expect(err).toContain("reading the radio's settings");
    tools.changed = [];
    expect((await cli.run("radio", "set", "--region", "US")).out).toContain("nothing was written");
    expect((await cli.run("radio", "set")).code).toBe(2);
    cli.stdin = "https://meshtastic.org/e/#CgMSAQE\n";
    await cli.run("radio", "set", "--channel-url", "-");
    expect(tools.wishes.at(-1)).toEqual({ channelUrl: "https://meshtastic.org/e/#CgMSAQE" });
    const json = await cli.run("radio", "set", "--preset", "LongFast", "--json");
    expect(JSON.parse(json.out)).toEqual({ ...RADIO, changed: [] });
  });

  test("no radio, and several, are not guessed at", async () => {
    nobody();
    tools.radios = [];
    expect(await cli.run("radio", "show")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no radio is plugged in"),
    });
    tools.radios = ["serial:///dev/serial/by-id/a", "serial:///dev/serial/by-id/b"];
    const { code, err } = await cli.run("radio", "set", "--region", "US");
    expect(code).toBe(1);
    expect(err).toContain("--modem 'serial:///dev/serial/by-id/a'\n--modem 'serial:///dev/serial/by-id/b'");
    expect(tools.wishes).toEqual([]);
  });

  test("the agent's radio is left alone while it runs, whatever it is called", async () => {
    const busy = { code: 1, err: expect.stringContaining("systemctl stop caye.service") };
    agentWith("serial:///dev/meshtastic");
    expect(await cli.run("radio", "show", "--modem", "serial:///dev/ttyACM0")).toMatchObject(busy);
    agentWith("tcp://10.0.0.7");
    expect(await cli.run("radio", "show", "--modem", "tcp://10.0.0.7:4403")).toMatchObject(busy);
    expect((await cli.run("radio", "show", "--modem", "tcp://10.0.0.8")).code).toBe(0);
    agentWith("sim:", true);
    expect((await cli.run("radio", "show")).code).toBe(0);
  });
});
