/** Functions of a shared library, called through koffi; what comes back is checked here and nowhere else. @module */
import type KoffiModule from "koffi";
import { GpioFailure } from "./library.ts";

type Koffi = typeof KoffiModule;
type TypeSpec = Parameters<Koffi["out"]>[0];

/** An address in memory, as koffi gives it. */
export type Pointer = bigint;

/** As in C; or in its parts, where an argument is a structure. */
export type Signature = string | { readonly name: string; readonly result: string; readonly takes: TypeSpec[] };

export interface Native {
  readonly koffi: Koffi;
  /** A function that gives a pointer, null for failure. */
  readonly pointer: (signature: string) => (...args: readonly unknown[]) => Pointer;
  /** A function that gives a number. @param least what is smaller is failure */
  readonly number: (signature: Signature, least?: number) => (...args: readonly unknown[]) => number;
  /** A function that gives a text; empty for none. */
  readonly text: (signature: string) => (...args: readonly unknown[]) => string;
  /** A function that gives nothing. */
  readonly nothing: (signature: string) => (...args: readonly unknown[]) => void;
}

/** Undefined when there is no such library. */
export async function loadNative(file: string): Promise<Native | undefined> {
  const { default: koffi } = await import("koffi");
  let library: ReturnType<Koffi["load"]>;
  try {
    library = koffi.load(file);
  } catch {
    return undefined;
  }
  const failed = (signature: Signature): never => {
    const errno = koffi.errno();
    throw new GpioFailure(errno, `${nameOf(signature)} failed with errno ${errno}`);
  };
  return {
    koffi,
    pointer: (signature) => {
      const call = library.func(signature);
      return (...args) => {
        const result: unknown = call(...args);
        return typeof result === "bigint" ? result : failed(signature);
      };
    },
    number: (signature, least = 0) => {
      const call =
        typeof signature === "string"
          ? library.func(signature)
          : library.func(signature.name, signature.result, signature.takes);
      return (...args) => {
        const result = Number(call(...args));
        return result < least ? failed(signature) : result;
      };
    },
    text: (signature) => {
      const call = library.func(signature);
      return (...args) => {
        const result: unknown = call(...args);
        return typeof result === "string" ? result : "";
      };
    },
    nothing: (signature) => {
      const call = library.func(signature);
      return (...args) => void call(...args);
    },
  };
}

function nameOf(signature: Signature): string {
  return typeof signature === "string" ? (/(\w+)\s*\(/.exec(signature)?.[1] ?? signature) : signature.name;
}
