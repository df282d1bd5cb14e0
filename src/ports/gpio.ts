/**
 * Wires to the outside world: lines that are switched, and lines that are watched. A line is named by the label of its
 * chip, never by the chip's number: kernels number chips anew from version to version.
 * @module
 */

export interface LineAddress {
  /** As it stands in the configuration: `gpio:pinctrl-rp1/GPIO17`. For people. */
  readonly uri: string;
  /** `pinctrl-rp1` */
  readonly chip: string;
  /** `GPIO17`; or where the chip's maker gave the line no name, its offset within the chip. */
  readonly line: string | number;
  /** A low voltage means active. */
  readonly activeLow: boolean;
  /** `as-is` leaves what firmware or the device tree set. */
  readonly bias: "as-is" | "off" | "pull-up" | "pull-down";
}

export interface OutputWish {
  /** Who holds the line, as `gpioinfo` shows it: at most 31 characters. */
  readonly consumer: string;
  /** What it is set to when it is taken, and again before it is let go. */
  readonly safe: boolean;
}

export interface InputWish {
  readonly consumer: string;
  /** A level counts once it has stood so long, in ms; 0: at once. */
  readonly debounceMs: number;
}

/** Held by this process alone until it is disposed of. */
export interface OutputLine extends Disposable {
  /** @throws AgentError "GPIO_IO": the kernel refused, the chip may be gone */
  set(active: boolean): void;
}

export interface InputLine extends Disposable {
  /** The level that counts now. */
  readonly active: boolean;
  /**
   * The next level that counts and differs from {@link active}; undefined once the signal aborts. One call at a time. The
   * kernel notes edges while nobody waits: a level that came and went in between is not told.
   * @throws AgentError "GPIO_IO"
   */
  change(signal: AbortSignal): Promise<boolean | undefined>;
}

/**
 * Both throw AgentError "GPIO_LIBRARY" (none is installed), "GPIO_CHIP" (no chip of that label), "GPIO_LINE" (no such
 * line, or two of that name), "GPIO_IN_USE", "GPIO_FORBIDDEN", "GPIO_IO"; each with a fix.
 */
export interface Gpio {
  output(address: LineAddress, wish: OutputWish): Promise<OutputLine>;
  input(address: LineAddress, wish: InputWish): Promise<InputLine>;
}
