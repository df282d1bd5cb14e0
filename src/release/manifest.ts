/**
 * What vouches for a release: a text file `caye_V_ARCH.deb.manifest` beside the package, in the form of
 * `kernel/text-file.ts`: the line `caye-release 1`, a JSON object (version, architecture, time of the source, id of the key,
 * and each file with its length and SHA-256), then two signatures in base64, Ed25519's and ML-DSA-65's. Both must hold.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type Bytes, concatBytes, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { verifyEd25519 } from "../kernel/ed25519.ts";
import { ML_DSA_65, verifyMlDsa } from "../kernel/ml-dsa.ts";
import { decodeTextFile, inItsOneForm, textOf, withSignatures } from "../kernel/text-file.ts";
import type { ReleaseKey, ReleaseSigner } from "./keys.ts";

const HEAD = "caye-release 1";
/** No signature under it can stand for another purpose. */
const LABEL = utf8("caye release v1\0");
export const MAX_MANIFEST_BYTES = 65_536;
const MAX_FILES = 32;

/** As dpkg allows it, without an epoch and without a revision. */
const Version = z.string().regex(/^[0-9][0-9A-Za-z.+~]{0,63}$/);
const FileRow = z.strictObject({
  /** Beside the manifest: no path. */
  name: z.string().regex(/^[a-z0-9][A-Za-z0-9._+~-]{0,127}$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const Body = z.strictObject({
  version: Version,
  arch: z.enum(["amd64", "arm64"]),
  /** Of the commit: Unix time in s. */
  source_time: z.int().min(0),
  /** Id of the key that signed. */
  key: z.string().regex(/^[0-9a-f]{16}$/),
  files: z.array(FileRow).min(1).max(MAX_FILES),
});

export type ReleaseFile = z.infer<typeof FileRow>;
export type ReleaseArch = z.infer<typeof Body>["arch"];

export interface Release {
  readonly version: string;
  readonly arch: ReleaseArch;
  /** Unix time in s. */
  readonly sourceTimeS: number;
  /** Id of the key that signed it. */
  readonly key: string;
  readonly files: readonly ReleaseFile[];
}

export function fileRow(name: string, bytes: Uint8Array): ReleaseFile {
  return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** @throws a ZodError for what is no release: a fault of ours */
export function signManifest(release: Omit<Release, "key">, signer: ReleaseSigner): Bytes {
  const text = textOf(HEAD, bodyOf({ ...release, key: signer.key.id }));
  return withSignatures(text, signer.sign(concatBytes(LABEL, text)));
}

/**
 * What the file states, when one of the trusted keys signed it with both of its halves.
 * The reasons: `unknown key`, `signature does not hold`, and those of a file that is none.
 */
export function verifyManifest(file: Uint8Array, trusted: readonly ReleaseKey[]): Decoded<Release> {
  const read = decodeTextFile(file, { head: HEAD, maxBytes: MAX_MANIFEST_BYTES, signatures: 2 });
  if (!read.ok) return read;
  const body = Body.safeParse(read.value.body);
  if (!body.success) return refused("not a release");
  const { source_time: sourceTimeS, ...rest } = body.data;
  const release: Release = { ...rest, sourceTimeS };
  const [ed25519 = new Uint8Array(), mlDsa = new Uint8Array()] = read.value.signatures;
  const key = trusted.find(({ id }) => id === release.key);
  if (key === undefined) return refused("unknown key");
  const message = concatBytes(LABEL, read.value.signed);
  const classical = verifyEd25519(key.ed25519, message, ed25519);
  const postQuantum = verifyMlDsa(key.mlDsa, message, mlDsa, ML_DSA_65);
  if (!classical || !postQuantum) return refused("signature does not hold");
  return inItsOneForm(release, (value) => withSignatures(textOf(HEAD, bodyOf(value)), read.value.signatures), file);
}

/** True when the bytes are those of the release's file of that name. */
export function isOfRelease({ files }: Release, name: string, bytes: Uint8Array): Decoded<ReleaseFile> {
  const row = files.find((file) => file.name === name);
  if (row === undefined) return refused("not a file of this release");
  const found = fileRow(name, bytes);
  return found.bytes === row.bytes && found.sha256 === row.sha256
    ? decoded(row)
    : refused("not the file that was signed");
}

function bodyOf({ version, arch, sourceTimeS, key, files }: Release): z.infer<typeof Body> {
  const rows = files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));
  return Body.parse({ version, arch, source_time: sourceTimeS, key, files: rows });
}
