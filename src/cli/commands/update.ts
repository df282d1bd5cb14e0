/** `caye update`: puts another version in place, watches it, and goes back where it does not do its work. @module */
import { isOver, type PackageReport, type Tell, type UpdateReport } from "../../kernel/update.ts";
import type { CliIo } from "../io.ts";
import { printable } from "../text.ts";

interface Json {
  readonly json?: boolean;
}

export interface ApplyOptions extends Json {
  /** Seconds. */
  readonly wait: number;
  readonly now?: boolean;
}

const POLL_MS = 1_000;
const TELL_EVERY_MS = 10_000;
/** Besides the time that the new version is given: two runs of dpkg, and the old version's start. */
const SPARE_MS = 1_800_000;

export async function checkUpdate(io: CliIo, file: string, { json }: Json): Promise<void> {
  const report = await io.untilStopped(async (signal) => (await io.updateTools(signal)).check(io.resolve(file)));
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : packageText(report));
}

export function packageText({ version, arch, key, installed }: PackageReport): string {
  const by =
    key === "" ? "nobody was asked who vouches for it, as there are no release keys here" : `signed with key ${key}`;
  const now = installed === "" ? "" : `; installed is ${printable(installed)}`;
  return `caye ${printable(version)} for ${printable(arch)}, ${by}${now}\n`;
}

/** Exit code 1 when the update was taken back. */
export async function applyUpdate(io: CliIo, file: string, { wait, now, json }: ApplyOptions): Promise<void> {
  await io.untilStopped(async (signal) => {
    const tools = await io.updateTools(signal);
    const begun = await tools.apply(io.resolve(file), { waitS: wait, now: now === true }, teller(io));
    end(io, await followed(io, begun, wait, () => tools.status(), signal), json);
  });
}

export async function rollbackUpdate(io: CliIo, { wait, now, json }: ApplyOptions): Promise<void> {
  await io.untilStopped(async (signal) => {
    const tools = await io.updateTools(signal);
    const begun = await tools.rollback({ waitS: wait, now: now === true }, teller(io));
    const report = await followed(io, begun, wait, () => tools.status(), signal);
    // What was asked for is no failure.
    show(io, report, json);
    if (report.step === "failed") io.setExitCode(1);
  });
}

export async function updateStatus(io: CliIo, { json }: Json): Promise<void> {
  show(io, await io.untilStopped(async (signal) => (await io.updateTools(signal)).status()), json);
}

export async function confirmUpdate(io: CliIo, { json }: Json): Promise<void> {
  show(io, await io.untilStopped(async (signal) => (await io.updateTools(signal)).confirm()), json);
}

/** For the unit: exit code 0 also where the update was taken back, since that is an end, too. */
export async function resumeUpdate(io: CliIo, { json }: Json): Promise<void> {
  show(io, await io.untilStopped(async (signal) => (await io.updateTools(signal)).resume(teller(io))), json);
}

function teller(io: CliIo): Tell {
  return (sentence) => io.stderr(`caye: ${printable(sentence)}\n`);
}

/** The unit does the work; here it is only looked at, so that a closed terminal ends nothing. */
async function followed(
  io: CliIo,
  begun: UpdateReport,
  waitS: number,
  status: () => Promise<UpdateReport>,
  signal: AbortSignal,
): Promise<UpdateReport> {
  const startedMs = io.monotonicMs();
  let report = begun;
  let told = "";
  let toldMs = startedMs;
  while (!isOver(report.step) && !report.needs_reboot && !signal.aborted) {
    const nowMs = io.monotonicMs();
    if (nowMs - startedMs > waitS * 1000 + SPARE_MS) break;
    if (report.step !== told || nowMs - toldMs >= TELL_EVERY_MS) {
      io.stderr(`caye: ${report.step} (${Math.round((nowMs - startedMs) / 1000)} s)\n`);
      told = report.step;
      toldMs = nowMs;
    }
    await io.sleep(POLL_MS);
    report = await status();
  }
  return report;
}

function end(io: CliIo, report: UpdateReport, json: boolean | undefined): void {
  show(io, report, json);
  if (report.step === "rolled-back" || report.step === "failed") io.setExitCode(1);
}

function show(io: CliIo, report: UpdateReport, json: boolean | undefined): void {
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : `${statusText(report)}\n`);
}

function statusText(report: UpdateReport): string {
  const { installed, kept } = report;
  const kepts = kept.length === 0 ? "none" : kept.map(printable).join(", ");
  return `${sentence(report)}\nInstalled: ${printable(installed) || "–"}. Kept packages: ${kepts}.`;
}

function sentence(report: UpdateReport): string {
  const [before, after, because] = [report.from, report.to, report.why].map(printable);
  const soon = `${after} is about to be installed.`;
  const restart = `${after} is ready: it is installed at the next start of the machine, before the agent starts. Restart it: sudo reboot`;
  const installing = `${after} is being installed; ${before} is kept.`;
  const returning = `Going back from ${after} to ${before}: ${because}`;
  const sentences: Readonly<Record<UpdateReport["step"], string>> = {
    none: "There was no update yet.",
    announced: report.needs_reboot ? restart : soon,
    installing,
    installed: installing,
    watching: `${after} runs, and is looked at; if it does not do its work, ${before} comes back by itself.`,
    confirmed: `${after} does its work; the update from ${before} is over.`,
    returning,
    returned: returning,
    "rolled-back": `${before} is back, as ${after} was not taken: ${because}`,
    failed: `The update from ${before} to ${after} failed: ${because}`,
  };
  return sentences[report.step];
}
