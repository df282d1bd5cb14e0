/** Every alarm rings and falls silent again in a real Prometheus that reads the real exporter while faults come and go. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ALERTS } from "../../provisioning/observability/alerts.ts";
import { createMetrics } from "../../src/api/metrics.ts";
import { openHttpServer } from "../../src/drivers/http-server.ts";
import { eventually } from "../e2e/agent-process.ts";
import { FAULTS, type Faulty } from "./faults.ts";
import { TRUST_FAULTS } from "./faults-trust.ts";
import { startPrometheus, type Prometheus } from "./prometheus.ts";
import { missingPrometheus } from "./promtool.ts";

const missing = missingPrometheus("prometheus");
const LIMIT_MS = 60_000;
const ALL = { ...FAULTS, ...TRUST_FAULTS };

test("there is a fault for every alarm", () => {
  expect(Object.keys(ALL).toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted());
});

describe.skipIf(missing !== undefined)(`a real Prometheus${missing === undefined ? "" : `: ${missing}`}`, () => {
  const owned = new AsyncDisposableStack();
  const nodes = new Map<string, Faulty>();
  let prometheus: Prometheus;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "caye-faults-"));
    owned.defer(() => rm(folder, { recursive: true, force: true }));
    const ports = new Map<string, number>();
    for (const [name, make] of Object.entries(ALL)) {
      const node = await make(owned, folder);
      await node.set(false);
      const handler = createMetrics(node.view, { host: "127.0.0.1", machine: node.machine });
      ports.set(name, owned.use(await openHttpServer({ name, host: "127.0.0.1", port: 0, handler })).port);
      nodes.set(name, node);
    }
    prometheus = owned.use(await startPrometheus(ports));
  }, 120_000);
  afterAll(() => owned.disposeAsync());

  /** Alarms that ring on the node that is to ring it. */
  const own = async (): Promise<readonly string[]> =>
    (await prometheus.firing()).flatMap(({ alert, instance }) => (alert === instance ? [alert] : [])).toSorted();

  const until = (expected: readonly string[]): Promise<readonly string[]> =>
    eventually(async () => {
      const found = await own();
      return found.join() === expected.join() ? found : undefined;
    }, LIMIT_MS).catch(own);

  test(
    "none rings while all is well, each rings under its fault, and falls silent after it",
    { timeout: 200_000 },
    async () => {
      const names = ALERTS.map(({ name }) => name).toSorted();
      await eventually(async () => ((await prometheus.up()).length === names.length ? true : undefined));
      expect(await until([])).toEqual([]);
      for (const node of nodes.values()) await node.set(true);
      expect(await until(names)).toEqual(names);
      const drift = (await prometheus.firing()).find(({ alert }) => alert === "CayeAttestationMismatch");
      expect(drift).toMatchObject({ labels: { reason: "drift", severity: "critical" } });
      expect(drift?.annotations["summary"]).toMatch(
        /^CayeAttestationMismatch: the attestation of \S+ .* fails: drift$/,
      );
      for (const node of nodes.values()) await node.set(false);
      expect(await until([])).toEqual([]);
    },
  );
});
