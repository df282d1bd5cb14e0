/** `caye sim`: what can be typed, and what comes out. */
import { expect, test } from "vitest";
import { fakeCli } from "../fakes/cli-io.ts";

const SMALL = ["sim", "--scenario", "index", "--nodes", "3", "--entries", "2", "--loss", "0"];

function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("no JSON object");
  return { ...value };
}

test("the report in JSON has the names that scripts match on", async () => {
  const { code, out } = await fakeCli().run(...SMALL, "--seed", "7", "--json");
  expect(code).toBe(0);
  const report = parsed(out);
  expect(report).toMatchObject({ scenario: "index", seed: 7, nodes: 3, entries: 2, lossRatio: 0, complete: true });
  for (const name of ["airMs", "boundMs", "ratio", "packets"]) expect(report[name], name).toBeGreaterThan(0);
  expect(report["invariants"]).toEqual([{ name: "converged", held: true, detail: "3 equal vectors" }]);
});

test("people read what it cost and which laws held", async () => {
  const { out } = await fakeCli().run(...SMALL);
  expect(out).toContain("index: 3 nodes, loss 0, seed 1\n");
  expect(out).toMatch(/× the bound of \d+\.\d s/);
  expect(out).toContain("✓  converged");
});

test("a range of seeds gives one run each, and a summary", async () => {
  const { code, out } = await fakeCli().run(...SMALL, "--seeds", "3..5", "--json");
  expect(code).toBe(0);
  expect(parsed(out)).toMatchObject({
    summary: { runs: 3, complete: 3, failed: [] },
    runs: [{ seed: 3 }, { seed: 4 }, { seed: 5 }],
  });
  expect((await fakeCli().run(...SMALL, "--seeds", "3..5")).out).toContain("3 runs, 3 complete");
});

test("what a scenario measures of each happening is told over all seeds", async () => {
  const attest = ["sim", "--scenario", "attest", "--nodes", "3", "--entries", "6", "--loss", "0"];
  const figures = "packets an attestation: median 2, p95 2, max 2, mean 2.00";
  expect((await fakeCli().run(...attest)).out).toContain(`${figures} (of 6)\n`);
  expect((await fakeCli().run(...attest, "--seeds", "1..2")).out).toContain(`${figures} (of 12)\n`);
});

test("a trace that can't be written is told before anything is played", async () => {
  const cli = fakeCli();
  const { code, err } = await cli.run(...SMALL, "--trace", "nowhere/run.pcap");
  expect([code, err]).toEqual([1, expect.stringContaining("there is no directory nowhere")]);
});

test("a trace is written as its name says", async () => {
  const cli = fakeCli();
  await cli.run(...SMALL, "--trace", "run.pcap");
  await cli.run(...SMALL, "--trace", "run.jsonl");
  const [capture, lines] = [cli.files.get("/home/ana/run.pcap"), cli.files.get("/home/ana/run.jsonl")];
  expect(
    Buffer.from(capture ?? [])
      .subarray(0, 4)
      .toString("hex"),
  ).toBe("d4c3b2a1");
  const [first] = Buffer.from(lines ?? [])
    .toString()
    .split("\n");
  expect(parsed(first ?? "")).toHaveProperty("airtimeUs");
});

test("what changes nothing in a scenario is told, unless it is the scenario's own", async () => {
  const file = ["sim", "--scenario", "file-900", "--loss", "0", "--json"];
  const { code, err } = await fakeCli().run(...file, "--entries", "7");
  expect([code, err]).toEqual([0, "caye: --entries changes nothing in file-900, which takes --nodes, --loss\n"]);
  expect((await fakeCli().run(...file, "--entries", "1")).err).toBe("");
});

test("the scenarios are listed with their sentences", async () => {
  const { out } = await fakeCli().run("sim", "--list");
  expect(out).toMatch(/^hurricane +Rain /m);
  expect(parsed((await fakeCli().run("sim", "--list", "--json")).out)).toHaveProperty("scenarios");
});

test.each([
  { typed: ["sim"], said: "--scenario is missing" },
  { typed: ["sim", "--scenario", "indx"], said: "there is no scenario called indx; there are: index, file-20" },
  { typed: [...SMALL, "--loss", "1"], said: "from 0 to 0.9" },
  { typed: [...SMALL, "--nodes", "1"], said: "from 2 to 200" },
  { typed: [...SMALL, "--entries", "1e3"], said: "from 1 to 10000" },
  { typed: [...SMALL, "--seed", "-1"], said: "whole number" },
  { typed: [...SMALL, "--seeds", "5..3"], said: "1..20" },
  { typed: [...SMALL, "--seed", "1", "--seeds", "1..2"], said: "not both" },
  { typed: [...SMALL, "--seeds", "1..2", "--trace", "t"], said: "--trace goes with one run" },
  {
    typed: [...SMALL, "--symbols", "4"],
    said: "--symbols changes nothing in index, which takes --nodes, --entries, --loss",
  },
  { typed: ["sim", "--list", "--seed", "1"], said: "--list lists all scenarios, and goes without --seed" },
])("$typed is refused: $said", async ({ typed, said }) => {
  const { code, err } = await fakeCli().run(...typed);
  expect(code).toBe(2);
  expect(err).toContain(said);
});
