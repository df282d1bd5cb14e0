/** The figures of the machine and of this process. @module */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { StatusReport } from "../kernel/reports.ts";
import { TIME_SOURCES } from "../kernel/time.ts";
import type { MachineFigures } from "../ports/machine-figures.ts";
import type { Page } from "./metrics-page.ts";

export function addMachine(page: Page, figures: MachineFigures): void {
  const { disk, temperatures, unixS, residentBytes, heapUsedBytes, cpuS, eventLoopLagS, watchdogBeats, spans } =
    figures;
  if (disk !== undefined) {
    page.gauge("caye_disk_free_bytes", "Bytes free on the disk of the state directory", disk.freeBytes);
    page.gauge("caye_disk_size_bytes", "Bytes that this disk holds, free or used", disk.totalBytes);
  }
  for (const { sensor, celsius } of temperatures) {
    page.gauge("caye_temperature_celsius", "Temperature by the kernel's sensors", celsius, { sensor });
  }
  page.gauge("caye_clock_seconds", "What the machine takes for the Unix time", unixS);
  page.gauge("process_resident_memory_bytes", "Memory of the agent that is in RAM", residentBytes);
  page.gauge("caye_heap_used_bytes", "Memory that JavaScript uses", heapUsedBytes);
  page.counter("process_cpu_seconds_total", "User and system time of the agent", cpuS);
  page.gauge("caye_event_loop_lag_seconds", "How late the event loop came round at this scrape", eventLoopLagS);
  if (watchdogBeats !== undefined) {
    page.counter("caye_watchdog_beats_total", "Signs of life given to the init system", watchdogBeats);
  }
  for (const [outcome, count] of Object.entries(spans ?? {})) {
    page.counter("caye_spans_total", "Spans of traces, by what became of them", count, { outcome });
  }
}

/** Of the agent's own word on the time, where it has one; else by the machine's clock alone. */
export function addClock(page: Page, status: StatusReport | undefined, figures: MachineFigures | undefined): void {
  const time = status?.time;
  const isSet = time?.set ?? (figures === undefined ? undefined : figures.unixS >= CLOCK_SET_S);
  if (isSet !== undefined) page.gauge("caye_clock_set", "1 when something has told this node the date", Number(isSet));
  if (time === undefined) return;
  for (const source of TIME_SOURCES) {
    page.gauge("caye_clock_source", "1 for who told it the time", Number(source === time.source), { source });
  }
  if (time.uncertainty_s === null) return;
  page.gauge("caye_clock_uncertainty_seconds", "How far off its time may be", time.uncertainty_s);
}

/** What is known of this node's own backups and of the package's latest update. */
export function addCare(page: Page, author: string, { backups, updateStep }: MachineFigures): void {
  if (backups !== undefined && author !== "") {
    const atS = backups.get(author) ?? 0;
    page.gauge("caye_backup_timestamp_seconds", "Unix time of this node's newest backup; 0 when it has none", atS);
  }
  if (updateStep !== undefined) {
    page.gauge("caye_update_step", "1 for how far the latest update of the package came", 1, { step: updateStep });
  }
}
