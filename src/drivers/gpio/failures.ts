/** What the kernel's refusals mean to whoever wired the board. @module */
import { constants } from "node:os";
import { AgentError, describeError } from "../../kernel/errors.ts";
import type { LineAddress } from "../../ports/gpio.ts";
import { GpioFailure } from "./library.ts";

/** @param doing `opening /dev/gpiochip0` */
export function gpioError(cause: unknown, { uri }: LineAddress, doing: string): AgentError {
  const errno = cause instanceof GpioFailure ? cause.errno : 0;
  const { EACCES, EPERM, EBUSY } = constants.errno;
  if (errno === EACCES || errno === EPERM) {
    return new AgentError("GPIO_FORBIDDEN", `${uri}: ${doing} is not allowed to this user`, {
      cause,
      fix: "Let the user be in the group gpio (usermod -aG gpio NAME); the package's unit and udev rules do so for the agent.",
    });
  }
  if (errno === EBUSY) return lineInUse(uri, "", cause);
  return new AgentError("GPIO_IO", `${uri}: ${doing} failed: ${describeError(cause)}`, {
    cause,
    fix: "Look at the kernel's log (dmesg): does the line take that direction and pull, is the chip still there?",
  });
}

/** @param holder the holder's name; empty when it is not known */
export function lineInUse(uri: string, holder: string, cause?: unknown): AgentError {
  return new AgentError("GPIO_IN_USE", `${uri}: the line is in use${holder === "" ? "" : ` by ${holder}`}`, {
    cause,
    fix: "Each line has one holder: gpioinfo says whose it is. Stop that program, or take its overlay out of config.txt.",
  });
}
