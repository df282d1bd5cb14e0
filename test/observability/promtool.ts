/** promtool, as the tests call it. @module */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isInstalled } from "../fakes/chips.ts";

export const OBSERVABILITY = resolve(import.meta.dirname, "../../provisioning/observability");

/** Why the tests over Prometheus can't run here; undefined when they can. */
export function missingPrometheus(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `${missing.join(" and ")} not installed (apt-get install prometheus)`;
}

export interface Said {
  readonly ok: boolean;
  readonly text: string;
}

export function promtool(args: readonly string[], input?: string): Said {
  const { status, stdout, stderr } = spawnSync("promtool", args, {
    encoding: "utf8",
    cwd: join(OBSERVABILITY, "prometheus"),
    ...(input === undefined ? {} : { input }),
  });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

/** Runs work on a copy of Prometheus' folder, with some of its files exchanged. */
export function withCopy<T>(files: Readonly<Record<string, string>>, work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "caye-prometheus-"));
  try {
    cpSync(join(OBSERVABILITY, "prometheus"), folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
