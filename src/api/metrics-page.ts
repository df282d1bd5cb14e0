/** A page of figures in Prometheus' text format. @module */
import { Counter, Gauge, Registry } from "prom-client";

type Labels = Readonly<Record<string, string>>;

/** A registry of its own for each page: nothing of an older status can stay behind, and scrapes may overlap. */
export class Page {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    const gauge = this.#gauges.get(name) ?? new Gauge({ ...this.#options(name, help, labels) });
    this.#gauges.set(name, gauge);
    gauge.set({ ...labels }, value);
  }

  /** @param value since the start: what it grows by is for Prometheus to reckon */
  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    const counter = this.#counters.get(name) ?? new Counter({ ...this.#options(name, help, labels) });
    this.#counters.set(name, counter);
    counter.inc({ ...labels }, value);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #options(name: string, help: string, labels: Labels) {
    return { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
  }
}
