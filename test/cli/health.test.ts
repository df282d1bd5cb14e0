/** `caye health`: what counts as healthy, and the exit codes that scripts wait for. */
import { expect, test } from "vitest";
import { healthOf } from "../../src/kernel/health.ts";
import { statusReport } from "../fakes/agent-view.ts";
import { fakeCli } from "../fakes/cli-io.ts";

const warned = statusReport();
const ready = statusReport({ state: "running", radio: { ...warned.radio, link: "ready" } });

test("a node that runs, or runs with warnings, is healthy", () => {
  expect(healthOf(ready, { radio: true }).healthy).toBe(true);
  expect(healthOf(warned, { radio: false })).toMatchObject({
    healthy: true,
    state: "warned",
    version: "0.1.0",
    pid: 4242,
  });
});

test("one in quarantine is not, and says why", () => {
  const shut = statusReport({
    state: "quarantine",
    radio: { ...warned.radio, link: "shut", detail: "the code differs" },
  });
  expect(healthOf(shut, { radio: false }).reasons).toEqual(["the node is in quarantine: the code differs"]);
});

test("one whose store lost something is not", () => {
  const step = { step: "store", state: "damaged", ok: false, detail: "3 blocks are gone", fix: "", ms: 1 };
  const report = statusReport({ trust: { ...warned.trust, steps: [{ ...step, ok: true }, step] } });
  expect(healthOf(report, { radio: false }).reasons).toEqual(["the store is not well: 3 blocks are gone"]);
});

test("a radio that is away counts only when it is asked for", () => {
  const away = statusReport({ radio: { ...warned.radio, link: "down" } });
  expect(healthOf(away, { radio: false }).healthy).toBe(true);
  expect(healthOf(away, { radio: true }).reasons).toEqual(["the radio's link is down, not ready"]);
});

test("the exit code tells: 0 healthy, 1 not, 3 nobody answers", async () => {
  const cli = fakeCli();
  expect(await cli.run("health")).toMatchObject({ code: 0, out: expect.stringContaining("Healthy: caye 0.1.0") });
  cli.answer = async () => Response.json(statusReport({ state: "quarantine" }));
  expect(await cli.run("health")).toMatchObject({
    code: 1,
    out: expect.stringContaining("Not healthy: the node is in quarantine"),
  });
  cli.answer = undefined;
  const { code, out } = await cli.run("health", "--json");
  expect(code).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ healthy: false, state: "no-answer", pid: 0 });
});

test("it waits until the node is healthy, says so now and then, and gives up in the end", async () => {
  const cli = fakeCli();
  let asked = 0;
  cli.answer = async () => Response.json(statusReport({ state: ++asked < 5 ? "quarantine" : "running" }));
  expect((await cli.run("health", "--wait", "60")).code).toBe(0);
  expect(asked).toBe(5);
  cli.answer = undefined;
  const startedMs = cli.nowMs;
  const { code, err } = await cli.run("health", "--wait", "25");
  expect(code).toBe(3);
  expect(cli.nowMs - startedMs).toBe(25_000);
  expect(err.match(/not healthy yet/g)).toHaveLength(2);
});
