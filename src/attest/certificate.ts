/**
 * What node:crypto does not tell of an X.509 certificate: its extensions, how long a path an authority may open, and by
 * which algorithm it is signed. DER (X.690) and RFC 5280, section 4; nothing here judges a signature.
 * @module
 */

/** Of object identifiers, as DER content in hex. */
export const EXTENSION = {
  keyUsage: "551d0f",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
  extendedKeyUsage: "551d25",
} as const;

const TAG = { boolean: 0x01, integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30, extensions: 0xa3 } as const;
const MAX_EXTENSIONS = 40;
/** Before the key: serial number, algorithm, issuer, validity, subject; and the key. */
const FIXED_FIELDS = 6;
const VERSION_TAG = 0xa0;
/** MD5 and SHA-1 with RSA, SHA-1 with ECDSA. */
const WEAK: ReadonlySet<string> = new Set(["2a864886f70d010104", "2a864886f70d010105", "2a8648ce3d0401"]);

export interface Extension {
  /** Object identifier, as DER content in hex. */
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export interface CertificateFacts {
  readonly extensions: readonly Extension[];
  /** How many authorities may stand between this one and the certificate at the end; undefined: any number. */
  readonly pathLength: number | undefined;
  readonly weakSignature: boolean;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Undefined for what is no certificate with extensions in DER. Never throws. */
export function certificateFacts(der: Uint8Array): CertificateFacts | undefined {
  const whole = elementsOf(der, 1)?.[0];
  const tbs = whole?.tag === TAG.sequence ? elementsOf(whole.content, 3)?.[0] : undefined;
  const fields = tbs?.tag === TAG.sequence ? elementsOf(tbs.content, 10) : undefined;
  if (fields?.[0]?.tag !== VERSION_TAG) return undefined;
  const algorithm = elementsOf(fields[2]?.content, 2)?.[0];
  const extensions = extensionsOf(fields.slice(FIXED_FIELDS + 1));
  if (algorithm === undefined || extensions === undefined) return undefined;
  const constraints = extensions.find(({ id }) => id === EXTENSION.basicConstraints);
  const weakSignature = WEAK.has(Buffer.from(algorithm.content).toString("hex"));
  return { extensions, pathLength: pathLengthOf(constraints), weakSignature };
}

function extensionsOf(fields: readonly Element[]): readonly Extension[] | undefined {
  const wrapped = fields.find(({ tag }) => tag === TAG.extensions);
  const list = elementsOf(wrapped?.content, 1)?.[0];
  const read = elementsOf(list?.content, MAX_EXTENSIONS)?.map(extensionOf);
  const whole = read?.filter((extension) => extension !== undefined);
  return whole?.length === read?.length ? whole : undefined;
}

function extensionOf({ tag, content }: Element): Extension | undefined {
  const parts = tag === TAG.sequence ? elementsOf(content, 3) : undefined;
  const [id, ...rest] = parts ?? [];
  const value = rest.at(-1);
  if (id?.tag !== TAG.oid || value?.tag !== TAG.octets) return undefined;
  const flag = rest.length === 2 ? rest[0] : undefined;
  const critical = flag?.tag === TAG.boolean && flag.content[0] !== 0;
  return { id: Buffer.from(id.content).toString("hex"), critical, value: value.content };
}

function pathLengthOf(constraints: Extension | undefined): number | undefined {
  const sequence = elementsOf(constraints?.value, 1)?.[0];
  const length = elementsOf(sequence?.content, 2)?.find(({ tag }) => tag === TAG.integer);
  return length === undefined ? undefined : (length.content.at(-1) ?? 0);
}

/** What stands side by side in these bytes, at most so many; undefined when they are no whole elements. */
function elementsOf(bytes: Uint8Array | undefined, max: number): readonly Element[] | undefined {
  if (bytes === undefined) return undefined;
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = lengthAt(bytes, at + 1);
    if (length === undefined || length.end > bytes.length || elements.length === max) return undefined;
    elements.push({ tag: bytes[at] ?? 0, content: bytes.subarray(length.start, length.end) });
    at = length.end;
  }
  return elements;
}

/** Of the content: a byte below 0x80, or how many bytes of length follow. */
function lengthAt(bytes: Uint8Array, at: number): { readonly start: number; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { start: at + 1, end: at + 1 + first };
  const count = first - 0x80;
  if (count < 1 || count > 3) return undefined;
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + (bytes[at + i] ?? 0);
  const start = at + 1 + count;
  return { start, end: start + length };
}
