/** A real agent with a collector: the boot, requests of the API, and a request from the air to its answer in the radio. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PRIVATE_APP } from "../../src/ports/modem.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import type { PutReport } from "../../src/kernel/reports.ts";
import { parseCid } from "../../src/dag/cid.ts";
import { refOf } from "../../src/dag/block-ref.ts";
import { Collector, type ReadSpan } from "../fakes/collector.ts";
import { beaconOf } from "../fakes/beacon.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { packetWords, ScriptedRadio } from "../fakes/scripted-radio.ts";
import { seeded } from "../fakes/seeded.ts";
import { caye, eventually, startAgent } from "./agent-process.ts";

test(
  "spans of the boot, of a command, and of a question by radio reach the collector",
  { timeout: 120_000 },
  async () => {
    await using collector = await Collector.open();
    await using radio = await ScriptedRadio.open();
    await using agent = await startAgent({
      env: { CAYE_RADIO_MODEM: radio.uri, CAYE_TELEMETRY_TRACES: collector.url },
      command: [process.execPath, "src/main.ts", "run"],
    });
    await agent.printed("caye is up");
    const file = join(agent.state, "storm.txt");
    await writeFile(file, "Storm bulletin 7: wind 90 km/h from the east, go to the school.\n");
    const put = await caye(agent.state, "put", file, "--json");
    const { cid }: PutReport = JSON.parse(put.stdout);
    const parsed = parseCid(cid);
    const prefix = refOf(parsed ?? expect.unreachable()).digest.subarray(0, 16);
    const somebody = authorFromSeed(seeded(5).random.bytes(32));
    const question = encodeMessage({
      type: "get",
      target: { kind: "prefix", prefix },
      amount: { kind: "more", symbols: 1 },
    });
    const hear = (payload: Uint8Array, id: number): void => radio.say(packetWords({ payload, id, port: PRIVATE_APP }));
    await eventually(async () => (radio.connections > 0 ? true : undefined));
    let id = 1;
    for (const message of [introductionOf(somebody), beaconOf(somebody.id, [{ author: somebody.id, count: 1 }])]) {
      hear(encodeMessage(message), id++);
    }
    const answered = await eventually(
      async () => {
        hear(question, id++);
        return radio.packets.some(({ payloadVariant }) => {
          if (payloadVariant.case !== "decoded") return false;
          const message = decodeMessage(payloadVariant.value.payload);
          return message.ok && message.value.type === "coded";
        })
          ? true
          : undefined;
      },
      60_000,
      1_000,
    );
    expect(answered).toBe(true);
    const sent = await eventually(async () => collector.named("air.send")[0], 30_000);
    expect(collector.refused).toEqual([]);

    const trace = collector.spans.filter(({ traceId }) => traceId === sent.traceId);
    const byId = new Map(trace.map((span) => [span.spanId, span]));
    const lineOf = (span: ReadSpan | undefined): readonly string[] =>
      span === undefined ? [] : [span.name, ...lineOf(byId.get(span.parentSpanId ?? ""))];
    expect(lineOf(sent).at(-1)).toBe("air.packet");
    const lines = new Set(trace.map((span) => lineOf(span).toReversed().join(" > ")));
    for (const line of [
      "air.packet > air.decode",
      "air.packet > air.handle > air.lookup",
      "air.packet > air.handle > air.encode",
      "air.packet > air.handle > air.answer > air.schedule",
      "air.packet > air.handle > air.answer > air.send",
    ]) {
      expect([...lines]).toContain(line);
    }
    expect(trace.find(({ name }) => name === "air.handle")?.attributes).toEqual({ type: "get" });

    const [boot] = collector.named("boot");
    const steps = collector.spans.filter(({ parentSpanId }) => parentSpanId === boot?.spanId).map(({ name }) => name);
    expect(steps).toEqual(
      ["selftest", "measure", "attest", "seed", "unseal", "store", "settle"].map((step) => `boot.${step}`),
    );
    const request = collector
      .named("api.request")
      .find(({ attributes }) => attributes["http.request.method"] === "POST");
    expect(request?.attributes).toMatchObject({ "http.route": "/v1/files", "http.response.status_code": 201 });
    // The command has named its trace.
    expect(request?.parentSpanId).toMatch(/^[0-9a-f]{16}$/);
    expect(request?.resource).toMatchObject({ "service.name": "caye", "service.instance.id": "caye" });
    expect(JSON.stringify(collector.spans)).not.toMatch(/storm|bafk/);
  },
);
