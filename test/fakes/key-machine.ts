/**
 * A machine for the tests of keys: its chip, its files, a store whose values are under keys, and a power supply that fails
 * before the n-th change from now, of a file or of the store.
 * @module
 */
import { boot, type Booted, type BootPolicy, type OpenNode } from "../../src/boot.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { kernelEntropy } from "../../src/drivers/entropy/kernel.ts";
import { processInstance } from "../../src/drivers/instance.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { p256FromSecret, type P256Signer } from "../../src/kernel/p256.ts";
import { type Bytes, copyBytes, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { KeysInUse, Rekeying, Store } from "../../src/ports/store.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { approve, encodeApproval, updatePolicyRef } from "../../src/attest/approval.ts";
import { changedDigests, expectedValue } from "../../src/attest/logs/own.ts";
import type { UpdateAuthority } from "../../src/trust/key-files.ts";
import { decodeReference, REFERENCE_FILE } from "../../src/trust/reference.ts";
import { ownThreadAssessor } from "./assessor.ts";
import { FakeRecord } from "./boot-record.ts";
import { FakeMemory, PowerCut, type Chip } from "./chips.ts";
import { keepingLog, type LogLine } from "./log.ts";
import { sha256 } from "./tpm.ts";

const PCR = 14;
const RUNTIME = { nodeVersion: "v24.0.0", files: [{ path: "node", sha256: sha256("node") }] };
export const AUTHOR = Uint8Array.of(0x3f, 0x9a, 0x1c, 0x20, 0xb4, 0xd5, 0xe6, 0xf7);

/** The clock of a machine whose sleep costs nothing. */
function restlessClock(): Clock {
  return { ...systemClock(), sleep: () => new Promise((wake) => void setImmediate(wake)) };
}

export class KeyMachine {
  readonly memory = new FakeMemory();
  readonly disk = new KeyedDisk(this.memory);
  readonly record = new FakeRecord();
  readonly log: LogLine[] = [];
  readonly authority: P256Signer = p256FromSecret(utf8("the authority of these tests"), "update");
  /** Whose approvals open the key, too. */
  updates: UpdateAuthority | undefined;
  code = "v1";
  config = "c1";
  policy: BootPolicy = { mode: "enforce", pcr: PCR, pcrs: [PCR], entropyFailure: "quarantine" };
  openTpm: () => Promise<Tpm>;
  readonly chip: Chip;

  constructor(chip: Chip) {
    this.chip = chip;
    this.openTpm = () => this.powerOn();
  }

  powerOn(): Promise<Tpm> {
    this.record.boot++;
    return this.chip.powerOn();
  }

  trustAuthority(): void {
    const { x, y } = this.authority;
    this.updates = { x: copyBytes(x), y: copyBytes(y), policyRef: updatePolicyRef(AUTHOR) };
  }

  files(code = this.code) {
    return [{ path: "src/main.ts", sha256: sha256(code) }];
  }

  boot(): Promise<Booted> {
    return boot(
      {
        tpm: this.openTpm,
        entropy: () => [{ uri: "test", optional: false, open: async () => kernelEntropy(7) }],
        assessor: ownThreadAssessor,
        instance: processInstance,
        ownFiles: { list: async () => this.files(), runtime: async () => RUNTIME },
        configBytes: utf8(this.config),
        policyBytes: new Uint8Array(),
        record: this.record,
        memory: this.memory,
        kernelRandom: systemRandom(),
        clock: restlessClock(),
        log: keepingLog(this.log),
        powerUpTests: () => ({ ok: true }),
        openStore: async (key, next) => this.disk.open(key, next),
        updateAuthority: async () => this.updates,
      },
      this.policy,
    );
  }

  async bootOpen(): Promise<OpenNode> {
    const booted = await this.boot();
    if (booted.kind === "open") return booted;
    throw new Error(`in quarantine: ${booted.reason} (${booted.fix})`);
  }

  /** Boots, looks, and switches off. */
  async states(): Promise<string> {
    await using booted = await this.boot();
    const states = booted.steps.map(({ state }) => state).join(" ");
    return `${booted.kind === "open" ? booted.state : booted.kind}: ${states}`;
  }

  /** The authority approves the state after a change, from what it knows of the node. @param policyRef for another node */
  approvalOf(
    change: { readonly code?: string; readonly config?: string },
    signer = this.authority,
    author = AUTHOR,
  ): Bytes {
    const reference = decodeReference(this.memory.files.get(REFERENCE_FILE) ?? new Uint8Array());
    if (!reference.ok) throw new Error("no reference");
    const own = changedDigests(reference.value.own, {
      ...(change.code !== undefined && { files: this.files(change.code) }),
      ...(change.config !== undefined && { configBytes: utf8(change.config) }),
    });
    const approved = pcrPolicyDigest([PCR], new Map([[PCR, expectedValue(own)]]));
    return encodeApproval(approve({ pcrs: [PCR], approved, policyRef: updatePolicyRef(author) }, { update: signer }));
  }

  get fileNames(): readonly string[] {
    return [...this.memory.files.keys()].sort();
  }

  /** Everything that a person or a program may see: log lines and files, as text. */
  seen(): string {
    const files = [...this.memory.files].map(([name, bytes]) => `${name} ${toHex(bytes)}`);
    return JSON.stringify([this.log, files]);
  }
}

type Header =
  | { readonly kind: "none" }
  | { readonly kind: "single"; readonly id: string }
  | { readonly kind: "moving"; readonly former: string; readonly next: string };

/** What the store leaves on the disk: values, each under a key, and which keys are in use. */
export class KeyedDisk {
  header: Header = { kind: "none" };
  readonly values = new Map<string, { under: string; text: string }>();
  readonly #power: FakeMemory;

  constructor(power: FakeMemory) {
    this.#power = power;
  }

  /** Bare keys that were ever brought: for tests that look for them elsewhere. */
  readonly brought = new Set<string>();

  change(): void {
    if (this.#power.changesLeft <= 0) throw new PowerCut();
    this.#power.changesLeft--;
  }

  open(key: Uint8Array, next: Uint8Array | undefined): Store {
    const [first, second] = [toHex(key), next === undefined ? undefined : toHex(next)];
    for (const brought of [first, second]) if (brought !== undefined) this.brought.add(brought);
    const { header } = this;
    if (header.kind === "none") {
      this.change();
      this.header = { kind: "single", id: first };
    } else if (header.kind === "single" && header.id !== first && header.id !== second) throw otherKey();
    else if (header.kind === "moving" && (header.former !== first || header.next !== second)) throw otherKey();
    return Object.assign(openMemoryStore(), { rekeying: new FakeRekeying(this, first) });
  }

  /** Puts values as an open store would. */
  putAll(texts: readonly string[]): void {
    for (const text of texts) this.values.set(text, { under: this.key, text });
  }

  /** What new values are under. */
  get key(): string {
    const { header } = this;
    if (header.kind === "none") throw new Error("no store yet");
    return header.kind === "single" ? header.id : header.next;
  }
}

class FakeRekeying implements Rekeying {
  readonly #disk: KeyedDisk;
  readonly #first: string;

  constructor(disk: KeyedDisk, first: string) {
    this.#disk = disk;
    this.#first = first;
  }

  keysInUse(): KeysInUse {
    const { header } = this.#disk;
    if (header.kind === "moving") return "both";
    return header.kind === "single" && header.id !== this.#first ? "next" : "first";
  }

  async begin(next: Uint8Array): Promise<void> {
    this.#disk.change();
    this.#disk.brought.add(toHex(next));
    this.#disk.header = { kind: "moving", former: this.#disk.key, next: toHex(next) };
  }

  async step(): Promise<{ looked: number; moved: number; done: boolean }> {
    const { header, values } = this.#disk;
    if (header.kind !== "moving") return { looked: 0, moved: 0, done: true };
    const stale = [...values.values()].find(({ under }) => under !== header.next);
    this.#disk.change();
    if (stale === undefined) this.#disk.header = { kind: "single", id: header.next };
    else stale.under = header.next;
    return { looked: 1, moved: stale === undefined ? 0 : 1, done: stale === undefined };
  }
}

function otherKey(): AgentError {
  return new AgentError("STORE_KEY", "the key does not open the store");
}

/** Runs the keychain until the store stands under one key and the files are tidy, or the power fails. */
export async function untilSettled(node: OpenNode, meanwhile: () => Promise<unknown> = async () => undefined) {
  const stop = new AbortController();
  const ended = node.keychain.run(stop.signal).then(
    () => [],
    (error: unknown) => [error],
  );
  // A failure ends the service at once; then there is nothing more to wait for.
  const failed = ended.then((failures) => failures.length > 0);
  try {
    await meanwhile();
    for (let turn = 0; turn < 1_000 && node.keychain.storeKey().state !== "settled"; turn++) {
      const next = new Promise<boolean>((wake) => void setImmediate(() => wake(false)));
      if (await Promise.race([failed, next])) break;
    }
  } finally {
    stop.abort();
    await ended;
  }
  const [failure] = await ended;
  if (failure !== undefined) throw failure;
}
