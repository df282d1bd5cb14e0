/** Golden bytes: what stands on other nodes' disks and went over the air must never change its meaning. @module */
import { describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { verifyEd25519 } from "../../src/kernel/ed25519.ts";
import { cidFromDigest, cidOf, decodeCid, digestOf, parseCid } from "../../src/dag/cid.ts";
import { type BlockRef, textOfRef } from "../../src/dag/block-ref.ts";
import { type FileEntry, decodeEntry, encodeEntry } from "../../src/dag/entry.ts";
import { decodeFork, encodeFork, forkFlaw } from "../../src/dag/fork.ts";
import { firstHead, nextHead, signHead, verifyHead } from "../../src/dag/index-log.ts";
import { decodeManifest, splitFile } from "../../src/dag/manifest.ts";
import { type Bytes, fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import cids from "../vectors/dag/cid.json" with { type: "json" };
import log from "../vectors/dag/log.json" with { type: "json" };
import manifest from "../vectors/dag/manifest.json" with { type: "json" };
import { freshShard } from "./shards.ts";

const bytes = (hex: string): Bytes => fromHex(hex) ?? new Uint8Array();

describe("content identifiers", () => {
  test.each(cids.cids)("$cid", ({ codec, text, hex, cid }) => {
    const content = text === undefined ? bytes(hex ?? "") : utf8(text);
    const made = cidOf(codec === "raw" ? "raw" : "dag-cbor", content);
    expect(made.toString()).toBe(cid);
    expect(parseCid(cid)?.equals(made)).toBe(true);
    expect(decodeCid(made.bytes)?.equals(made)).toBe(true);
  });

  test("texts that are not exactly one of ours are no CIDs", () => {
    const good = cids.cids[0]?.cid ?? "";
    const digest = digestOf(cidOf("raw", utf8("hello\n")));
    const bad = [
      "",
      good.toUpperCase(),
      `${good} `,
      good.slice(0, -1),
      `${good}a`,
      // The same with a bit set that base32 leaves unused.
      `${good.slice(0, -1)}n`,
      // Version 0; version 1 in base58; dag-pb; SHA-512; a hash cut short.
      "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN",
      "zb2rhYhwkBhjMuiHSrXnfGNTdvXchzRQjJqJgTDSTGzPTtyvX",
      "bafybeicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
      "bafkrgqhhyivzstcz3hhswshfjgy6ertgmnqeleynhwt4dlfsthi4hn7zge",
      "bafkreicysg23kiwv34eg2d7qweipxwos",
      "constructor",
    ];
    for (const text of bad) expect(parseCid(text), text).toBeUndefined();
    expect(() => cidFromDigest("raw", digest.subarray(1))).toThrow(RangeError);
  });
});

describe("a log", () => {
  const author = authorFromSeed(bytes(log.seed));

  test("has its author, by RFC 8032", () => {
    expect(toHex(author.publicKey)).toBe(log.publicKey);
    expect(toHex(author.id)).toBe(log.author);
    // The RFC's own signature, of nothing.
    const signature =
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    expect(toHex(author.sign(new Uint8Array()))).toBe(signature);
    expect(verifyEd25519(author.publicKey, new Uint8Array(), bytes(signature))).toBe(true);
    expect(verifyEd25519(author.publicKey, utf8("x"), bytes(signature))).toBe(false);
    expect(verifyEd25519(author.publicKey.subarray(1), new Uint8Array(), bytes(signature))).toBe(false);
    expect(verifyEd25519(author.publicKey, new Uint8Array(), bytes(signature).subarray(1))).toBe(false);
    expect(verifyEd25519(new Uint8Array(32).fill(255), new Uint8Array(), bytes(signature))).toBe(false);
  });

  test("has its entries, heads and signatures", () => {
    let head = firstHead(author.publicKey);
    expect(toHex(head)).toBe(log.head0);
    for (const [i, wanted] of log.entries.entries()) {
      const entry = decodeEntry(bytes(wanted.entry));
      expect(entry).toMatchObject({ ok: true, value: { kind: wanted.kind, ...factsOf(wanted) } });
      head = nextHead(head, bytes(wanted.entry));
      expect(toHex(head)).toBe(wanted.head);
      expect(toHex(signHead(author, i + 1, head))).toBe(wanted.signature);
      expect(verifyHead(author.publicKey, i + 1, head, bytes(wanted.signature))).toBe(true);
      expect(verifyHead(author.publicKey, i + 2, head, bytes(wanted.signature))).toBe(false);
      if (!entry.ok || entry.value.kind === "other") continue;
      expect(decodeEntry(encodeEntry(entry.value))).toEqual(entry);
      if (entry.value.kind === "file") expect(wanted.cid).toMatch(textOfRef(fileRef(entry.value)).slice(0, -1));
    }
  });

  test.each(log.forks)("has proofs of a fork: $what", async ({ seq, other, signature, evidence }) => {
    const proof = decodeFork(bytes(evidence));
    expect(proof.ok && forkFlaw(proof.value)).toBeUndefined();
    expect(proof.ok && toHex(encodeFork(proof.value))).toBe(evidence);
    // The same comes of it when both histories are told to a node.
    const until = seq + (evidence.length > 500 ? 1 : 0);
    const { shard } = await freshShard(1);
    const entries = log.entries.map(({ entry }) => bytes(entry));
    await shard.merge(author.id, 1, entries.slice(0, until), bytes(log.entries[until - 1]?.signature ?? ""));
    const told = await shard.merge(author.id, seq, [bytes(other)], bytes(signature));
    expect(told).toMatchObject({ kind: "fork", seq, theirs: bytes(other) });
    const forks = await Array.fromAsync(shard.forks());
    expect(forks).toEqual([{ author: author.id, seq, evidence: bytes(evidence) }]);
  });
});

/** What the vector says of an entry. */
function factsOf({ name, prefix, bytes: length, content }: (typeof log.entries)[number]): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(prefix === undefined ? {} : { prefix: bytes(prefix), bytes: length }),
    ...(content === undefined ? {} : { content: utf8(content) }),
  };
}

function fileRef({ codec, prefix }: FileEntry): BlockRef {
  return { codec, digest: prefix };
}

test("a file of two chunks has its manifest", () => {
  const content = new Uint8Array(manifest.contentBytes).map((_, i) => i % 251);
  const { root, blocks } = splitFile(content);
  expect(root.toString()).toBe(manifest.root);
  expect(toHex(blocks[0]?.bytes ?? new Uint8Array())).toBe(manifest.manifest);
  expect(blocks.slice(1).map(({ cid }) => cid.toString())).toEqual(manifest.chunks);
  const value = decodeManifest(bytes(manifest.manifest));
  expect(value).toMatchObject({ ok: true, value: { bytes: manifest.contentBytes } });
});
