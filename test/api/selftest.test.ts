/** The API takes in the report of a full self-test when its hash fits, and only from who knows the token. */
import { beforeEach, expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { openDoors } from "../../src/api/doors.ts";
import { recordOf, type SelfTestRecord, type SelfTestReport } from "../../src/kernel/selftest.ts";
import { fakeView } from "../fakes/agent-view.ts";
import { keepingLog, type LogLine } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const REPORT: SelfTestReport = {
  kind: "full",
  ok: true,
  node: "24.0.0",
  tests: [{ name: "SHA-2", source: "NIST", cases: 3, failed: [] }],
};

let kept: SelfTestRecord[];
let api: (request: Request) => Promise<Response>;
beforeEach(() => {
  kept = [];
  const onSelfTest = (record: SelfTestRecord): void => void kept.push(record);
  api = createApi(fakeView(), { token: "t0ken", host: "127.0.0.1", onFault: () => undefined, onSelfTest });
});

const handIn = (body: unknown, token = "t0ken", to = api): Promise<Response> =>
  to(
    new Request("http://127.0.0.1/v1/selftest", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

test("a report is kept as it is", async () => {
  const response = await handIn(recordOf(REPORT));
  expect([response.status, await response.json()]).toEqual([201, { sha256: recordOf(REPORT).sha256 }]);
  expect(kept).toEqual([recordOf(REPORT)]);
});

test("a report that was changed, is none, or comes from a stranger is not", async () => {
  const record = recordOf(REPORT);
  for (const body of [
    { ...record, report: { ...REPORT, ok: false } },
    { ...record, report: { ...REPORT, more: 1 } },
    { ...record, sha256: "00" },
    { ...record, report: { ...REPORT, tests: [] } },
    { report: REPORT },
    [],
  ]) {
    const response = await handIn(body);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "BAD_REQUEST" } }]);
  }
  expect((await handIn(record, "other")).status).toBe(401);
  expect((await handIn({ ...record, padding: "x".repeat(70_000) })).status).toBe(413);
  expect(kept).toEqual([]);
});

test("the agent writes it into its log, in which a failure stands out, and hands on how it ended", async () => {
  const log: LogLine[] = [];
  const address = { host: "127.0.0.1", port: 0 };
  const handlers = new Map<string, (request: Request) => Promise<Response>>();
  const doors = await openDoors({
    api: address,
    metrics: address,
    pid: 1,
    state: {
      read: async () => new TextEncoder().encode("k".repeat(48)),
      writeAtomic: async () => undefined,
      remove: async () => undefined,
    },
    random: seeded(1).random,
    log: keepingLog(log),
    openServer: async ({ name, handler }) => {
      handlers.set(name, handler);
      return { url: `http://${name}`, [Symbol.asyncDispose]: async () => undefined };
    },
  });
  const ended: boolean[] = [];
  await doors.open(fakeView(), (ok) => void ended.push(ok));
  const to = handlers.get("api") ?? expect.unreachable("no door");
  const broken = { ...REPORT, ok: false, tests: [...REPORT.tests, { ...REPORT.tests[0]!, name: "X", failed: ["1"] }] };
  for (const report of [REPORT, broken]) await handIn(recordOf(report), "k".repeat(48), to);
  expect(log).toMatchObject([
    { level: "info", fields: { kind: "full", tests: 1, failed: "", sha256: recordOf(REPORT).sha256 } },
    { level: "error", fields: { kind: "full", tests: 2, failed: "X", sha256: recordOf(broken).sha256 } },
  ]);
  expect(ended).toEqual([true, false]);
  await doors.close();
});
