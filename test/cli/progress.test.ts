/** How far a transfer is: on a terminal one line that counts seconds, elsewhere lines that never stay away for long. */
import { beforeEach, describe, expect, test } from "vitest";
import type { GetReport } from "../../src/kernel/reports.ts";
import { getReport, rawCid } from "../fakes/agent-view.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

/** Of a file of several blocks: its root is no raw block. */
const MANIFEST_CID = rawCid(Uint8Array.of(1)).replace("bafkrei", "bafyrei");
/** The commands ask twice a second. */
const POLLS_A_SECOND = 2;

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

const REQUEST = { air_bytes: 12, air_ms: 400, asked: 1, missing: 1 };

function receiving(have: number, changes: Partial<GetReport> = {}): GetReport {
  const cost = { air_bytes: have * 200 + 16, air_ms: have * 2_000 + 400, asked: 1, missing: 1 };
  return getReport({ ...cost, packets: have, total: 5, wanted: 5 - have, state: "receiving", ...changes });
}

function lasting(seconds: number, report: GetReport): GetReport[] {
  return Array.from({ length: seconds * POLLS_A_SECOND }, () => report);
}

/** What a terminal showed, one line after the other. */
async function shown(...course: GetReport[]): Promise<readonly string[]> {
  cli.isTty = true;
  // The first report comes with the answer to the request, and again with the first look.
  cli.view.course = [...course, getReport({ state: "done" })];
  const { err } = await cli.run("get", "storm.txt");
  const lines = err.split("\r\u001b[K");
  expect([lines[0], lines.at(-1)]).toEqual(["", ""]);
  return lines.slice(1, -1);
}

describe("on a terminal", () => {
  test("one line counts the seconds, and tells whom it waits for", async () => {
    const asked = getReport({ ...REQUEST, holder: "shelter" });
    const lines = await shown(...lasting(1.5, getReport({ asked: 0, missing: 1 })), ...lasting(12, asked));
    expect(lines.slice(0, 3)).toEqual([
      "storm.txt: the request waits for its turn on air (0 s)",
      "storm.txt: the request waits for its turn on air (1 s)",
      "storm.txt: asked; waiting for shelter (2 s)",
    ]);
    expect(lines).toContain("storm.txt: asked; waiting for shelter (12 s)");
    expect(lines).toHaveLength(14);
  });

  test("it says how often it asked, and that it waits for anybody when nobody is known to have it", async () => {
    const [line] = await shown(getReport({ ...REQUEST, asked: 4 }));
    expect(line).toBe("storm.txt: asked 4 times; waiting for a neighbour (0 s)");
  });

  test("then it tells the pieces, their cost, and about how long the rest will take at the pace so far", async () => {
    const lines = await shown(
      ...lasting(10, getReport(REQUEST)),
      ...lasting(4, receiving(1)),
      ...lasting(4, receiving(2)),
      receiving(3),
    );
    expect(lines).toContain("storm.txt: 1 of 5 pieces, 216 B, 2.4 s on air (10 s)");
    expect(lines).toContain("storm.txt: 2 of 5 pieces, 416 B, 4.4 s on air, about 12 s left");
    expect(lines.at(-1)).toBe("storm.txt: 3 of 5 pieces, 616 B, 6.4 s on air, about 8 s left");
  });

  test("the rest grows while nothing comes, and never reads as nothing", async () => {
    const lines = await shown(receiving(0), receiving(1), receiving(3), ...lasting(9, receiving(3)));
    expect(lines.filter((line) => line.includes("left")).map((line) => /about .* left/.exec(line)?.[0])).toEqual(
      expect.arrayContaining(["about 1 s left", "about 9 s left"]),
    );
  });

  test("of many blocks it tells how many follow, and guesses the rest once they are known", async () => {
    const many = (have: number, missing: number): GetReport => receiving(have, { cid: MANIFEST_CID, missing });
    const lines = await shown(
      receiving(0, { cid: MANIFEST_CID }),
      ...lasting(1, many(1, 1)),
      ...lasting(1, many(2, 1)),
      ...lasting(1, many(0, 3)),
      ...lasting(1, many(1, 3)),
    );
    expect(lines.filter((line) => line.includes("of 5 pieces") && !line.includes("more blocks"))).toSatisfy(
      (before: readonly string[]) => before.length > 0 && before.every((line) => !line.includes("left")),
    );
    expect(lines.at(-1)).toMatch(/^storm\.txt: 1 of 5 pieces, 2 more blocks, .*, about \d+ s left$/);
  });

  test("of a line that is wider than the terminal the name is cut first, so that it can be overwritten", async () => {
    const named = (length: number): GetReport => getReport({ ...REQUEST, name: "水".repeat(length) });
    cli.columns = 60;
    expect(await shown(named(40))).toEqual([`${"水".repeat(10)}…: asked; waiting for a neighbour (0 s)`]);
    cli.columns = 20;
    expect(await shown(named(41))).toEqual(["水水水…: asked; wa…"]);
  });

  test("a neighbour's name can't move the cursor", async () => {
    const [line] = await shown(getReport({ ...REQUEST, holder: "\u001b[2Jx" }));
    expect(line).toBe("storm.txt: asked; waiting for �[2Jx (0 s)");
  });

  test("in Spanish, too", async () => {
    cli.env["LANG"] = "es_BZ.UTF-8";
    const lines = await shown(getReport({ ...REQUEST, asked: 2 }), receiving(1), receiving(2, { missing: 2 }));
    expect(lines).toContain("storm.txt: pedido 2 veces; esperando a un vecino (0 s)");
    expect(lines.at(-1)).toMatch(/: 2 de 5 piezas, 1 bloque más, 416 B, 4\.4 s en el aire/);
  });
});

describe("elsewhere", () => {
  /** Lines on standard error, with the course that led to them. */
  async function written(...course: GetReport[]): Promise<readonly string[]> {
    cli.view.course = [...course, getReport({ state: "done" })];
    const { err } = await cli.run("get", "storm.txt");
    return err.split("\n").filter((line) => line !== "");
  }

  test("news is a line every five seconds", async () => {
    const news = Array.from({ length: 19 * POLLS_A_SECOND }, (_, i) => receiving(2, { packets: i + 1 }));
    expect(await written(...news)).toHaveLength(4);
  });

  test("no news is a line every ten seconds, so that nobody takes waiting for hanging", async () => {
    const lines = await written(...lasting(35, getReport({ ...REQUEST, holder: "shelter" })));
    expect(lines).toEqual(["0", "10", "20", "30"].map((s) => `storm.txt: asked; waiting for shelter (${s} s)`));
  });
});
