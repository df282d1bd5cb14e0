/**
 * Which chip this is: endorsement keys, their makers' certificates, and the proof that an attestation key lives in the
 * same chip. TCG EK Credential Profile 2.5, sections 2.2.1.4 and B.3; TCG TPM 2.0 Library, part 1, section 24.
 * @module
 */
import { ByteReader, ByteWriter, copyBytes, equalBytes, type Bytes } from "../../kernel/bytes.ts";
import { decodePublic, objectName, type TpmPublic } from "../../kernel/tpm-public.ts";
import type { AttestationKeyChoice, Credential, EndorsementKey, KeyKind } from "../../ports/tpm.ts";
import { supportsKeys } from "./identity.ts";
import { finished, finishedBytes, requireLength, skipTicket, type LoadedKey, type TpmScopes } from "./scopes.ts";
import { attestationKeyTemplate, endorsementKeyTemplate, HIERARCHY } from "./templates.ts";
import { badWire } from "./transport.ts";

/** Where makers and set-up tools leave a key that takes long to make (TCG TPM v2.0 Provisioning Guidance, table 2). */
const PERSISTENT: Readonly<Record<KeyKind, number>> = { rsa: 0x8101_0001, ecc: 0x8101_0002 };
const CERTIFICATE_INDEX: Readonly<Record<KeyKind, number>> = { rsa: 0x01c0_0002, ecc: 0x01c0_000a };
/** TPMA_NV bits. */
const NV = { ownerRead: 0x2_0000, authRead: 0x4_0000, noDictionaryAttack: 0x200_0000, written: 0x2000_0000 } as const;
const NV_PAGE_BYTES = 512;
const MAX_CERTIFICATE_BYTES = 8192;
const MAX_CREDENTIAL_PART_BYTES = 512;
const DER_SEQUENCE = 0x30;
const DER_TWO_LENGTH_BYTES = 0x82;
const DER_HEAD_BYTES = 4;

export async function readEndorsementKeys(scopes: TpmScopes): Promise<readonly EndorsementKey[]> {
  const keys: EndorsementKey[] = [];
  for (const kind of ["rsa", "ecc"] as const) {
    if (!(await supportsKeys(scopes, kind))) continue;
    const publicArea = await withEndorsementKey(scopes, kind, (key) => Promise.resolve(key.publicArea));
    keys.push({ kind, publicArea, certificate: await readCertificate(scopes, CERTIFICATE_INDEX[kind]) });
  }
  if (keys.length === 0) throw badWire("the TPM says that it knows neither RSA nor elliptic curves");
  return keys;
}

/** What was hidden in the credential. @throws AgentError "TPM_RC" for another chip's, or another attestation key's */
export async function activateCredential(
  scopes: TpmScopes,
  kind: KeyKind,
  credential: Credential,
  choice: AttestationKeyChoice | undefined,
): Promise<Uint8Array> {
  requireLength("credential", credential.blob, 1, MAX_CREDENTIAL_PART_BYTES);
  requireLength("credential", credential.secret, 1, MAX_CREDENTIAL_PART_BYTES);
  const attestationKey = attestationKeyTemplate(choice);
  return scopes.withOwnSession("policy", "response", (session) =>
    withEndorsementKey(scopes, kind, (endorsement) =>
      scopes.withPrimary(HIERARCHY.endorsement, attestationKey, async (attestation) => {
        await assertEndorsementPassword(scopes, session.handle);
        const response = await scopes.execute({
          name: "ActivateCredential",
          handles: [attestation.handle, endorsement.handle],
          handleNames: [attestation.key.name, endorsement.key.name],
          authorizations: ["empty-password", session],
          parameters: new ByteWriter()
            .u16(credential.blob.length)
            .bytes(credential.blob)
            .u16(credential.secret.length)
            .bytes(credential.secret)
            .finish(),
        });
        return finishedBytes("ActivateCredential", response);
      }),
    ),
  );
}

/** The policy of endorsement keys: whoever knows the hierarchy's password, which is empty. */
async function assertEndorsementPassword(scopes: TpmScopes, session: number): Promise<void> {
  const { parameters } = await scopes.execute({
    name: "PolicySecret",
    handles: [HIERARCHY.endorsement, session],
    authorizations: ["empty-password"],
    parameters: new ByteWriter()
      .u16(0) // for any session
      .u16(0) // for any command
      .u16(0) // no reference
      .u32(0) // does not expire
      .finish(),
  });
  finished("PolicySecret", parameters, (reader) => {
    reader.take(reader.u16()); // when it expires
    skipTicket(reader);
  });
}

/** The one that lies ready when it is of the template, or else made from it: the same key either way. */
async function withEndorsementKey<T>(
  scopes: TpmScopes,
  kind: KeyKind,
  use: (key: LoadedKey) => Promise<T>,
): Promise<T> {
  const ready = await readPersistent(scopes, kind);
  if (ready !== undefined) return use(ready);
  return scopes.withPrimary(HIERARCHY.endorsement, endorsementKeyTemplate(kind), use);
}

async function readPersistent(scopes: TpmScopes, kind: KeyKind): Promise<LoadedKey | undefined> {
  const handle = PERSISTENT[kind];
  const answer = await scopes.ask({ name: "ReadPublic", handles: [handle] });
  if (!answer.ok) return undefined;
  const publicArea = finished("ReadPublic", answer.response.parameters, (reader) => {
    const area = copyBytes(reader.take(reader.u16()));
    if (!equalBytes(reader.take(reader.u16()), objectName(area))) reader.fail("the name is not that of the key");
    reader.take(reader.u16()); // qualified name
    return area;
  });
  const key = decodePublic(publicArea);
  return key.ok && isOfTemplate(kind, publicArea, key.value) ? { handle, publicArea, key: key.value } : undefined;
}

/** All before the unique field is as in the template; what lies there may be somebody's own key. */
function isOfTemplate(kind: KeyKind, publicArea: Uint8Array, key: TpmPublic): boolean {
  const template = endorsementKeyTemplate(kind);
  const uniqueBytes = key.kind === "rsa" ? 2 + 256 : 2 * (2 + 32);
  const fixed = template.length - uniqueBytes;
  return key.kind === kind && equalBytes(publicArea.subarray(0, fixed), template.subarray(0, fixed));
}

/** Undefined when there is none, or nothing that may be read without a password and begins like a certificate. */
async function readCertificate(scopes: TpmScopes, index: number): Promise<Bytes | undefined> {
  const answer = await scopes.ask({ name: "NV_ReadPublic", handles: [index] });
  if (!answer.ok) return undefined;
  const area = finished("NV_ReadPublic", answer.response.parameters, (reader) => {
    const bytes = copyBytes(reader.take(reader.u16()));
    reader.take(reader.u16()); // name
    return bytes;
  });
  const { attributes, size } = finished("NV_ReadPublic", new ByteReader(area), (reader) => {
    reader.take(6); // index, name algorithm
    const attributes = reader.u32();
    reader.take(reader.u16()); // policy
    return { attributes, size: reader.u16() };
  });
  const authority = readerOf(attributes, index);
  if (authority === undefined || size > MAX_CERTIFICATE_BYTES) return undefined;
  const pages: Uint8Array[] = [];
  for (let at = 0; at < size; at += NV_PAGE_BYTES) {
    const length = Math.min(NV_PAGE_BYTES, size - at);
    const response = await scopes.execute({
      name: "NV_Read",
      handles: [authority, index],
      authorizations: ["empty-password"],
      parameters: new ByteWriter().u16(length).u16(at).finish(),
    });
    const page = finishedBytes("NV_Read", response);
    if (page.length !== length) throw badWire("the TPM gave less of its memory than asked for");
    pages.push(page);
  }
  return trimToDer(Buffer.concat(pages));
}

/** Who may read without a password, and without a wrong one being counted should there be one after all. */
function readerOf(attributes: number, index: number): number | undefined {
  if ((attributes & NV.written) === 0) return undefined;
  if ((attributes & NV.authRead) !== 0 && (attributes & NV.noDictionaryAttack) !== 0) return index;
  return (attributes & NV.ownerRead) === 0 ? undefined : HIERARCHY.owner;
}

/** Makers reserve more room than the certificate needs. */
function trimToDer(bytes: Uint8Array): Bytes | undefined {
  if (bytes.length < DER_HEAD_BYTES || bytes[0] !== DER_SEQUENCE || bytes[1] !== DER_TWO_LENGTH_BYTES) return undefined;
  const length = DER_HEAD_BYTES + 256 * (bytes[2] ?? 0) + (bytes[3] ?? 0);
  return length <= bytes.length ? copyBytes(bytes.subarray(0, length)) : undefined;
}
