/**
 * Which of Meshtastic's regions belong to a country, where that is beyond doubt. Other countries are not judged: their law
 * may name several, or none.
 *
 * A guard against slips, not the word of a law: read off the names of the regions, and for the Americas north of Guatemala off
 * the band of 902 to 928 MHz that they share.
 * @module
 */

/** Where only radio amateurs are allowed, and the band at 2.4 GHz, which is free nearly everywhere. */
const ANYWHERE = /^(?:ITU\d_|LORA_24$)/;
/** Countries, and their regions. */
const ROWS: readonly (readonly [string, string])[] = [
  [
    "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK",
    "EU_868 EU_433 EU_866 EU_N_868",
  ],
  ["US CA MX BZ", "US"],
  ["AU", "ANZ ANZ_433"],
  ["BR", "BR_902 ANZ"],
  ["CN", "CN"],
  ["IN", "IN"],
  ["JP", "JP"],
  ["KR", "KR"],
  ["KZ", "KZ_433 KZ_863"],
  ["MY", "MY_433 MY_919"],
  ["NP", "NP_865"],
  ["NZ", "ANZ ANZ_433 NZ_865"],
  ["PH", "PH_433 PH_868 PH_915"],
  ["RU", "RU"],
  ["SG", "SG_923"],
  ["TH", "TH"],
  ["TW", "TW"],
  ["UA", "UA_433 UA_868 EU_868 EU_433"],
];

const REGIONS: ReadonlyMap<string, readonly string[]> = new Map(
  ROWS.flatMap(([countries, regions]) => countries.split(" ").map((country) => [country, regions.split(" ")] as const)),
);

/** True also where nothing is known of the country. @param country ISO 3166, two capital letters */
export function mayBeIn(country: string, region: string): boolean {
  const regions = REGIONS.get(country);
  return regions === undefined || ANYWHERE.test(region) || regions.includes(region);
}

/** Empty where nothing is known of the country. */
export function regionsIn(country: string): readonly string[] {
  return REGIONS.get(country) ?? [];
}
