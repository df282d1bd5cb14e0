/** Traces: what took how long, and within what. Where nobody asked for them there is no tracer, and {@link traced} costs a comparison. @module */

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span, for what comes later and belongs to it. */
export interface SpanContext {
  /** 32 and 16 lower-case hex digits, never all zero. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface Tracer {
  /**
   * Does the work as a span of the one of now, or of `parent`; what it does is within it, also behind each `await`. What
   * it throws marks the span as failed, and goes on.
   */
  span<T>(name: string, attributes: Attributes, work: () => T, parent?: SpanContext): T;
  /** More on the span of now. */
  note(attributes: Attributes): void;
  /** The span of now. */
  here(): SpanContext | undefined;
  /** A row of spans that are over, one after the other, within one of that name. @param startMs Unix time */
  past(name: string, startMs: number, steps: readonly PastStep[]): void;
}

export interface PastStep {
  readonly name: string;
  readonly ms: number;
  readonly ok: boolean;
  readonly attributes: Attributes;
}

/** The work, traced if there is somebody who wants it. */
export function traced<T>(
  tracer: Tracer | undefined,
  name: string,
  attributes: Attributes,
  work: () => T,
  parent?: SpanContext,
): T {
  return tracer === undefined ? work() : tracer.span(name, attributes, work, parent);
}

/** Of W3C's header `traceparent`; undefined when it is none. */
export function spanContextOf(traceparent: string | null): SpanContext | undefined {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId };
}
