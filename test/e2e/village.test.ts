/** What the README promises: start without a radio, see the neighbours' files, fetch one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FileRow, StatusReport } from "../../src/kernel/reports.ts";
import { caye, eventually, ROOT, startAgent } from "./agent-process.ts";

// The air runs faster than real, so that minutes on LongFast take seconds here.
const FAST = { CAYE_VILLAGE_SPEED: "40" };

test(
  "npm start without a radio brings up the village, whose files can be listed and fetched",
  { timeout: 120_000 },
  async () => {
    await using agent = await startAgent({ env: FAST });
    await agent.printed("caye is up");
    expect(agent.output()).toContain("simulated");

    const bulletin = await eventually(async () => {
      const { stdout } = await caye(agent.state, "ls", "--json");
      const report: { files: FileRow[] } = JSON.parse(stdout);
      if (report.files.length < 4) return undefined;
      return report.files.find(({ name }) => name === "storm-bulletin.txt");
    });
    expect(bulletin).toMatchObject({
      held: false,
      bytes: expect.any(Number),
      cid: null,
      ref: expect.stringMatching(/\/\d+$/),
    });

    const target = join(agent.state, "fetched.txt");
    const got = await caye(agent.state, "get", "storm-bulletin.txt", "-o", target, "--json");
    expect(got.stderr + got.stdout).not.toContain('"error"');
    expect(got.code).toBe(0);
    const report: Record<string, number | string> = JSON.parse(got.stdout);
    expect(report).toMatchObject({ cid: expect.stringMatching(/^bafkrei/), bytes: bulletin.bytes });
    for (const field of ["packets", "air_bytes", "air_ms"]) expect(report[field], field).toBeGreaterThan(0);

    const original = join(ROOT, "src/sim/village-files/shelter/storm-bulletin.txt");
    expect(await readFile(target)).toEqual(await readFile(original));

    const status: StatusReport = JSON.parse((await caye(agent.state, "status", "--json")).stdout);
    expect(status.radio).toMatchObject({ simulated: true, link: "ready", preset: "LongFast" });
    expect(status.neighbours.length).toBeGreaterThan(0);

    const began = performance.now();
    expect(await agent.stop("SIGTERM")).toBe(0);
    // The promise is 2 s; npm and a loaded machine add to what is seen from outside.
    expect(performance.now() - began).toBeLessThan(10_000);
  },
);
