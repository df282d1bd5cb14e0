/** Traces: what belongs to what, as a collector reads it; and that a collector that is ill costs the agent nothing. */
import { expect, onTestFinished, test } from "vitest";
import { OtlpTracer, type OtlpTracerOptions } from "../../../src/drivers/telemetry/tracer.ts";
import { AgentError } from "../../../src/kernel/errors.ts";
import { FakeClock } from "../../fakes/clock.ts";
import { Collector } from "../../fakes/collector.ts";
import { keepingLog, silentLog, type LogLine } from "../../fakes/log.ts";

const { signal } = new AbortController();
const RESOURCE = { "service.name": "caye" };

async function collector(): Promise<Collector> {
  const opened = await Collector.open();
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

function tracerTo(url: string, changes: Partial<OtlpTracerOptions> = {}) {
  const clock = new FakeClock();
  const tracer = new OtlpTracer({ url, resource: RESOURCE, version: "0.1.0", clock, log: silentLog, ...changes });
  return { tracer, clock };
}

test("a span within a span is its child, also behind an await; times and attributes arrive", async () => {
  const to = await collector();
  const { tracer, clock } = tracerTo(to.url);
  const result = await tracer.span("outer", { type: "get", bytes: 12, share: 0.5, own: true }, async () => {
    await clock.advance(1_500);
    tracer.note({ later: "yes" });
    return tracer.span("inner", {}, () => 42);
  });
  expect(result).toBe(42);
  expect(tracer.here()).toBeUndefined();
  await tracer.flush(signal);
  expect([to.refused, to.messages]).toEqual([[], 1]);
  const [outer] = to.named("outer");
  const [inner] = to.named("inner");
  expect(outer).toMatchObject({
    resource: RESOURCE,
    attributes: { type: "get", bytes: 12, share: 0.5, own: true, later: "yes" },
    status: { code: 1 },
    startTimeUnixNano: "1750000000000000000",
    endTimeUnixNano: "1750000001500000000",
  });
  expect(outer?.parentSpanId).toBeUndefined();
  expect(inner).toMatchObject({ traceId: outer?.traceId, parentSpanId: outer?.spanId });
  expect(tracer.counts()).toEqual({ sent: 2, dropped: 0 });
});

test("two that run side by side stay apart, and a clock that is set meanwhile makes no span end before it began", async () => {
  const to = await collector();
  const { tracer, clock } = tracerTo(to.url);
  const one = (name: string) =>
    tracer.span(name, {}, async () => {
      await clock.advance(10);
      return tracer.span(`${name}.child`, {}, async () => {
        clock.setWall(1_740_000_000_000);
        await clock.advance(10);
      });
    });
  await Promise.all([one("a"), one("b")]);
  await tracer.flush(signal);
  for (const name of ["a", "b"]) {
    const [parent] = to.named(name);
    expect(to.named(`${name}.child`)).toMatchObject([{ traceId: parent?.traceId, parentSpanId: parent?.spanId }]);
  }
  expect(to.named("a")[0]?.traceId).not.toBe(to.named("b")[0]?.traceId);
  for (const { startTimeUnixNano, endTimeUnixNano } of to.spans) {
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  }
});

test("what fails is marked with its code and fails as before; a name within the message is not sent", async () => {
  const to = await collector();
  const { tracer } = tracerTo(to.url);
  const fault = new AgentError("NOT_FOUND", "nobody offers diary.txt");
  expect(() =>
    tracer.span("sync", {}, () => {
      throw fault;
    }),
  ).toThrow(fault);
  await expect(tracer.span("async", {}, () => Promise.reject(fault))).rejects.toBe(fault);
  await tracer.flush(signal);
  expect(to.spans).toMatchObject([
    { name: "sync", status: { code: 2, message: "NOT_FOUND" } },
    { name: "async", status: { code: 2, message: "NOT_FOUND" } },
  ]);
  expect(JSON.stringify(to.spans)).not.toContain("diary");
});

test("a given parent wins over the span of now; what is over comes as a row within one", async () => {
  const to = await collector();
  const { tracer } = tracerTo(to.url);
  const parent = { traceId: "ab".repeat(16), spanId: "cd".repeat(8) };
  tracer.span("outer", {}, () => tracer.span("answer", {}, () => undefined, parent));
  tracer.past("boot", 1_750_000_000_000, [
    { name: "boot.measure", ms: 30, ok: true, attributes: { state: "measured" } },
    { name: "boot.attest", ms: 12, ok: false, attributes: { state: "mismatch" } },
  ]);
  await tracer.flush(signal);
  expect(to.named("answer")).toMatchObject([{ traceId: parent.traceId, parentSpanId: parent.spanId }]);
  const [boot] = to.named("boot");
  expect(boot).toMatchObject({ status: { code: 2 }, endTimeUnixNano: "1750000000042000000" });
  expect(to.named("boot.attest")).toMatchObject([
    { parentSpanId: boot?.spanId, startTimeUnixNano: "1750000000030000000", attributes: { state: "mismatch" } },
  ]);
});

test("while a collector is silent spans are dropped and counted, and nobody waits", async () => {
  const to = await collector();
  to.status = 0;
  const { tracer } = tracerTo(to.url);
  for (let i = 0; i < 5_000; i++) tracer.span("many", {}, () => i);
  expect(tracer.counts()).toEqual({ sent: 0, dropped: 5_000 - 1_024 });
  const stop = new AbortController();
  const sending = tracer.flush(stop.signal);
  tracer.span("meanwhile", {}, () => undefined);
  stop.abort();
  await sending;
  expect(tracer.counts()).toEqual({ sent: 0, dropped: 5_000 - 1_024 + 256 });
});

test("one that is gone, or that refuses, is told of in the log, not by any failure", async () => {
  const lines: LogLine[] = [];
  const to = await collector();
  to.status = 503;
  const refused = tracerTo(to.url, { log: keepingLog(lines) }).tracer;
  const gone = tracerTo("http://127.0.0.1:9", { log: keepingLog(lines) }).tracer;
  for (const tracer of [refused, gone]) {
    tracer.span("one", {}, () => undefined);
    await tracer.flush(signal);
    expect(tracer.counts()).toEqual({ sent: 0, dropped: 1 });
  }
  expect(lines.map(({ level, fields }) => [level, fields["spans"]])).toEqual([
    ["warn", 1],
    ["warn", 1],
  ]);
  expect(lines[0]?.fields["reason"]).toBe("HTTP status 503");
  to.status = 200;
  refused.span("two", {}, () => undefined);
  await refused.flush(signal);
  expect(refused.counts()).toEqual({ sent: 1, dropped: 1 });
});

test("as a service it sends every few seconds, and ends when it is told to", async () => {
  const bodies: string[] = [];
  const post = async (_url: string, body: string) => {
    bodies.push(body);
    return { ok: true, status: 200 };
  };
  const { tracer, clock } = tracerTo("http://127.0.0.1:4318", { post });
  const stop = new AbortController();
  const running = tracer.run(stop.signal);
  for (let i = 0; i < 600; i++) tracer.span("one", {}, () => undefined);
  await clock.advance(5_000);
  expect(bodies).toHaveLength(3);
  await clock.advance(60_000);
  expect(bodies).toHaveLength(3);
  expect(tracer.counts()).toEqual({ sent: 600, dropped: 0 });
  stop.abort();
  await running;
});
