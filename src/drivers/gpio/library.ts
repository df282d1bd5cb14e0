/** What of libgpiod is used, the same for both of its major versions. Every call returns at once. @module */

export interface LineSettings {
  readonly consumer: string;
  readonly activeLow: boolean;
  readonly bias: "as-is" | "off" | "pull-up" | "pull-down";
  /** What an output is set to when it is taken; undefined: an input, whose edges the kernel notes. */
  readonly output: boolean | undefined;
}

/** A system call that failed: `errno` as in errno(3). */
export class GpioFailure extends Error {
  readonly errno: number;

  constructor(errno: number, what: string) {
    super(what);
    this.name = "GpioFailure";
    this.errno = errno;
  }
}

/** Each throws {@link GpioFailure}. */
export interface Line {
  set(active: boolean): void;
  get(): boolean;
  /** Takes the edges that the kernel noted since the last call: how many. */
  takeEdges(): number;
  release(): void;
}

export interface Chip {
  readonly label: string;
  readonly lines: number;
  /** Offsets of the lines of that name: chips of some boards have two. */
  offsetsOf(name: string): readonly number[];
  /** Empty when it has none. @param offset below {@link lines} */
  nameOf(offset: number): string;
  /** Who holds the line; undefined when nobody does, empty when the holder has no name. */
  holderOf(offset: number): string | undefined;
  request(offset: number, settings: LineSettings): Line;
  /** Lines that were requested stay. */
  close(): void;
}

export interface GpioLibrary {
  /** `libgpiod.so.3` */
  readonly file: string;
  /** @throws GpioFailure */
  openChip(path: string): Chip;
}
