/** Lines of the machine's GPIO chips, through libgpiod of either major version. Nothing is loaded before a line is asked for. @module */
import { AgentError } from "../../kernel/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Gpio, InputLine, LineAddress, OutputLine, OutputWish } from "../../ports/gpio.ts";
import { gpioError, lineInUse } from "./failures.ts";
import { findLine } from "./find-line.ts";
import type { GpioLibrary, Line, LineSettings } from "./library.ts";
import { loadVersion1 } from "./library-v1.ts";
import { loadVersion2 } from "./library-v2.ts";
import { WatchedLine } from "./watched-line.ts";

export interface GpioPlaces {
  /** Where the kernel's chips are. */
  readonly directory: string;
  readonly version2: string;
  readonly version1: string;
}

const LINUX: GpioPlaces = { directory: "/dev", version2: "libgpiod.so.3", version1: "libgpiod.so.2" };

export function systemGpio(clock: Clock, places: GpioPlaces = LINUX): Gpio {
  let library: Promise<GpioLibrary> | undefined;
  const take = async (address: LineAddress, settings: LineSettings): Promise<Line> => {
    library ??= loadLibrary(places);
    return requestLine(await library, address, settings, places.directory);
  };
  return {
    output: async (address, wish) => {
      const { activeLow, bias } = address;
      const settings = { consumer: wish.consumer, activeLow, bias, output: wish.safe };
      return new SwitchedLine(await take(address, settings), address, wish);
    },
    input: async (address, wish): Promise<InputLine> => {
      const { activeLow, bias } = address;
      const line = await take(address, { consumer: wish.consumer, activeLow, bias, output: undefined });
      try {
        return new WatchedLine(line, address, wish, clock);
      } catch (error) {
        line.release();
        throw gpioError(error, address, "reading the line");
      }
    },
  };
}

/** The newer of the two that are installed. @throws AgentError "GPIO_LIBRARY" */
async function loadLibrary({ version2, version1 }: GpioPlaces): Promise<GpioLibrary> {
  const library = (await loadVersion2(version2)) ?? (await loadVersion1(version1));
  if (library !== undefined) return library;
  throw new AgentError("GPIO_LIBRARY", `GPIO lines need libgpiod: neither ${version2} nor ${version1} is installed`, {
    fix: "apt install libgpiod3 (Debian 13), or libgpiod2 (Debian 12)",
  });
}

async function requestLine(
  library: GpioLibrary,
  address: LineAddress,
  settings: LineSettings,
  directory: string,
): Promise<Line> {
  const { chip, offset } = await findLine(library, address, directory);
  try {
    const holder = chip.holderOf(offset);
    if (holder !== undefined) throw lineInUse(address.uri, holder);
    return chip.request(offset, settings);
  } catch (error) {
    throw error instanceof AgentError ? error : gpioError(error, address, "taking the line");
  } finally {
    chip.close();
  }
}

class SwitchedLine implements OutputLine {
  readonly #line: Line;
  readonly #address: LineAddress;
  readonly #safe: boolean;
  #closed = false;

  constructor(line: Line, address: LineAddress, { safe }: OutputWish) {
    this.#line = line;
    this.#address = address;
    this.#safe = safe;
  }

  set(active: boolean): void {
    if (this.#closed) return;
    try {
      this.#line.set(active);
    } catch (error) {
      throw gpioError(error, this.#address, "switching the line");
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#line.set(this.#safe);
    } catch {
      // The chip is gone: there is nothing left to be switched.
    } finally {
      this.#line.release();
    }
  }
}
