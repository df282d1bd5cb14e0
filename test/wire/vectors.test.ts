/**
 * What the messages rest on, by fixed vectors that an implementation written from the page made: streams and tags, coded
 * slots and symbols, logs, alerts, sealed messages. Ours and that one must both agree with them.
 * @module
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeNotice, encodeNotice } from "../../src/alert/notice-codec.ts";
import { digestOf, signedBytes, tagOf } from "../../src/alert/signed-alert.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import { verifyEd25519 } from "../../src/kernel/ed25519.ts";
import { decodeEntry } from "../../src/dag/entry.ts";
import { decodeFork } from "../../src/dag/fork.ts";
import { firstHead, nextHead, verifyHead } from "../../src/dag/index-log.ts";
import { MerkleTree } from "../../src/dag/merkle.ts";
import { decodeStatement, isStatedBy } from "../../src/dag/statement.ts";
import { SymbolCollector, symbolAt } from "../../src/erasure/cauchy.ts";
import { addCombination, coefficients } from "../../src/erasure/random-linear.ts";
import { referenceToBeacon } from "../../src/exchange/index/reference.ts";
import { parseStream, slotAt, slotsOf } from "../../src/exchange/index/streams.ts";
import { tagPart } from "../../src/exchange/index/vector.ts";
import { closeBox, groupKey, openBox } from "../../src/exchange/sealed-box.ts";
import { type Bytes, fromHex, toHex } from "../../src/kernel/bytes.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { SLOT_BYTES } from "../../src/wire/holdings.ts";
import log from "../vectors/dag/log.json" with { type: "json" };
import alerts from "../vectors/wire/alerts.json" with { type: "json" };
import files from "../vectors/wire/files.json" with { type: "json" };
import index from "../vectors/wire/index.json" with { type: "json" };
import sealed from "../vectors/wire/sealed.json" with { type: "json" };
import statements from "../vectors/wire/statements.json" with { type: "json" };
import { bodyOf } from "./independent-alert.ts";
import * as rest from "./independent-rest.ts";
import { readable } from "./readable.ts";

function bytes(hex: string): Bytes {
  return fromHex(hex) ?? new Uint8Array(0);
}

function decoded<T extends Message["type"]>(hex: string, type: T): Extract<Message, { type: T }> {
  const outcome = decodeMessage(bytes(hex));
  if (!outcome.ok) throw new Error(`${type}: ${outcome.reason}`);
  expect(toHex(encodeMessage(outcome.value))).toBe(hex);
  if (!isOf(outcome.value, type)) throw new Error(`${outcome.value.type} instead of ${type}`);
  return outcome.value;
}

function isOf<T extends Message["type"]>(message: Message, type: T): message is Extract<Message, { type: T }> {
  return message.type === type;
}

describe("the index", () => {
  test.each(index.authors)("$name's log has these heads and signatures", ({ seed, publicKey, author, ...log }) => {
    expect(toHex(authorFromSeed(bytes(seed)).publicKey)).toBe(publicKey);
    expect(toHex(authorFromSeed(bytes(seed)).id)).toBe(author);
    expect(rest.headsOf(publicKey, log.entries)).toEqual(log.heads);
    let head = firstHead(bytes(publicKey));
    for (const [i, entry] of log.entries.entries()) {
      expect(decodeEntry(bytes(entry)).ok, entry).toBe(true);
      head = nextHead(head, bytes(entry));
      expect(toHex(head)).toBe(log.heads[i + 1]);
      const signature = log.signatures[i] ?? "";
      expect(verifyHead(bytes(publicKey), i + 1, head, bytes(signature))).toBe(true);
      expect(rest.signedHead(seed, i + 1, toHex(head))).toBe(signature);
    }
  });

  test("names vectors by these tags", () => {
    for (const [vector, tag] of [
      [index.baseVector, index.base],
      [index.vector, index.tag],
    ] as const) {
      expect(rest.vectorTag(vector)).toBe(tag);
      expect(vector.reduce((sum, { author, count }) => sum ^ tagPart(bytes(author), count), 0)).toBe(tag);
    }
  });

  test("makes these streams and slots of entries, and entries of them", () => {
    for (const { author, from, delta, bytes: stream, slots } of index.streams) {
      const log = index.authors.find((one) => one.author === author);
      const entries = log?.entries.slice(from) ?? [];
      const signature = log?.signatures.at(-1) ?? "";
      expect(entries.length).toBe(delta);
      expect(rest.streamOf(entries, signature)).toBe(stream);
      expect(rest.slotsOf(stream)).toEqual(slots);
      expect(Array.from({ length: slotsOf(bytes(stream)) }, (_, i) => toHex(slotAt(bytes(stream), i)))).toEqual(slots);
      expect(readable(parseStream(bytes(slots.join("")), delta))).toEqual({ entries, signature });
    }
  });

  test("announces and pushes them in these packets", () => {
    const [first, second, third] = index.streams;
    const beacon = decoded(index.beacon, "beacon");
    const { sender, holdings } = beacon;
    expect(first?.author.startsWith(toHex(sender))).toBe(true);
    expect(holdings.base).toBe(index.base);
    expect(holdings.rows.map(({ slots }) => slots)).toEqual([first?.slots.length, second?.slots.length]);
    expect(holdings.strangers.map(({ slots }) => slots)).toEqual([third?.slots.length]);
    for (const [i, packets] of index.updates.entries()) {
      const pieces = packets.map((packet) => decoded(packet, "update"));
      expect(pieces.map(({ bytes: piece }) => toHex(piece)).join("")).toBe(index.streams[i]?.bytes);
    }
    expect(decoded(index.wantOfBeacon, "want").re).toBe(referenceToBeacon(beacon));
    expect(decoded(index.wantOfBeacon, "want").re).toBe(rest.referenceTo(index.beacon));
  });

  test("mixes all slots into these coded ones", () => {
    const slots = index.streams.flatMap(({ slots }) => slots);
    for (const packet of index.repairs) {
      const { seed, coded } = decoded(packet, "repair");
      for (let i = 0; i * SLOT_BYTES < coded.length; i++) {
        const here = toHex(coded.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES));
        expect(rest.codedSlot(seed, i, slots)).toBe(here);
        const sum = new Uint8Array(SLOT_BYTES);
        addCombination(sum, slots.map(bytes), coefficients(seed, i, slots.length));
        expect(toHex(sum)).toBe(here);
      }
    }
  });
});

describe("files", () => {
  test("are coded into these symbols, and come back from any k of them", () => {
    const symbols = files.burst.map((packet) => decoded(packet, "coded"));
    for (const { prefix, index: at, symbol } of symbols) {
      expect(files.digest.startsWith(toHex(prefix))).toBe(true);
      expect(rest.symbolAt(files.block, files.symbolBytes, at)).toBe(toHex(symbol));
      expect(toHex(symbolAt(bytes(files.block), files.symbolBytes, at))).toBe(toHex(symbol));
    }
    for (let first = 0; first + files.k <= symbols.length; first++) {
      const collector = new SymbolCollector(files.block.length / 2, files.symbolBytes);
      for (const { index: at, symbol } of symbols.slice(first, first + files.k)) collector.add(at, symbol);
      const block = collector.recover();
      expect(block === undefined ? "" : toHex(block)).toBe(files.block);
    }
    expect(createHash("sha256").update(bytes(files.block)).digest("hex")).toBe(files.digest);
    expect(decoded(files.get, "get").target.kind).toBe("prefix");
  });
});

describe("a sealed message", () => {
  test.each(sealed.packets)("of slot $slot and counter $counter", ({ packet, message, ...seal }) => {
    const { slot, counter, box } = decoded(packet, "sealed");
    expect({ slot, counter }).toEqual({ slot: seal.slot, counter: seal.counter });
    expect(rest.sealedBox({ key: sealed.key, ...seal }, message)).toBe(toHex(box));
    const key = groupKey(seal.slot, bytes(sealed.key));
    expect(toHex(closeBox(key, seal.radio, counter, bytes(message)))).toBe(toHex(box));
    expect(readable(openBox(key, seal.radio, counter, box))).toBe(message);
    expect(openBox(key, seal.radio - 1, counter, box)).toBeUndefined();
    expect(decodeMessage(bytes(message)).ok).toBe(true);
  });
});

describe("an alert", () => {
  test.each(alerts.alerts)("of number $number", ({ number, notice, body, digest, signature, message, tags }) => {
    const alert = decoded(message, "alert");
    expect(toHex(alert.author)).toBe(alerts.author);
    expect(alert.number).toBe(number);
    expect(toHex(alert.body)).toBe(body);
    expect(verifyEd25519(bytes(alerts.publicKey), signedBytes(alert), alert.signature)).toBe(true);
    expect(rest.signedAlert(alerts.seed, alerts.author, number, body)).toBe(signature);
    expect(toHex(digestOf(alert))).toBe(digest);
    expect(bodyOf(notice)).toBe(body);
    const own = decodeNotice(alert.body);
    expect(own.ok ? readable(own.value) : own).toEqual(notice);
    // Ours packs the texts, so that only the value comes back.
    const again = own.ok ? decodeNotice(encodeNotice(own.value)) : own;
    expect(again).toEqual(own);
    for (const { salt, tag } of tags) {
      expect(tagOf(bytes(digest), salt)).toBe(tag);
      expect(rest.alertTag(salt, digest)).toBe(tag);
    }
  });

  test("is listed and seen in these packets", () => {
    const { salt, tags } = decoded(alerts.list, "alerts");
    const known = alerts.alerts.map(({ digest }) => tagOf(bytes(digest), salt));
    expect([...tags]).toEqual(known.toSorted((a, b) => a - b));
    const seen = decoded(alerts.seen, "seen");
    expect(alerts.alerts[0]?.digest.startsWith(toHex(seen.alert))).toBe(true);
  });
});

describe("what goes over the air as entries and files", () => {
  const authority = { publicKey: bytes(statements.authority.publicKey), mlDsaFingerprint: new Uint8Array(32) };

  test("certificates are these", () => {
    for (const { certificate, entry } of statements.certificates) {
      expect(rest.certificateOf(statements.authority.seed, certificate)).toBe(entry);
      const { fingerprint, from, until, ...same } = certificate;
      const ours = decodeStatement(bytes(entry));
      if (!ours.ok) throw new Error(ours.reason);
      const statement = { kind: "certificate", ...same, mlDsaFingerprint: fingerprint, fromS: from, untilS: until };
      expect(readable(ours.value.statement)).toEqual(statement);
      expect(isStatedBy(authority, ours.value)).toBe(true);
    }
  });

  test("certificates that name an attestation key are these", () => {
    for (const { certificate, entry } of statements.attestedCertificates) {
      expect(rest.attestedCertificateOf(statements.authority.seed, certificate)).toBe(entry);
      const { fingerprint, until, ...same } = certificate;
      const ours = decodeStatement(bytes(entry));
      if (!ours.ok) throw new Error(ours.reason);
      const times = { fromS: certificate.serial, untilS: until };
      const statement = { kind: "certificate", ...same, mlDsaFingerprint: fingerprint, ...times };
      expect(readable(ours.value.statement)).toEqual(statement);
      expect(isStatedBy(authority, ours.value)).toBe(true);
    }
  });

  test("revocation lists are these", () => {
    for (const { number, serials, entry } of statements.revocations) {
      expect(rest.revocationsOf(statements.authority.seed, number, serials)).toBe(entry);
      const ours = decodeStatement(bytes(entry));
      if (!ours.ok) throw new Error(ours.reason);
      expect(ours.value.statement).toEqual({ kind: "revocations", number, serials });
      expect(isStatedBy(authority, ours.value)).toBe(true);
    }
  });

  test("Merkle roots of logs are these", () => {
    for (const { count, root } of statements.roots) {
      const entries = statements.entries.slice(0, count);
      expect(rest.merkleRoot(entries)).toBe(root);
      const tree = new MerkleTree();
      for (const entry of entries) tree.add(bytes(entry));
      expect(toHex(tree.root())).toBe(root);
    }
  });

  test("evidence of forks is what it was", () => {
    for (const { evidence } of log.forks) {
      const proof = decodeFork(bytes(evidence));
      if (!proof.ok) throw new Error(proof.reason);
      const { publicKey, seq, branches } = proof.value;
      const [a, b] = branches.map(({ head, signature, further }) => ({
        head: toHex(head),
        signature: toHex(signature),
        further: further.map(toHex),
      }));
      if (a === undefined || b === undefined) throw new Error("no two branches");
      expect(rest.evidenceOf(toHex(publicKey), seq, [b, a])).toBe(evidence);
    }
  });
});
