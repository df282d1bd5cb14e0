/** Random numbers: the operating system's generator, or a seeded one in the simulator. @module */

export interface Random {
  /** `length` bytes (0 … 65,536), on a buffer of their own. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}
