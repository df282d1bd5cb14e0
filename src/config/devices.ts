/**
 * Devices are named by URIs. Each parser gives the address in its parts, or the reason why the text is none.
 * @module
 */
import { z } from "zod";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";

/** Where the radio is. `auto`: a radio on a known USB id, else the simulated village. */
export type ModemAddress =
  | { readonly kind: "auto"; readonly uri: string }
  | { readonly kind: "serial"; readonly uri: string; readonly path: string; readonly baud: number }
  | { readonly kind: "tcp"; readonly uri: string; readonly host: string; readonly port: number }
  | { readonly kind: "sim"; readonly uri: string };

/**
 * Which TPM 2.0 holds the keys. `auto`: `/dev/tpmrm0` when it is there, else one in software. `swtpm`: one in software that
 * the agent owns. `swtpm-tcp`, `swtpm-unix`: one that somebody else runs.
 */
export type TpmAddress =
  | { readonly kind: "auto"; readonly uri: string }
  | { readonly kind: "device"; readonly uri: string; readonly path: string }
  | { readonly kind: "swtpm"; readonly uri: string }
  | { readonly kind: "swtpm-tcp"; readonly uri: string; readonly host: string; readonly port: number }
  | { readonly kind: "swtpm-unix"; readonly uri: string; readonly path: string }
  | { readonly kind: "none"; readonly uri: string };

/** Where random samples come from. */
export type EntropyAddress =
  | { readonly kind: "kernel"; readonly uri: string }
  | { readonly kind: "hwrng"; readonly uri: string; readonly path: string }
  | { readonly kind: "tpm"; readonly uri: string }
  | { readonly kind: "qrng"; readonly uri: string; readonly device: string; readonly path: string };

const MESHTASTIC_TCP_PORT = 4403;
const DEFAULT_BAUD = 115_200;
const DEVICE_PATH = /^\/dev\/[A-Za-z0-9._:/+-]{1,200}$/;
const TCP = /^tcp:\/\/(?:\[(?<v6>[0-9A-Fa-f:.]{2,45})\]|(?<host>[A-Za-z0-9._-]{1,253}))(?::(?<port>\d{1,5}))?\/?$/;
/**
 * On this machine alone: TPM commands are neither encrypted nor signed, so that anybody on the way could extend registers,
 * or put a TPM of theirs in the place of ours.
 */
const SWTPM_TCP = /^tcp:\/\/(?:\[(?<v6>::1)\]|(?<host>127(?:\.\d{1,3}){3}|localhost)):(?<port>\d{1,5})\/?$/;
/** As long as the kernel lets a socket's name be. */
const SOCKET_PATH = /^\/[A-Za-z0-9._:/+@-]{1,106}$/;
const SERIAL = /^serial:\/\/(?<path>\/[^?#]*)(?:\?baud=(?<baud>\d{1,8}))?$/;

/** A field that holds such a URI: text in the file, the address in the configuration. */
export function deviceUri<T>(parse: (text: string) => Decoded<T>) {
  return z.string().transform((text, context): T => {
    const address = parse(text);
    if (address.ok) return address.value;
    context.issues.push({ code: "custom", input: text, message: address.reason });
    return z.NEVER;
  });
}

export function parseModem(uri: string): Decoded<ModemAddress> {
  if (uri === "auto") return decoded({ kind: "auto", uri });
  if (uri === "sim:") return decoded({ kind: "sim", uri });
  if (uri.startsWith("serial:")) return parseSerial(uri);
  if (uri.startsWith("tcp:")) return parseTcp(uri);
  return refused("it starts with none of serial://, tcp:// and sim:");
}

export function parseTpm(uri: string): Decoded<TpmAddress> {
  if (uri === "auto") return decoded({ kind: "auto", uri });
  if (uri === "none") return decoded({ kind: "none", uri });
  if (uri.startsWith("swtpm:")) return parseSwtpm(uri);
  if (!uri.startsWith("tpm:")) return refused("it is none of auto, none, swtpm: and tpm:/dev/…");
  const path = uri.slice("tpm:".length);
  return isDevicePath(path) ? decoded({ kind: "device", uri, path }) : refused("tpm: takes a device file under /dev");
}

export function parseEntropy(uri: string): Decoded<EntropyAddress> {
  if (uri === "kernel") return decoded({ kind: "kernel", uri });
  if (uri === "tpm") return decoded({ kind: "tpm", uri });
  if (uri.startsWith("qrng:")) return parseQrng(uri);
  if (!uri.startsWith("hwrng:")) return refused("it is none of kernel, tpm, hwrng:/dev/… and qrng:DEVICE:/dev/…");
  const path = uri.slice("hwrng:".length);
  return isDevicePath(path) ? decoded({ kind: "hwrng", uri, path }) : refused("hwrng: takes a device file under /dev");
}

/** Which of the device's own words may stand behind the path: its serial number, and the key of its maker. */
const NEVER = /(?!)/;
const QRNGS: Readonly<Record<string, RegExp>> = {
  qcicada: /^(?:serial=[A-Za-z0-9._:-]{1,64}|ca=[0-9A-Fa-f]{128})$/,
  truerng: NEVER,
  truerngpro: NEVER,
  onerng: /^serial=[A-Za-z0-9._:-]{1,64}$/,
};

function parseQrng(uri: string): Decoded<EntropyAddress> {
  const [, device = "", path = "", query] = /^qrng:([^:]*):([^?]*)(?:\?(.*))?$/.exec(uri) ?? [];
  if (device === "infnoise") {
    return refused(
      "Infinite Noise is no serial device, it needs libusb: run its own infnoise --dev-random, and use kernel",
    );
  }
  const pin = QRNGS[device];
  if (pin === undefined) return refused("qrng: knows qcicada, truerng, truerngpro and onerng");
  if (!isDevicePath(path)) return refused(`qrng:${device}: takes a device file under /dev`);
  const pins = query === undefined ? [] : query.split("&");
  if (!pins.every((text) => pin.test(text))) {
    return refused("behind ? stand serial=NUMBER (qcicada, onerng) and ca=KEY, 128 hex digits (qcicada)");
  }
  return decoded({ kind: "qrng", uri, device, path });
}

function parseSerial(uri: string): Decoded<ModemAddress> {
  const parts = SERIAL.exec(uri)?.groups;
  if (parts === undefined) return refused("serial:// takes three slashes and a device file, then at most ?baud=");
  const path = parts["path"] ?? "";
  if (!isDevicePath(path)) return refused("serial:// takes a device file under /dev");
  const baud = parts["baud"] === undefined ? DEFAULT_BAUD : Number(parts["baud"]);
  if (baud < 300 || baud > 4_000_000) return refused("baud is 300 to 4000000");
  return decoded({ kind: "serial", uri, path, baud });
}

function parseTcp(uri: string): Decoded<ModemAddress> {
  const parts = TCP.exec(uri)?.groups;
  if (parts === undefined) return refused("tcp:// takes a host and at most a port");
  const port = parts["port"] === undefined ? MESHTASTIC_TCP_PORT : Number(parts["port"]);
  if (port < 1 || port > 65_535) return refused("a TCP port is 1 to 65535");
  return decoded({ kind: "tcp", uri, host: parts["v6"] ?? parts["host"] ?? "", port });
}

function parseSwtpm(uri: string): Decoded<TpmAddress> {
  const rest = uri.slice("swtpm:".length);
  if (rest === "") return decoded({ kind: "swtpm", uri });
  if (rest.startsWith("unix:")) {
    const path = rest.slice("unix:".length);
    return SOCKET_PATH.test(path)
      ? decoded({ kind: "swtpm-unix", uri, path })
      : refused("swtpm:unix: takes the path of a socket, from the root, at most 107 bytes");
  }
  const parts = SWTPM_TCP.exec(rest)?.groups;
  if (parts === undefined) {
    return refused("swtpm: takes nothing, unix:/PATH, or tcp://127.0.0.1:PORT: a TPM's wires stay on this machine");
  }
  const port = Number(parts["port"]);
  if (port < 1 || port > 65_535) return refused("a TCP port is 1 to 65535");
  return decoded({ kind: "swtpm-tcp", uri, host: parts["v6"] ?? parts["host"] ?? "", port });
}

function isDevicePath(path: string): boolean {
  return DEVICE_PATH.test(path) && !path.split("/").includes("..");
}
