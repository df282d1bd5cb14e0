/**
 * Spans of this process, sent to a collector now and then. Whoever makes spans never waits: they go into a bounded queue,
 * and what finds no room, or what the collector does not take, is dropped and counted.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { describeError, isAgentError } from "../../kernel/errors.ts";
import type { Service } from "../../kernel/service.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Attributes, PastStep, SpanContext, Tracer } from "../../ports/tracer.ts";
import { calmLog } from "../calm-log.ts";
import { encodeTraces, type FinishedSpan } from "./otlp.ts";

export interface OtlpTracerOptions {
  /** Of the collector, without `/v1/traces`. */
  readonly url: string;
  /** What the spans are of: `service.name`, … */
  readonly resource: Attributes;
  readonly version: string;
  /** The machine's own. */
  readonly clock: Clock;
  readonly log: Log;
  /** Left out: as fetch does it. */
  readonly post?: (
    url: string,
    body: string,
    signal: AbortSignal,
  ) => Promise<{ readonly ok: boolean; readonly status: number }>;
}

export interface SpanCounts {
  readonly sent: number;
  readonly dropped: number;
}

const MOST_WAITING = 1_024;
const MOST_A_MESSAGE = 256;
const EVERY_MS = 5_000;
const POST_TIMEOUT_MS = 4_000;
const MAX_TEXT = 256;

/** A span under way; `attributes` grow while it runs. */
interface Open extends SpanContext {
  attributes: Attributes;
}

export class OtlpTracer implements Tracer, Service {
  readonly name = "traces";
  readonly #options: OtlpTracerOptions;
  readonly #log: Log;
  readonly #now = new AsyncLocalStorage<Open>();
  #waiting: FinishedSpan[] = [];
  #sent = 0;
  #dropped = 0;

  constructor(options: OtlpTracerOptions) {
    this.#options = options;
    this.#log = calmLog(options.log.named("traces"), options.clock);
  }

  counts(): SpanCounts {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  span<T>(name: string, attributes: Attributes, work: () => T, parent: SpanContext | undefined = this.here()): T {
    const open: Open = { ...child(parent), attributes };
    const { clock } = this.#options;
    const startMs = clock.nowMs();
    const zeroMs = clock.monotonicMs();
    const end = (failure?: string): void => {
      const { traceId, spanId } = open;
      // The clock may be set meanwhile; what has passed is for the other one to say.
      const times = { startMs, endMs: startMs + clock.monotonicMs() - zeroMs };
      this.#keep({
        traceId,
        spanId,
        parentSpanId: parent?.spanId,
        name,
        ...times,
        attributes: open.attributes,
        failure,
      });
    };
    try {
      const result = this.#now.run(open, work);
      if (!(result instanceof Promise)) {
        end();
        return result;
      }
      // The promise that is given back stays the work's own: whoever awaits it sees its failure.
      result.then(
        () => end(),
        (error: unknown) => end(failureText(error)),
      );
      return result;
    } catch (error) {
      end(failureText(error));
      throw error;
    }
  }

  note(attributes: Attributes): void {
    const open = this.#now.getStore();
    if (open !== undefined) open.attributes = { ...open.attributes, ...attributes };
  }

  here(): SpanContext | undefined {
    return this.#now.getStore();
  }

  past(name: string, startMs: number, steps: readonly PastStep[]): void {
    const whole = child(undefined);
    let atMs = startMs;
    for (const { name: step, ms, ok, attributes } of steps) {
      const failure = ok ? undefined : "it did not end well";
      const times = { startMs: atMs, endMs: atMs + ms };
      this.#keep({ ...child(whole), parentSpanId: whole.spanId, name: step, ...times, attributes, failure });
      atMs += ms;
    }
    const failure = steps.every(({ ok }) => ok) ? undefined : "a step did not end well";
    this.#keep({ ...whole, parentSpanId: undefined, name, startMs, endMs: atMs, attributes: {}, failure });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(EVERY_MS, signal);
      await this.flush(signal);
    }
  }

  /** Sends what waits; never rejects. A message that is not taken is not tried again: traces are not worth it. */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0 && !signal.aborted) {
      const batch = this.#waiting.splice(0, MOST_A_MESSAGE);
      const fault = await this.#send(batch, signal);
      if (fault === undefined) this.#sent += batch.length;
      else {
        this.#dropped += batch.length;
        this.#log.warn("The collector did not take traces; they are dropped", { spans: batch.length, reason: fault });
        return;
      }
    }
  }

  async #send(batch: readonly FinishedSpan[], signal: AbortSignal): Promise<string | undefined> {
    const { url, resource, version, post = postJson } = this.#options;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(POST_TIMEOUT_MS)]);
    try {
      const { ok, status } = await post(`${url}/v1/traces`, encodeTraces(batch, resource, version), limit);
      return ok ? undefined : `HTTP status ${status}`;
    } catch (error) {
      return describeError(error);
    }
  }

  #keep(span: FinishedSpan): void {
    if (this.#waiting.length >= MOST_WAITING) this.#dropped++;
    else this.#waiting.push(span);
  }
}

async function postJson(url: string, body: string, signal: AbortSignal): Promise<{ ok: boolean; status: number }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
  await response.body?.cancel();
  return { ok: response.ok, status: response.status };
}

function child(parent: SpanContext | undefined): SpanContext {
  const traceId = parent?.traceId ?? randomBytes(16).toString("hex");
  return { traceId, spanId: randomBytes(8).toString("hex") };
}

/** The code of what was foreseen, which says enough and holds no name or path. */
function failureText(error: unknown): string {
  return isAgentError(error) ? error.code : describeError(error).slice(0, MAX_TEXT);
}
