/**
 * Is an endorsement key in a chip of a maker whom the verifier trusts? Its certificate must name just that key, and lead to
 * one of the given authorities. All certificates that the verifier gives are trusted; where one was issued by another of
 * them, that one must hold as well.
 *
 * RFC 5280, section 6, without revocation lists: chips' makers hardly publish any, and a verifier may have no network. TCG
 * EK Credential Profile: the subject's alternative name may be critical and unknown to everybody.
 * @module
 */
import { X509Certificate, type KeyObject } from "node:crypto";
import { fromHex, fromUtf8, type Bytes } from "../kernel/bytes.ts";
import { publicKeyOf, type TpmPublic } from "../kernel/tpm-public.ts";
import { certificateFacts, EXTENSION, type CertificateFacts } from "./certificate.ts";

export type EkReason =
  | "certificate-missing"
  | "certificate-malformed"
  | "other-key"
  | "wrong-purpose"
  | "no-root"
  | "critical-extension"
  | "path-too-long"
  | "weak-signature"
  | "not-yet-valid"
  | "expired";

export type EkJudgement =
  /** `root`: SHA-256 of the DER of the certificate that the chain ends in. */
  | { readonly ok: true; readonly root: Bytes; readonly rootName: string }
  | { readonly ok: false; readonly reason: EkReason; readonly detail: string };

export interface EkCase {
  /** X.509, DER. */
  readonly certificate: Uint8Array | undefined;
  readonly ek: TpmPublic;
  /** PEM files, of any number of certificates each, or one certificate in DER. */
  readonly roots: readonly Uint8Array[];
  /** Unix time in s; undefined: validity is not judged. */
  readonly nowS: number | undefined;
}

interface Known {
  readonly x509: X509Certificate;
  readonly facts: CertificateFacts;
}

const MAX_CHAIN = 6;
const MAX_CHAINS = 50;
const MAX_ROOTS = 1_000;
/** tcg-kp-EKCertificate. */
const EK_PURPOSE = "2.23.133.8.1";
const UNDERSTOOD: readonly string[] = Object.values(EXTENSION);
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Never throws. */
export function judgeEk({ certificate, ek, roots, nowS }: EkCase): EkJudgement {
  if (certificate === undefined) return bad("certificate-missing", "the chip holds no certificate of its maker");
  const leaf = known(certificate);
  if (leaf === undefined) return bad("certificate-malformed", "the chip's certificate is none that can be read");
  const wrong = notOf(ek, leaf);
  if (wrong !== undefined) return wrong;
  const given = roots.flatMap(certificatesOf).slice(0, MAX_ROOTS);
  const chains = [...take(chainsFrom([leaf], given), MAX_CHAINS)];
  const flaws = chains.map((chain) => flawOf(chain, nowS));
  const root = chains.find((_, i) => flaws[i] === undefined)?.at(-1);
  if (root !== undefined) {
    const fingerprint = fromHex(root.x509.fingerprint256.replaceAll(":", "")) ?? new Uint8Array();
    return { ok: true, root: fingerprint, rootName: oneLine(root.x509.subject) };
  }
  const issuer = oneLine(leaf.x509.issuer);
  return flaws[0] ?? bad("no-root", `none of the given authorities issued the chip's certificate (${issuer} did)`);
}

/** Whether the certificate is of this endorsement key, and of one at all. */
function notOf(ek: TpmPublic, leaf: Known): EkJudgement | undefined {
  const [key, own] = [keyOf(leaf), publicKeyOf(ek)];
  if (key === undefined)
    return bad("certificate-malformed", "the certificate is of a kind of key that nobody here reads");
  if (own === undefined || !key.equals(own))
    return bad("other-key", "the certificate is of another key than the chip's");
  const purposes = leaf.x509.keyUsage ?? [];
  const fits = !leaf.x509.ca && (purposes.length === 0 || purposes.includes(EK_PURPOSE));
  return fits ? undefined : bad("wrong-purpose", "the certificate is not one of an endorsement key");
}

function* take<T>(values: Iterable<T>, max: number): Iterable<T> {
  let left = max;
  for (const value of values) {
    if (left-- === 0) return;
    yield value;
  }
}

function flawOf(chain: readonly Known[], nowS: number | undefined): EkJudgement | undefined {
  for (const [i, { x509, facts }] of chain.entries()) {
    const name = oneLine(x509.subject) || "the chip's own";
    const unknown = facts.extensions.find(({ id, critical }) => critical && !UNDERSTOOD.includes(id));
    if (unknown !== undefined) return bad("critical-extension", `${name}: a critical extension that nobody here knows`);
    if (facts.pathLength !== undefined && i - 1 > facts.pathLength) {
      return bad("path-too-long", `${name} may not stand so far above the chip`);
    }
    // Nobody relies on what the last one says of itself.
    if (facts.weakSignature && i < chain.length - 1)
      return bad("weak-signature", `${name} is signed with MD5 or SHA-1`);
    if (nowS === undefined) continue;
    if (nowS * 1000 < x509.validFromDate.getTime())
      return bad("not-yet-valid", `${name} is valid from ${x509.validFrom}`);
    if (nowS * 1000 > x509.validToDate.getTime()) return bad("expired", `${name} was valid until ${x509.validTo}`);
  }
  return undefined;
}

/** Each way up that the given certificates know, as far as it goes; none when the leaf's issuer is not among them. */
function* chainsFrom(chain: readonly Known[], given: readonly Known[]): Iterable<readonly Known[]> {
  const last = chain.at(-1);
  const above = given.filter((issuer) => last !== undefined && !chain.includes(issuer) && isIssuedBy(last, issuer));
  if (chain.length > 1 && (above.length === 0 || chain.length === MAX_CHAIN)) yield chain;
  else for (const issuer of above) yield* chainsFrom([...chain, issuer], given);
}

function isIssuedBy(certificate: Known, issuer: Known): boolean {
  if (!issuer.x509.ca || !certificate.x509.checkIssued(issuer.x509)) return false;
  const key = keyOf(issuer);
  try {
    return key !== undefined && certificate.x509.verify(key);
  } catch {
    return false;
  }
}

function certificatesOf(file: Uint8Array): readonly Known[] {
  const blocks = [...(fromUtf8(file)?.matchAll(PEM_BLOCK) ?? [])].map(([block]) => block);
  const all = blocks.length === 0 ? [known(file)] : blocks.map((block) => known(Buffer.from(block)));
  return all.filter((certificate) => certificate !== undefined);
}

/** Undefined for what is no certificate. */
function known(bytes: Uint8Array): Known | undefined {
  try {
    const x509 = new X509Certificate(bytes);
    const facts = certificateFacts(x509.raw);
    return facts === undefined ? undefined : { x509, facts };
  } catch {
    return undefined;
  }
}

/** Undefined for a kind of key that OpenSSL does not read. */
function keyOf({ x509 }: Known): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function bad(reason: EkReason, detail: string): EkJudgement {
  return { ok: false, reason, detail };
}

function oneLine(name: string | undefined): string {
  return (name ?? "").replaceAll("\n", ", ");
}
