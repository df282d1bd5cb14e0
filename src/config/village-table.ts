/** The configuration's table `[village]`: who belongs to it, its group key, and the simulated one. @module */
import { z } from "zod";
import { field } from "./field.ts";

export const village = z.strictObject({
  authority: field(
    z
      .string()
      .regex(/^(?:[0-9a-fA-F]{128})?$/)
      .transform((key) => key.toLowerCase())
      .default(""),
    {
      description:
        "Who says who belongs to the village: the authority that `caye village create` made and printed; empty when nobody does, and every author is as good as another.",
      expects: "empty, or the authority's 128 hex digits",
      example: `"${"3f9a1c20b4d5e6f7".repeat(8)}"`,
      unit: "Ed25519 public key and SHA-256 of the ML-DSA-44 public key, hex",
    },
  ),
  strangers: field(z.enum(["accept", "show-unverified", "refuse"]).default("show-unverified"), {
    description:
      "With an authority: what is done with the logs of authors whom it has not enrolled. `accept` makes no difference, `show-unverified` marks their files, `refuse` takes nothing from them.",
    expects: "accept, show-unverified or refuse",
    example: '"refuse"',
  }),
  group_key_file: field(z.string().max(1_024).default(""), {
    description:
      "The file with the group key of a private village, as `caye village key` makes it: what Caye says is then sealed with it, and what comes unsealed is dropped. Empty: nothing is sealed. Only its owner may read the file.",
    expects: "empty, or a path of at most 1024 characters",
    example: '"/etc/caye/group.key"',
    unit: "path",
  }),
  neighbours: field(z.int().min(1).max(5).default(3), {
    description: "How many neighbours the simulated village has.",
    expects: "a whole number from 1 to 5",
    example: "3",
    unit: "agents, 1–5",
  }),
  loss: field(z.number().min(0).max(0.9).default(0.1), {
    description: "The part of the packets that the simulated air loses.",
    expects: "a ratio from 0 to 0.9",
    example: "0.1",
    unit: "ratio, 0–0.9",
  }),
  speed: field(z.number().min(1).max(1000).default(1), {
    description: "How many times faster than a real one the simulated air carries packets.",
    expects: "a number from 1 to 1000",
    example: "20",
    unit: "factor, 1–1000",
  }),
});
