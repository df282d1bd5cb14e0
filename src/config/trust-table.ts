/** The configuration's table `[trust]`: what is measured and sealed. @module */
import { z } from "zod";
import { deviceUri, parseTpm } from "./devices.ts";
import { field } from "./field.ts";

export const trust = z
  .strictObject({
    mode: field(z.enum(["enforce", "warn"]).default("warn"), {
      description:
        "What a failed boot step does: `enforce` keeps data and radio shut (quarantine), `warn` runs and says so everywhere.",
      expects: "enforce or warn",
      example: '"warn"',
    }),
    tpm: field(deviceUri(parseTpm).prefault("auto"), {
      description:
        "The TPM 2.0 that measures and seals; `auto` takes `/dev/tpmrm0`, and when it is not there a TPM in software.",
      expects: "auto, tpm:/dev/tpmrm0, swtpm: or none",
      example: '"tpm:/dev/tpmrm0"',
      unit: "device URI",
    }),
    pcr: field(z.int().min(8).max(15).default(14), {
      description: "The register that the agent's own files and configuration are measured into.",
      expects: "a whole number from 8 to 15 (the registers below belong to the firmware, those above can be reset)",
      example: "14",
      unit: "PCR index, 8–15",
    }),
    pcrs: field(
      z
        .array(z.int().min(0).max(23))
        .min(1)
        .max(24)
        .refine((list) => new Set(list).size === list.length)
        .transform((list) => list.toSorted((a, b) => a - b))
        .default([14]),
      {
        description:
          "The registers that the quote covers and that the store key is sealed to; `pcr` must be among them.",
        expects: "a list of 1 to 24 different whole numbers from 0 to 23",
        example: "[14]",
        unit: "PCR indices, 0–23",
      },
    ),
  })
  .check((context) => {
    const { pcr, pcrs } = context.value;
    if (pcrs.includes(pcr)) return;
    const message = `must name register ${pcr} (trust.pcr) too: else what is measured there protects nothing`;
    context.issues.push({ code: "custom", input: pcrs, path: ["pcrs"], message, params: { whole: true } });
  });
