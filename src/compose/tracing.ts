/** Traces, where the configuration names a collector: only then is their code loaded. @module */
import type { BootStep } from "../kernel/reports.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../drivers/clock.ts";
import type { OtlpTracer } from "../drivers/telemetry/tracer.ts";
import type { Log } from "../ports/log.ts";
import type { Tracer } from "../ports/tracer.ts";

/** Undefined where nobody wants them. */
export async function openTracing(
  { telemetry, node }: Config,
  { log, version }: { readonly log: Log; readonly version: string },
): Promise<OtlpTracer | undefined> {
  if (telemetry.traces === "") return undefined;
  const { OtlpTracer } = await import("../drivers/telemetry/tracer.ts");
  const resource = { "service.name": "caye", "service.version": version, "service.instance.id": node.name };
  return new OtlpTracer({ url: telemetry.traces, resource, version, clock: systemClock(), log });
}

/** The steps come one after the other, with little between them. */
export function traceBoot(tracer: Tracer | undefined, startMs: number, steps: readonly BootStep[]): void {
  tracer?.past(
    "boot",
    startMs,
    steps.map(({ step, state, ok, ms }) => ({ name: `boot.${step}`, ms, ok, attributes: { state } })),
  );
}
