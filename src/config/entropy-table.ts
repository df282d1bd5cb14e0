/** The configuration's table `[entropy]`: where randomness comes from, and what its failure means. @module */
import { z } from "zod";
import { deviceUri, parseEntropy, type EntropyAddress } from "./devices.ts";
import { field } from "./field.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";

const MOST_SOURCES = 8;
const DEVICES = "kernel, tpm, hwrng:/dev/hwrng or qrng:DEVICE:/dev/… (see docs/entropy-devices.md)";

/** One of several sources, with what is claimed for it; undefined: as `min_entropy_bits` says. */
export interface FurtherSource {
  readonly address: EntropyAddress;
  readonly claimedBits: number | undefined;
}

/** `URI`, or `URI at BITS`. */
export function parseFurtherSource(text: string): Decoded<FurtherSource> {
  const [, uri = text, bits] = /^(.*?)(?: at (.*))?$/s.exec(text) ?? [];
  const address = parseEntropy(uri);
  if (!address.ok) return address;
  if (bits === undefined) return decoded({ address: address.value, claimedBits: undefined });
  const claimedBits = /^\d(?:\.\d{1,6})?$/.test(bits) ? Number(bits) : 0;
  if (!(claimedBits > 0 && claimedBits <= 8)) return refused("behind at stands a number above 0 and at most 8");
  return decoded({ address: address.value, claimedBits });
}

export const entropy = z
  .strictObject({
    source: field(deviceUri(parseEntropy).prefault("kernel"), {
      description:
        "The source of random samples that is tested at boot and while the agent runs, and mixed into the seed (mixed, never trusted alone).",
      expects: DEVICES,
      example: '"hwrng:/dev/hwrng"',
      unit: "device URI",
    }),
    sources: field(
      z
        .array(deviceUri(parseFurtherSource))
        .max(MOST_SOURCES - 1)
        .prefault([]),
      {
        description:
          "Further sources, tested and mixed in beside `source`; behind `at` stands the min-entropy claimed for a sample of that one. The TPM's, the kernel's and `/dev/hwrng`'s bytes are mixed in always, wherever they are there.",
        expects: `at most ${MOST_SOURCES - 1} of ${DEVICES}, each at most once and with at most a claim: "URI at 4.5"`,
        example: '["qrng:onerng:/dev/ttyACM0 at 6.5"]',
        unit: "device URI",
      },
    ),
    min_entropy_bits: field(z.number().gt(0).max(8).default(7), {
      description:
        "The min-entropy that is claimed for one sample of the source; it sets the cutoffs of the health tests. The default of 7 is what NIST's estimators still grant an ideal source of a million samples (7.3): a claim of 8 is one that no measurement supports. Write a noise source's own assessed figure (`caye entropy enrol`).",
      expects: "a number above 0 and at most 8",
      example: "7",
      unit: "bits a sample, 0 < H ≤ 8",
    }),
    on_failure: field(z.enum(["degrade", "quarantine"]).default("quarantine"), {
      description:
        'What a source that fails means under `trust.mode = "enforce"`: `quarantine` keeps data and radio shut, and ends a running agent; `degrade` goes on with the other sources, the TPM and the kernel. Either way it is told everywhere.',
      expects: "degrade or quarantine",
      example: '"degrade"',
    }),
    reseed_minutes: field(z.int().min(1).max(1440).default(10), {
      description: "How often the generator takes in fresh samples of all sources.",
      expects: "a whole number from 1 to 1440",
      example: "10",
      unit: "minutes",
    }),
    assess_days: field(z.int().min(0).max(365).default(7), {
      description:
        "How often a million samples of each enrolled source are assessed in the background; 0: never. It takes a core for half a minute and 350 MB of memory.",
      expects: "a whole number from 0 to 365 (0: never)",
      example: "7",
      unit: "days",
    }),
  })
  .check((context) => {
    const { source, sources } = context.value;
    const uris = [source.uri, ...sources.map(({ address }) => address.uri)];
    if (new Set(uris).size === uris.length) return;
    const message = "must not name a source twice, nor the one of entropy.source";
    context.issues.push({ code: "custom", input: sources, path: ["sources"], message, params: { whole: true } });
  });
