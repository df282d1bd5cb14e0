/** The configuration's tables `[files]` and `[alerts]`: what is fetched by radio, and whose alerts count. @module */
import { z } from "zod";
import { field } from "./field.ts";

export const files = z.strictObject({
  max_air_bytes: field(z.int().min(0).max(65_536).default(65_536), {
    description: "The largest file that is fetched by radio; a larger one waits for a link to the internet.",
    expects: "a whole number from 0 to 65536",
    example: "16384",
    unit: "bytes, 0–65536",
  }),
  large_bytes: field(z.int().min(0).max(65_536).default(4_096), {
    description: "A file above this is large: it is fetched in `hours` only, unless somebody says that it is urgent.",
    expects: "a whole number from 0 to 65536",
    example: "4096",
    unit: "bytes, 0–65536",
  }),
  hours: field(
    z
      .string()
      .regex(/^(?:[01]?\d|2[0-4])-(?:[01]?\d|2[0-4])$/)
      .transform((text) => {
        const [from = 0, until = 24] = text.split("-").map(Number);
        return { from, until };
      })
      .prefault("0-24"),
    {
      description:
        "The hours of the day, local time, in which large files are fetched: from which full hour until which, over midnight when the first is the greater.",
      expects: "two full hours from 0 to 24 with a hyphen between, such as 21-6",
      example: '"21-6"',
      unit: "hours, 0–24",
    },
  ),
  cache_bytes: field(z.int().min(0).max(1_073_741_824).default(8_388_608), {
    description:
      "Until this node holds so much, it keeps neighbours' files that it overheard whole while others fetched them; 0 keeps none.",
    expects: "a whole number from 0 to 1073741824",
    example: "8388608",
    unit: "bytes, 0–1 GiB",
  }),
  carry_bytes: field(z.int().min(0).max(1_073_741_824).default(0), {
    description:
      "Until this node holds so much, it fetches neighbours' files unasked while the channel is idle, the newest small ones first, to carry them to those who can't hear their authors; 0 fetches none.",
    expects: "a whole number from 0 to 1073741824",
    example: "1048576",
    unit: "bytes, 0–1 GiB",
  }),
});

export const alerts = z.strictObject({
  authorised: field(
    z
      .array(z.string().regex(/^(?:enrolled|[0-9a-fA-F]{16}|[0-9a-fA-F]{64})$/))
      .max(256)
      .transform((list) => list.map((key) => key.toLowerCase()))
      .default(["enrolled"]),
    {
      description:
        "Whose alerts count here besides this node's own: author ids (`caye status` shows a node's own) or, safer, whole public keys; `enrolled` stands for all whom the village's authority has enrolled; all others are strangers.",
      expects: "a list of at most 256 author ids (16 hex digits), Ed25519 public keys (64 hex digits) or enrolled",
      example: '["3f9a1c20b4d5e6f7"]',
      unit: "author ids or public keys, hex",
    },
  ),
  strangers: field(z.enum(["show-unverified", "drop"]).default("show-unverified"), {
    description:
      "What is done with alerts of strangers: `show-unverified` shows and passes on a few of them, marked as unverified; `drop` forgets them.",
    expects: "show-unverified or drop",
    example: '"drop"',
  }),
});
