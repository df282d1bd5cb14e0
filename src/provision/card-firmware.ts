/**
 * The card's `config.txt` and `cmdline.txt`, which the Raspberry Pi's firmware reads: a block of our own in the one, the
 * country of the Wi-Fi in the other. What else stands there is left alone; the same again changes nothing.
 * @module
 */
import type { Order } from "./order.ts";

const BEGIN = "# caye begin: written by caye provision card; changes in here are lost";
const END = "# caye end";
const BLOCK = /\n*^# caye begin\b[^\n]*\n(?:(?!# caye end\b)[^\n]*\n)*# caye end[^\n]*\n?/m;
/** meshtasticd's own files of hats that use SPI0's second chip select (GPIO 7), which is the TPM hat's. */
const SECOND_SELECT: ReadonlySet<string> = new Set([
  "lora-Adafruit-RFM9x.yaml",
  "lora-RAK6421-13300-slot2.yaml",
  "lora-RAK6421-13302-slot2.yaml",
]);
/** Overlays that take SPI0's second chip select for something else, or away. */
const RIVALS = /^\s*dtoverlay=(spi0-0cs|spi0-1cs|mcp2515-can1|piscreen)\b/m;

export interface FirmwareWish {
  readonly order: Order;
  /** True for a cell that may be charged: charging another one can make it burst. */
  readonly chargesRtc: boolean;
}

/** Why the TPM hat and the rest can't both be there; undefined when they can. */
export function collision({ radio, trust }: Order, configTxt: string): string | undefined {
  if (trust.tpm !== "chip") return undefined;
  if (radio.kind === "spi" && SECOND_SELECT.has(radio.hat)) {
    return `the hat of ${radio.hat} and a TPM hat both use SPI0's second chip select (GPIO 7)`;
  }
  const rival = RIVALS.exec(configTxt.replace(BLOCK, "\n"))?.[1];
  return rival === undefined ? undefined : `config.txt loads ${rival}, which leaves no chip select for the TPM hat`;
}

/** True where a TPM's overlay is loaded: it must be there, or may be and nothing needs its chip select. */
export function loadsTpm({ radio, trust }: Order, configTxt: string): boolean {
  if (trust.tpm === "software") return false;
  return trust.tpm === "chip" || (!(radio.kind === "spi" && SECOND_SELECT.has(radio.hat)) && !RIVALS.test(configTxt));
}

export function withBlock(configTxt: string, { order, chargesRtc }: FirmwareWish): string {
  const rest = configTxt.replace(BLOCK, "\n").replace(/\s*$/, "\n");
  const hasTpm = loadsTpm(order, rest);
  const lines = [
    BEGIN,
    "[all]",
    ...(hasTpm || order.radio.kind === "spi" ? ["dtparam=spi=on"] : []),
    ...(hasTpm ? ["dtoverlay=tpm-slb9670"] : []),
    "dtparam=watchdog=on",
    ...(chargesRtc ? ["dtparam=rtc_bbat_vchg=3000000"] : []),
    END,
  ];
  return `${rest.trim() === "" ? "" : `${rest}\n`}${lines.join("\n")}\n`;
}

/** One line of the kernel's; the country is set there since Wi-Fi stays shut without one. */
export function withCountry(cmdline: string, country: string | undefined): string {
  if (country === undefined) return cmdline;
  const words = cmdline.split(/\s+/).filter((word) => word !== "" && !word.startsWith("cfg80211.ieee80211_regdom="));
  return `${[...words, `cfg80211.ieee80211_regdom=${country}`].join(" ")}\n`;
}
