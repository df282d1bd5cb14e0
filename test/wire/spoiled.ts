/** Payloads as a hostile or noisy channel brings them: golden messages, whole, changed and cut; and random bytes. @module */
import { fromHex } from "../../src/kernel/bytes.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };
import { seeded } from "../fakes/seeded.ts";

/** The same ones each time. Every fourth is random behind a first byte of ours. */
export function spoiledPayloads(count: number): readonly Uint8Array[] {
  const { below } = seeded(20_261_121);
  const originals = golden.messages.map(({ bytes }) => fromHex(bytes) ?? new Uint8Array(0));
  return Array.from({ length: count }, () => {
    if (below(4) === 0)
      return Uint8Array.from({ length: below(60) }, (_, i) => (i === 0 ? 0xd0 + below(16) : below(256)));
    const payload = Uint8Array.from(originals[below(originals.length)] ?? []);
    for (let change = below(3); change > 0; change--) payload[below(Math.min(payload.length, 24))] = below(256);
    return below(3) === 0 ? payload.slice(0, below(payload.length + 1)) : payload;
  });
}
