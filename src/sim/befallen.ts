/** What troubles came to pass in a story, whatever was planned: counted where they happen. @module */
import type { StoryVillage } from "./story-village.ts";
import { TROUBLE_KINDS } from "./story.ts";

/** Every kind of trouble that a random story may meet. */
export const TROUBLES = [...TROUBLE_KINDS, "clock-skew", "signed", "ill-will"] as const;

/**
 * By kind: crashes, restarts of radios, walls, jumps of clocks, backups put back; frames lost in bursts, changed, signed by
 * firmware 2.8; packets that came twice, late, were refused under the law, or came from radios of ill will; writes that a full
 * disk refused; clocks that run apart. Kinds that did not come to pass are left out.
 */
export function befallenIn({ village, noted, sent }: StoryVillage): Readonly<Record<string, number>> {
  const { inBursts, corrupted, twice, late, signed, cutOff } = village.ether.stats();
  const own = new Set(village.houses.map(({ number }) => number));
  const ofIllWill = [...sent].filter(([number]) => !own.has(number)).reduce((all, [, { length }]) => all + length, 0);
  const counted: Readonly<Record<string, number>> = {
    burst: inBursts,
    garbled: corrupted,
    twice,
    late,
    "clock-skew": village.houses.filter(({ clock }) => clock.rate !== 1).length,
    "disk-full": village.houses.reduce((all, { disk }) => all + disk.refused, 0),
    "duty-cycle": cutOff,
    signed,
    "ill-will": ofIllWill,
  };
  const times = TROUBLES.map((kind) => [kind, (counted[kind] ?? 0) + (noted.get(kind) ?? 0)] as const);
  return Object.fromEntries(times.filter(([, count]) => count > 0));
}
