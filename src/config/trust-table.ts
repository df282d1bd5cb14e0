/** The configuration's table `[trust]`: what is measured and sealed. @module */
import { z } from "zod";
import { fromHex } from "../kernel/bytes.ts";
import { pointOf } from "../kernel/p256.ts";
import { deviceUri, parseTpm } from "./devices.ts";
import { field } from "./field.ts";

/** The curve's base point: nobody's key. */
const UPDATE_KEY_EXAMPLE = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

function isPoint(hex: string): boolean {
  const bytes = fromHex(hex);
  return bytes !== undefined && pointOf(bytes) !== undefined;
}

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
      expects: "auto, tpm:/dev/tpmrm0, swtpm:, swtpm:tcp://127.0.0.1:2321, swtpm:unix:/run/swtpm.sock or none",
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
    update_key: field(
      z
        .string()
        .transform((key) => key.toLowerCase())
        .refine((key) => key === "" || isPoint(key))
        .default(""),
      {
        description:
          "Whose approvals let the store open after an update, besides the accepted state and an announced one: the key that `caye village create` printed; empty when nobody's do.",
        expects: "empty, or the authority's update key of 66 hex digits",
        example: `"${UPDATE_KEY_EXAMPLE}"`,
        unit: "compressed point of P-256, hex",
      },
    ),
    policy_file: field(z.string().max(1_024).default(""), {
      description:
        "The policy that the village's authority signed (`caye attest policy sign`): measured with the node, and what its neighbours are judged by. Empty: neighbours are held against their enrolment.",
      expects: "empty, or a path of at most 1024 characters",
      example: '"/etc/caye/village.policy"',
      unit: "path",
    }),
    attest_hours: field(z.number().min(0).max(8_760).default(24), {
      description:
        "How often this node asks each direct neighbour, whose TPM it knows, by radio for a quote; 0: only when somebody asks it to.",
      expects: "a number from 0 to 8760",
      example: "24",
      unit: "hours, 0–8760",
    }),
  })
  .check((context) => {
    const { pcr, pcrs } = context.value;
    if (pcrs.includes(pcr)) return;
    const message = `must name register ${pcr} (trust.pcr) too: else what is measured there protects nothing`;
    context.issues.push({ code: "custom", input: pcrs, path: ["pcrs"], message, params: { whole: true } });
  });
