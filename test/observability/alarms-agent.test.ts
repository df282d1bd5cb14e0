/** A real agent, read by a real Prometheus: its radio goes and comes back, it dies and comes back, its source of entropy sticks and recovers. */
import { mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DASHBOARDS } from "../../provisioning/observability/dashboards.ts";
import { type AgentProcess, eventually, startAgent } from "../e2e/agent-process.ts";
import { isInstalled } from "../fakes/chips.ts";
import { ideal } from "../fakes/entropy.ts";
import { SimulatedOnerng, terminalTo } from "../fakes/entropy-devices.ts";
import { ScriptedRadio } from "../fakes/scripted-radio.ts";
import { labelsOnPage } from "./full-page.ts";
import { freePort, startPrometheus, type Prometheus } from "./prometheus.ts";
import { missingPrometheus, promtool } from "./promtool.ts";
import { namesIn } from "./promql.ts";

const missing = missingPrometheus("prometheus", "promtool");
const LIMIT_MS = 90_000;
/** Figures that an agent has only under circumstances: a sensor, neighbours, systemd, a raw source of entropy, a tunnel. */
const AT_TIMES =
  /^caye_(?:temperature_celsius|neighbour_\w+|watchdog_beats_total|entropy_(?:assessed|threshold)|tunnel_up|disk_\w+|board_\w+|backup_\w+|update_step|spans_total|clock_(?:source|uncertainty_seconds))$/;

interface Started {
  readonly state: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

async function start({ state, port, env }: Started): Promise<AgentProcess> {
  const agent = await startAgent({
    state,
    env: { CAYE_METRICS_PORT: String(port), CAYE_LOG_FORMAT: "json", CAYE_LOG_LEVEL: "debug", ...env },
    command: [process.execPath, "src/main.ts", "run"],
  });
  await agent.printed('"radio ready"', LIMIT_MS);
  return agent;
}

async function stateFolder(owned: AsyncDisposableStack): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "caye-alarms-"));
  owned.defer(() => rm(state, { recursive: true, force: true }));
  return state;
}

/** Waits until the alarm rings, or does not ring any more. */
function rings(prometheus: Prometheus, alert: string, instance: string, wanted = true): Promise<void> {
  return eventually(async () => {
    const all = await prometheus.firing();
    const found = all.some((one) => one.alert === alert && one.instance === instance);
    return found === wanted ? true : undefined;
  }, LIMIT_MS).then(
    () => undefined,
    () => expect.unreachable(`${alert} of ${instance} ${wanted ? "did not ring" : "rang on"}`),
  );
}

async function expectAllFigures(port: number): Promise<void> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(promtool(["check", "metrics"], page)).toEqual({ ok: true, text: "" });
  const exported = labelsOnPage(page);
  const shown = DASHBOARDS.flatMap(({ rows }) => rows)
    .flatMap(({ panels }) => panels)
    .flatMap((panel) => (panel.kind === "logs" ? [] : panel.queries.flatMap(([expr]) => namesIn(expr))));
  for (const { metric } of shown) {
    if (metric !== "up" && !AT_TIMES.test(metric)) expect(exported.has(metric), metric).toBe(true);
  }
}

/** What the state directory holds that nobody else may know: as text, in hex and in base64. */
async function secretsOf(state: string): Promise<readonly string[]> {
  const names = (await readdir(state)).filter((name) => /^token$|\.key$|\.sealed$|\.pem$/.test(name));
  const contents = await Promise.all(names.map((name) => readFile(join(state, name))));
  return contents.flatMap((bytes) => {
    const text = bytes.toString("latin1").trim();
    const plain = /^[\x20-\x7e]+$/.test(text) ? [text] : [];
    return [...plain, bytes.toString("hex"), bytes.toString("base64"), bytes.toString("base64url")];
  });
}

describe.skipIf(missing !== undefined)(`a real Prometheus${missing === undefined ? "" : `: ${missing}`}`, () => {
  test(
    "rings for a radio that is gone, and for an agent that is; and no secret is in the log",
    { timeout: 240_000 },
    async () => {
      await using owned = new AsyncDisposableStack();
      const state = await stateFolder(owned);
      const port = await freePort();
      const radio = await ScriptedRadio.open();
      const env = { CAYE_RADIO_MODEM: radio.uri };
      let said = "";
      await using prometheus = await startPrometheus(new Map([["clinic", port]]));
      {
        await using agent = await start({ state, port, env });
        await eventually(async () => ((await prometheus.up()).includes("clinic") ? true : undefined));
        await rings(prometheus, "CayeAgentDown", "clinic", false);
        await expectAllFigures(port);
        await radio[Symbol.asyncDispose]();
        await rings(prometheus, "CayeRadioDown", "clinic");
        await using back = await ScriptedRadio.open(radio.port);
        await rings(prometheus, "CayeRadioDown", "clinic", false);
        expect(back.connections).toBeGreaterThan(0);
        await agent.stop("SIGKILL");
        said += agent.output();
        await rings(prometheus, "CayeAgentDown", "clinic");
        await using again = await start({ state, port, env });
        await rings(prometheus, "CayeAgentDown", "clinic", false);
        await again.stop();
        said += again.output();
      }
      const secrets = await secretsOf(state);
      expect(secrets.length).toBeGreaterThan(3);
      for (const secret of secrets) expect(said).not.toContain(secret);
    },
  );

  test("rings for a source of entropy that has stuck, until it recovers", { timeout: 240_000 }, async (context) => {
    if (!isInstalled("socat")) context.skip("socat is not installed");
    await using owned = new AsyncDisposableStack();
    const state = await stateFolder(owned);
    const port = await freePort();
    const device = new SimulatedOnerng();
    device.samples = () => 0xa5;
    await using terminal = await terminalTo(device);
    await using radio = await ScriptedRadio.open();
    const source = `qrng:onerng:${await realpath(terminal.path)}`;
    await using prometheus = await startPrometheus(new Map([["roof", port]]));
    const env = { CAYE_RADIO_MODEM: radio.uri, CAYE_ENTROPY_SOURCE: source, CAYE_ENTROPY_MIN_ENTROPY_BITS: "6" };
    await using agent = await start({ state, port, env });
    await rings(prometheus, "CayeEntropySourceFailing", "roof");
    device.samples = ideal(9);
    await rings(prometheus, "CayeEntropySourceFailing", "roof", false);
    expect(agent.output()).toContain("A source of entropy is well again");
  });
});
