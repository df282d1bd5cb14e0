/**
 * The agent's own generator: HMAC_DRBG, seeded from all sources, XORed with the kernel's bytes of the moment. It is at
 * least as good as the kernel's, whatever the sources are worth, and as good as the best of them, whatever the kernel is.
 *
 * A copy of the process (forked, thawed, restored from an image) has the same state. Each request therefore takes in
 * the process's number, both clocks and a count; and when these tell of a copy or a sleep, kernel bytes come first.
 * @module
 */
import { ByteWriter, concatBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { condition, type SeedPart } from "../entropy/conditioning.ts";
import { HmacDrbg, LEAST_NONCE_BYTES, RESEED_INTERVAL } from "../entropy/drbg.ts";
import type { Instance, InstanceMark } from "../ports/instance.ts";
import type { Random } from "../ports/random.ts";

export interface GeneratorParts {
  /** What every source gave. */
  readonly parts: readonly SeedPart[];
  readonly kernel: Random;
  readonly instance: Instance;
  /** Requests between two reseeds, 1 … 2^48. */
  readonly reseedInterval?: number;
}

const PERSONALISATION = utf8("caye agent v1");
const KERNEL_BYTES = 64;
/** By how much the clocks may part before it counts as a sleep: more than a clock is set by in passing. */
const JUMP_MS = 2_000;

export class SeededRandom implements Random {
  readonly #kernel: Random;
  readonly #instance: Instance;
  readonly #drbg: HmacDrbg;
  #pid: number;
  #aheadMs: number;
  #count = 0;
  #stale = false;

  constructor({ parts, kernel, instance, reseedInterval = RESEED_INTERVAL }: GeneratorParts) {
    const mark = instance();
    this.#kernel = kernel;
    this.#instance = instance;
    this.#pid = mark.pid;
    this.#aheadMs = aheadMs(mark);
    const seed = this.#conditioned(parts);
    const nonce = concatBytes(kernel.bytes(LEAST_NONCE_BYTES), this.#marked(mark));
    this.#drbg = new HmacDrbg({ entropy: seed, nonce, personalisation: PERSONALISATION, reseedInterval });
    seed.fill(0);
  }

  /** True once a copy, a sleep or a full count of requests made it go on with kernel bytes alone: all sources should follow. */
  get stale(): boolean {
    return this.#stale;
  }

  bytes(length: number): Bytes {
    const mark = this.#instance();
    if (this.#moved(mark) || this.#drbg.exhausted) {
      this.#reseed([], mark);
      this.#stale = true;
    }
    const bytes = this.#kernel.bytes(length);
    const mask = this.#drbg.generate(length, { additional: this.#marked(mark) });
    for (let i = 0; i < length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i] ?? 0);
    mask.fill(0);
    return bytes;
  }

  /** Takes in what the sources gave, and kernel bytes; what was there is kept. */
  reseed(parts: readonly SeedPart[]): void {
    this.#reseed(parts, this.#instance());
    this.#stale = false;
  }

  /** Overwrites the state; it gives nothing any more. */
  wipe(): void {
    this.#drbg.wipe();
  }

  #reseed(parts: readonly SeedPart[], mark: InstanceMark): void {
    const seed = this.#conditioned(parts);
    this.#drbg.reseed(seed, this.#marked(mark));
    seed.fill(0);
    this.#pid = mark.pid;
    this.#aheadMs = aheadMs(mark);
  }

  #conditioned(parts: readonly SeedPart[]): Bytes {
    return condition([...parts, { name: "kernel", bytes: this.#kernel.bytes(KERNEL_BYTES) }]);
  }

  #moved(mark: InstanceMark): boolean {
    return mark.pid !== this.#pid || Math.abs(aheadMs(mark) - this.#aheadMs) > JUMP_MS;
  }

  /** 28 bytes that no other moment of no other process has. */
  #marked({ pid, monotonicMs, wallMs }: InstanceMark): Bytes {
    const clocks = new DataView(new ArrayBuffer(24));
    clocks.setFloat64(0, monotonicMs);
    clocks.setFloat64(8, wallMs);
    clocks.setFloat64(16, this.#count++);
    return concatBytes(new ByteWriter().u32(pid).finish(), new Uint8Array(clocks.buffer));
  }
}

/** Stays the same while the machine is awake and its clock is right. */
function aheadMs({ monotonicMs, wallMs }: InstanceMark): number {
  return wallMs - monotonicMs;
}
