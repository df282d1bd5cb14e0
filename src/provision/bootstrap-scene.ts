/** What the steps of a bootstrap work with, how each of them ends, and what is remembered between runs. @module */
import { z } from "zod";
import type { Config } from "../config/schema.ts";
import type { AgentDoor, BootstrapStep } from "../kernel/bootstrap.ts";
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import { AgentError, describeError, isAgentError, systemCode } from "../kernel/errors.ts";
import type { StatusReport } from "../kernel/reports.ts";
import type { Clock } from "../ports/clock.ts";
import type { Machine } from "../ports/machine.ts";
import type { RadioSetup } from "../ports/radio-setup.ts";
import type { ChannelSetup } from "./channel-url.ts";
import type { Order, Secrets } from "./order.ts";

export const SERVICE = "caye.service";
const ANSWER_LIMIT_MS = 150_000;
const ANSWER_PAUSE_MS = 1_000;

export interface BootstrapPorts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly radio: RadioSetup;
}

/** Where things are on a node. */
export interface BootstrapPlaces {
  /** The configuration's file. */
  readonly config: string;
  readonly state: string;
  /** With `requests/` and `certificates/`, and where the node card goes: on the card, else the state directory. */
  readonly papers: string;
}

export interface Scene extends BootstrapPorts {
  readonly places: BootstrapPlaces;
  readonly order: Order;
  readonly secrets: Secrets;
  /** Of the secrets, read; undefined when there is none. */
  readonly channels: ChannelSetup | undefined;
  readonly withChannel: boolean;
  readonly agent: AgentDoor;
  readonly memory: Remembered;
  readonly signal: AbortSignal;
  /** Known once the step of the configuration is done. */
  config?: Config;
  /** True when the step of the radio ended without one. */
  withoutRadio?: boolean;
}

export type Ending = Pick<BootstrapStep, "state" | "detail" | "code" | "fix">;

export function done(detail: string): Ending {
  return { state: "done", detail, code: "", fix: "" };
}

export function unchanged(detail: string): Ending {
  return { state: "unchanged", detail, code: "", fix: "" };
}

export function waiting(code: string, detail: string, fix: string): Ending {
  return { state: "waiting", detail, code, fix };
}

export function failed(code: string, detail: string, fix: string): Ending {
  return { state: "failed", detail, code, fix };
}

/** What a disk says that takes no more, with what to do about it. */
const DISK_FAULTS: Readonly<Record<string, readonly [string, string, string]>> = {
  ENOSPC: [
    "DISK_FULL",
    "the disk is full",
    "Make room on the card and on the node: caye doctor tells how much is left.",
  ],
  EROFS: [
    "DISK_READ_ONLY",
    "the disk can't be written to",
    "mount -o remount,rw /boot/firmware; on a read-only root, give /var/lib and /etc/caye a partition.",
  ],
  EIO: ["DISK_FAULT", "the disk fails", "Take another card: this one is worn out, or sits loosely."],
};

/** A foreseen error as the end of a step. @throws anything else: a fault of ours */
export function endingFrom(error: unknown): Ending {
  const fault = DISK_FAULTS[systemCode(error) ?? ""];
  if (fault !== undefined && !isAgentError(error))
    return failed(fault[0], `${fault[1]} (${describeError(error)})`, fault[2]);
  if (!isAgentError(error)) throw error;
  return failed(error.code, error.message, error.fix ?? "Look at the agent's log: journalctl -u caye.service");
}

/** Names the radio that was set up, and what it was given: to see whether another one, or another order, has come. */
const RadioMemory = z.strictObject({
  node: z.int().min(0).max(0xffff_ffff),
  name: z.string().max(100),
  region: z.string().max(40),
  preset: z.string().max(40),
  /** Fingerprint of the channels; empty when none were ordered. */
  channels: z.string().max(100),
  /** Name of the channel that Caye speaks on, for the node card. */
  channel_name: z.string().max(100),
});
const StepMemory = z.strictObject({
  step: z.string().max(20),
  state: z.enum(["done", "waiting", "failed", "skipped"]),
  code: z.string().max(60),
});
const Memory = z.strictObject({
  form: z.literal(1),
  radio: RadioMemory.nullable(),
  /** SHA-256 of certificates that the agent has taken. */
  taken: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(256),
  steps: z.array(StepMemory).max(20),
});
type MemoryContent = z.infer<typeof Memory>;

const MEMORY_FILE = "bootstrap.json";
const NOTHING: MemoryContent = { form: 1, radio: null, taken: [], steps: [] };

/** What stands in `bootstrap.json`. Each step can do without it: what it holds only spares the radio and the agent work. */
export class Remembered {
  readonly #machine: Machine;
  readonly #file: string;
  #content: MemoryContent;

  private constructor(machine: Machine, file: string, content: MemoryContent) {
    this.#machine = machine;
    this.#file = file;
    this.#content = content;
  }

  /** A file that can't be read counts as none. */
  static async open(machine: Machine, state: string): Promise<Remembered> {
    const file = `${state}/${MEMORY_FILE}`;
    const text = fromUtf8((await machine.read(file)) ?? new Uint8Array()) ?? "";
    return new Remembered(machine, file, contentOf(text));
  }

  get radio(): MemoryContent["radio"] {
    return this.#content.radio;
  }

  hasTaken(sha256: string): boolean {
    return this.#content.taken.includes(sha256);
  }

  get hasJoined(): boolean {
    return this.#content.taken.length > 0;
  }

  async keepRadio(radio: NonNullable<MemoryContent["radio"]>): Promise<void> {
    await this.#keep({ ...this.#content, radio });
  }

  async keepTaken(sha256: string): Promise<void> {
    await this.#keep({ ...this.#content, taken: [...this.#content.taken, sha256].slice(-256) });
  }

  async keepSteps(steps: readonly BootstrapStep[]): Promise<void> {
    const kept = steps.map(({ step, state, code }) => {
      return { step, state: state === "unchanged" ? ("done" as const) : state, code };
    });
    try {
      await this.#keep({ ...this.#content, steps: kept });
    } catch (error) {
      // The steps have said that the disk takes no more; that is no reason not to report them.
      if (systemCode(error) === undefined) throw error;
    }
  }

  /** Nothing is written that stands there already. */
  async #keep(content: MemoryContent): Promise<void> {
    const text = `${JSON.stringify(content, null, 2)}\n`;
    this.#content = content;
    const before = await this.#machine.read(this.#file);
    if (before === undefined || fromUtf8(before) !== text) await this.#machine.write(this.#file, utf8(text), 0o600);
  }
}

function contentOf(text: string): MemoryContent {
  try {
    return Memory.parse(JSON.parse(text));
  } catch {
    return NOTHING;
  }
}

/** The agent's status, once it answers and `enough` holds; the last answer when that takes too long. @throws "AGENT_DOWN" */
export async function agentStatus(
  { agent, machine, clock, signal }: Scene,
  enough: (status: StatusReport) => boolean = () => true,
): Promise<StatusReport> {
  const startMs = clock.monotonicMs();
  let started = false;
  let last: StatusReport | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      last = await agent.status();
      if (enough(last)) return last;
    } catch (error) {
      if (!isAgentError(error)) throw error;
      if (!started) await startAgent(machine);
      started = true;
    }
    if (clock.monotonicMs() - startMs >= ANSWER_LIMIT_MS) break;
    await clock.sleep(ANSWER_PAUSE_MS, signal);
  }
  if (last !== undefined) return last;
  const { stdout } = await machine.run("journalctl", ["-u", SERVICE, "-n", "1", "-o", "cat", "--no-pager"]);
  const lastWord = stdout.trim() === "" ? "" : `; its last word: ${stdout.trim().slice(0, 200)}`;
  throw new AgentError("AGENT_DOWN", `the agent does not answer${lastWord}`, {
    fix: `systemctl status ${SERVICE} and journalctl -u ${SERVICE} tell why; caye doctor tells what to do about it.`,
  });
}

/** Also one that systemd has given up on. */
export async function startAgent(machine: Machine, verb: "start" | "restart" = "start"): Promise<void> {
  await machine.run("systemctl", ["reset-failed", SERVICE]);
  await machine.run("systemctl", [verb, SERVICE]);
}
