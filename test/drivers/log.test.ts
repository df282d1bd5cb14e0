/** The log's two forms. @module */
import { expect, test } from "vitest";
import { openLog } from "../../src/drivers/log.ts";

async function lines(format: "text" | "json", level: "debug" | "info" | "warn" = "info") {
  const written: string[] = [];
  const log = await openLog({ level, format, stream: { write: (text) => void written.push(text) } });
  return { log, written };
}

test("JSON lines hold the sentence, the fields, the component and the time", async () => {
  const { log, written } = await lines("json");
  log.named("radio").named("scheduler").warn("packet dropped", { bytes: 231, from: "clinic", late: true, why: null });
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0] ?? "")).toEqual({
    level: "warn",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    component: "scheduler",
    bytes: 231,
    from: "clinic",
    late: true,
    why: null,
    msg: "packet dropped",
  });
});

test("text is one plain line, with fields as key=value", async () => {
  const { log, written } = await lines("text");
  log.named("radio").info("link is ready", { uri: "sim:", preset: "Long Fast", queued: 0 });
  log.error("disk is full");
  expect(written.map((line) => line.replace(/^\[[\d:]+\] /, ""))).toEqual([
    'INFO: radio: link is ready  uri=sim: preset="Long Fast" queued=0\n',
    "ERROR: disk is full\n",
  ]);
});

test("text tells of a boot step in words; JSON keeps its fields", async () => {
  const step = { step: "measure", state: "measured", ms: 96, detail: "190 files" };
  const bad = { step: "attest", state: "mismatch", ms: 5, detail: "code changed: src/x.ts", fix: "put it back" };
  const text = await lines("text");
  const json = await lines("json");
  for (const { log } of [text, json]) {
    log.named("boot").info("Boot step", step);
    log.named("boot").warn("Boot step", bad);
  }
  expect(text.written.map((line) => line.replace(/^\[[\d:]+\] /, ""))).toEqual([
    "INFO: boot: measured  190 files  (96 ms)\n",
    "WARN: boot: attest: mismatch  code changed: src/x.ts  (5 ms)  fix: put it back\n",
  ]);
  expect(json.written.map((line): unknown => JSON.parse(line))).toMatchObject([
    { msg: "Boot step", component: "boot", ...step },
    { msg: "Boot step", component: "boot", ...bad },
  ]);
});

test.each(["text", "json"] as const)(
  "%s: a field from the air can't move the cursor, break the line or fill the disk",
  async (format) => {
    const { log, written } = await lines(format);
    log.info("heard", { name: "\u001b[2J\r\n\u009b31m\u202e\u2028x", long: "y".repeat(100_000) });
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what is looked for
    expect(written.join("")).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]*\n$/);
    expect(written.join("").split("\n")).toHaveLength(2);
    expect(written.join("").length).toBeLessThan(1_300);
  },
);

test("sentences below the level are not written", async () => {
  const { log, written } = await lines("json", "warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  expect(written).toHaveLength(1);
});
