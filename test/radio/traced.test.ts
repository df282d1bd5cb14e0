/** Frames of an answer carry their trace from the queue to the radio; beacons carry none. */
import { expect, test } from "vitest";
import { OtlpTracer } from "../../src/drivers/telemetry/tracer.ts";
import { rememberingLastHeard } from "../../src/desk/last-heard.ts";
import { PRIVATE_APP } from "../../src/ports/modem.ts";
import type { Frame } from "../../src/radio/frame.ts";
import { AirTrace } from "../../src/radio/traced.ts";
import { FakeClock } from "../fakes/clock.ts";
import { Collector } from "../fakes/collector.ts";
import { silentLog } from "../fakes/log.ts";
import { FakeModem } from "../fakes/modem.ts";

test("what is offered within a request is scheduled and sent within it", async () => {
  await using collector = await Collector.open();
  const clock = new FakeClock();
  const tracer = new OtlpTracer({ url: collector.url, resource: {}, version: "0", clock, log: silentLog });
  const air = new AirTrace(tracer);
  const offered: Frame[] = [];
  const queue = air.queue({
    offer: (frame) => (offered.push(frame), "queued"),
    cancel: () => true,
    heard: () => undefined,
  });
  const device = new FakeModem(clock);
  const modem = air.modem(rememberingLastHeard(device, clock));
  const { signal } = new AbortController();
  const frame = (byte: number): Frame => ({ payload: Uint8Array.of(byte), priority: 2, hopLimit: 0 });
  queue.offer(frame(1));
  tracer.span("request", {}, () => queue.offer(frame(2)));
  device.answers.push({ kind: "taken" }, { kind: "busy", reason: "full" });
  for (const { payload } of offered) await modem.send({ to: 1, port: PRIVATE_APP, payload, hopLimit: 0 }, signal);
  expect(device.sent).toHaveLength(2);
  expect(modem.heardMsAgo()).toBeUndefined();
  await tracer.flush(signal);
  const [request] = collector.named("request");
  const { traceId, spanId: parentSpanId } = request ?? expect.unreachable();
  expect(collector.named("air.schedule")).toMatchObject([
    { traceId, parentSpanId, attributes: { priority: 2, bytes: 1, offer: "queued" } },
  ]);
  expect(collector.named("air.send")).toMatchObject([
    { traceId, parentSpanId, attributes: { bytes: 1, outcome: "busy" } },
  ]);
});
