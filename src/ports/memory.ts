/** A few small named files that survive power cuts: what boot trust remembers between boots. @module */

export interface Memory {
  /** The file's bytes, or undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** All of it or none of it, even when the power fails; on disk (fsync) when it resolves. Mode 0600. */
  writeAtomic(name: string, bytes: Uint8Array): Promise<void>;
  /** No error when there is none. */
  remove(name: string): Promise<void>;
}
