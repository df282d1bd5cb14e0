/** OpenTelemetry's protocol over HTTP in its JSON form: opentelemetry-proto 1.x, `ExportTraceServiceRequest`. @module */
import type { Attributes, SpanContext } from "../../ports/tracer.ts";

export interface FinishedSpan extends SpanContext {
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** Unix time in ms, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Why it failed; undefined when it did not. */
  readonly failure: string | undefined;
}

const SPAN_KIND_INTERNAL = 1;
const STATUS_OK = 1;
const STATUS_ERROR = 2;

/** The body of one export. @param resource what the spans are of: `service.name`, … */
export function encodeTraces(spans: readonly FinishedSpan[], resource: Attributes, version: string): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope: { name: "caye", version }, spans: spans.map(spanJson) }],
      },
    ],
  });
}

function spanJson(span: FinishedSpan): object {
  const { traceId, spanId, parentSpanId, name, startMs, endMs, attributes, failure } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: SPAN_KIND_INTERNAL,
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: keyValues(attributes),
    status: failure === undefined ? { code: STATUS_OK } : { code: STATUS_ERROR, message: failure },
  };
}

/** 64-bit numbers are texts in JSON. */
function nanoseconds(ms: number): string {
  return (BigInt(Math.round(ms * 1_000)) * 1_000n).toString();
}

function keyValues(attributes: Attributes): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Attributes[string]): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
