/** Which values of registers are explained, and that nothing else is: over the logs of real machines. */
import { describe, expect, test } from "vitest";
import { explainPcrs, valuesBeforeOwn, type PcrClaims } from "../../src/attest/explain.ts";
import { encodeEventLog, eventsOf, ownState, replayLog, type EventLog } from "../../src/attest/logs/own.ts";
import { decodeTcgLog } from "../../src/attest/logs/tcg.ts";
import type { EvidenceLogs } from "../../src/kernel/attest.ts";
import { concatBytes, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import { extend, replay } from "../../src/kernel/pcr.ts";
import {
  celRecord,
  le,
  recordedBoots,
  sha1Log,
  startupLocality,
  tcgLog,
  type RecordedBoot,
} from "../fakes/boot-logs.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const BOOTS = recordedBoots();
const NO_LOGS: EvidenceLogs = { own: undefined, tcg: undefined, ima: undefined, cel: undefined };
const OWN_PCR = 14;
const zeros: Bytes = new Uint8Array(32);
const own = eventsOf(
  ownState({
    runtime: { nodeVersion: "v24.0.0", files: [] },
    files: [],
    configBytes: utf8("config"),
    policyBytes: new Uint8Array(),
  }),
);

function ownLog(base: Bytes = zeros, pcr = OWN_PCR): EventLog {
  return { pcr, base, events: own };
}

/** One register of that value. */
function problem(pcr: number, value: Uint8Array, logs: Partial<EvidenceLogs>, ownPcr = OWN_PCR): string {
  const [found] = explainPcrs({ pcrs: [pcr], values: new Map([[pcr, value]]), logs: { ...NO_LOGS, ...logs }, ownPcr });
  return found === undefined ? "explained" : `${found.kind}: ${found.detail}`;
}

function claims({ values }: RecordedBoot, tcg: Uint8Array): PcrClaims {
  return { pcrs: [...values.keys()], values, logs: { ...NO_LOGS, tcg }, ownPcr: OWN_PCR };
}

describe("a real log of firmware", () => {
  test.each(BOOTS)(
    "of the $name machine explains every register that it tells of, together with the kernel's",
    (boot) => {
      expect(explainPcrs(claims(boot, boot.tcg))).toEqual([]);
      const ten = problem(10, boot.pcr10, { ima: boot.ima });
      expect(ten).toBe(boot.name === "amd64" ? "explained" : "not-measured: PCR 10 was never extended");
      expect(problem(10, boot.replayed10, { ima: boot.ima })).toBe("explained");
    },
  );

  test.each(BOOTS)("of the $name machine explains nothing when it is cut at any byte", (boot) => {
    for (let length = 0; length < boot.tcg.length; length++) {
      const problems = explainPcrs(claims(boot, boot.tcg.subarray(0, length)));
      expect(problems.length, `cut to ${length}`).toBeGreaterThan(0);
      expect(problems.every(({ kind }) => kind === "unexplained")).toBe(true);
    }
    for (let length = 0; length < boot.ima.length; length++) {
      expect(problem(10, boot.replayed10, { ima: boot.ima.subarray(0, length) })).toContain("unexplained");
    }
  });

  test.each(BOOTS)("of the $name machine is seen through with any bit flipped that a digest covers", (boot) => {
    const free = uncovered(boot.tcg);
    let unseen = 0;
    for (let at = 0; at < boot.tcg.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(boot.tcg);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        if (explainPcrs(claims(boot, flipped)).length > 0) continue;
        unseen++;
        if (!free.has(at)) throw new Error(`bit ${bit} of byte ${at} flips unseen`);
      }
    }
    // What no verifier can see: what kind of event it was said to be, and stories about images.
    expect(unseen).toBeGreaterThan(0);
    expect(free.size).toBeLessThan(boot.tcg.length / 4);
  });

  test.each(BOOTS)("and the kernel's list of the $name machine is seen through with any bit flipped", (boot) => {
    for (let at = 0; at < 8 * boot.ima.length; at++) {
      const flipped = Uint8Array.from(boot.ima);
      flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
      // The template's name is covered by nothing but its meaning: `ima-sig` with another letter is unknown, and the same.
      const inName = at >> 3 >= 28 && at >> 3 < 35;
      if (!inName) expect(problem(10, boot.replayed10, { ima: flipped }), `bit ${at}`).toContain("unexplained");
    }
  });

  test("of another machine does not explain this one's registers", () => {
    const [amd64, arm64] = BOOTS;
    if (amd64 === undefined || arm64 === undefined) throw new Error("two machines");
    const problems = explainPcrs(claims(amd64, arm64.tcg)).map(({ pcr, detail }) => [pcr, detail]);
    expect(problems).toContainEqual([0, "PCR 0 holds something else than its log leads to"]);
  });

  test("that was replaced by 10,000 garbled ones is never accepted", () => {
    const { below, random } = seeded(5);
    const [boot] = BOOTS;
    if (boot === undefined) throw new Error("a machine");
    const free = uncovered(boot.tcg);
    for (let i = 0; i < 10_000; i++) {
      const garbled = Uint8Array.from(boot.tcg);
      let at = below(garbled.length);
      while (free.has(at)) at = below(garbled.length);
      const noise = random.bytes(1 + below(8)).map((byte) => (byte === 0 ? 1 : byte));
      for (const [offset, byte] of noise.entries()) {
        if (at + offset < garbled.length) garbled[at + offset] = (garbled[at + offset] ?? 0) ^ byte;
      }
      if (explainPcrs(claims(boot, garbled)).length === 0) throw new Error(`accepted after a change at ${at}`);
    }
  });
});

describe("a register", () => {
  test.each([
    [7, zeros, "not-measured: PCR 7 was never extended"],
    [7, new Uint8Array(32).fill(0xff), "not-measured: PCR 7 is not in use on this machine"],
    [16, sha256("x"), "not-measured: PCR 16 can be reset by any program"],
    [23, sha256("x"), "not-measured: PCR 23 can be reset by any program"],
    [7, new Uint8Array(), "not-measured: PCR 7 was not read"],
    [7, sha256("x"), "unexplained: PCR 7 has no log that explains it"],
    [10, sha256("x"), "unexplained: PCR 10 has no log that explains it: the kernel's list is missing"],
    [14, sha256("x"), "unexplained: PCR 14 has no log that explains it: the agent's own is missing"],
    [17, sha256("x"), "unexplained: PCR 17 has no log that explains it"],
  ])("%i that no event explains is never taken for a good one", (pcr, value, expected) => {
    expect(problem(pcr, value, {})).toBe(expected);
  });

  test("that was started from another locality and never extended has no events", () => {
    const start = Uint8Array.from([...new Uint8Array(31), 3]);
    expect(problem(0, start, { tcg: tcgLog([startupLocality(3)]) })).toContain("unexplained");
  });

  test("16 or 23 stays unmeasured though a log leads to its value", () => {
    const event = { pcr: 16, type: 4, data: new Uint8Array(4) };
    expect(problem(16, replay([sha256(event.data)]), { tcg: tcgLog([event]) })).toContain("not-measured");
    const log = { pcr: 16, base: zeros, events: own };
    expect(problem(16, replayLog(log), { own: encodeEventLog(log) }, 16)).toContain("not-measured");
  });

  test("whose logs are no logs says which one and why", () => {
    const soup = utf8("soup");
    expect(problem(7, sha256("x"), { tcg: soup })).toContain("the firmware's log is of a register that is none");
    expect(problem(11, sha256("x"), { cel: soup })).toContain("systemd's log is not a sequence of records");
    expect(problem(10, sha256("x"), { ima: soup })).toContain("the kernel's list is ");
    expect(problem(14, sha256("x"), { own: soup })).toContain("the agent's own is not a measurement log");
    const sha1 = sha1Log([{ pcr: 7, type: 4, sha1: new Uint8Array(20), data: new Uint8Array(4) }]);
    expect(problem(7, sha256("x"), { tcg: sha1 })).toContain("the events have no SHA-256 digest");
  });
});

describe("logs that extend the same register", () => {
  const shim = { pcr: OWN_PCR, type: 4, data: new Uint8Array(4) };
  const tcg = tcgLog([shim]);
  const afterShim = replay([sha256(shim.data)]);
  const cel = utf8(celRecord(OWN_PCR, "phase"));
  const afterPhase = extend(afterShim, sha256("phase"));

  test.each([
    ["the agent alone", zeros, {}],
    ["firmware and the agent", afterShim, { tcg }],
    ["firmware, systemd and the agent", afterPhase, { tcg, cel }],
    ["firmware and the agent, before systemd went on", afterShim, { tcg, cel }],
  ])("chain in the order of the boot: %s", (_name, base, logs) => {
    const log = ownLog(base);
    expect(problem(OWN_PCR, replayLog(log), { ...logs, own: encodeEventLog(log) })).toBe("explained");
  });

  test.each([
    ["a start that no log tells of", sha256("?"), {}],
    ["a start at zero where firmware was first", zeros, { tcg }],
    ["systemd before firmware", extend(replay([sha256("phase")]), sha256(shim.data)), { tcg, cel }],
    ["a firmware's log that was cut away", afterShim, { cel }],
  ])("are no explanation with %s", (_name, base, logs) => {
    const log = ownLog(base);
    const found = problem(OWN_PCR, replayLog(log), { ...logs, own: encodeEventLog(log) });
    expect(found).toContain("unexplained: PCR 14 held something before the agent measured itself that no log explains");
  });

  test("chain firmware and systemd on PCR 11, up to any of systemd's events", () => {
    const event = { ...shim, pcr: 11 };
    const logs = { tcg: tcgLog([event]), cel: utf8(celRecord(11, "a") + celRecord(11, "b")) };
    const first = replay([sha256(event.data)]);
    const second = extend(first, sha256("a"));
    for (const held of [first, second, extend(second, sha256("b"))]) expect(problem(11, held, logs)).toBe("explained");
    expect(problem(11, extend(first, sha256("b")), logs)).toContain("holds something else than its log leads to");
    expect(problem(11, extend(second, sha256("b")), { ...logs, cel: utf8(celRecord(11, "a")) })).toContain(
      "unexplained",
    );
  });

  test("give the values that the agent may begin at", () => {
    expect(valuesBeforeOwn(NO_LOGS, OWN_PCR)).toEqual([zeros]);
    expect(valuesBeforeOwn({ ...NO_LOGS, tcg, cel }, OWN_PCR)).toEqual([afterShim, afterPhase]);
    expect(valuesBeforeOwn({ ...NO_LOGS, tcg: utf8("soup") }, OWN_PCR)).toEqual([zeros]);
  });
});

describe("systemd's log", () => {
  const texts = ["enter-initrd", "leave-initrd", "ready"];
  const whole = utf8(texts.map((text) => celRecord(11, text)).join(""));
  const value = replay(texts.map((text) => sha256(text)));

  test("explains its register, and at no shorter length", () => {
    expect(problem(11, value, { cel: whole })).toBe("explained");
    for (let length = 0; length < whole.length; length++) {
      expect(problem(11, value, { cel: whole.subarray(0, length) }), `cut to ${length}`).toContain("unexplained");
    }
  });

  test("is seen through with any bit flipped of a register's number or a digest", () => {
    // What systemd tells about its events, from the type of the content on, is covered by nothing.
    const told = texts.flatMap((text) => {
      const record = celRecord(11, text);
      return Array.from(record, (_, at) => at >= record.indexOf('"content_type"') && at < record.length - 1);
    });
    for (let at = 0; at < 8 * whole.length; at++) {
      if (told[at >> 3] === true) continue;
      const flipped = Uint8Array.from(whole);
      flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(problem(11, value, { cel: flipped }), `bit ${at}`).toContain("unexplained");
    }
  });
});

describe("the agent's own log", () => {
  const whole = encodeEventLog(ownLog());
  const value = replayLog(ownLog());

  test("explains its register, and at no shorter length", () => {
    expect(problem(OWN_PCR, value, { own: whole })).toBe("explained");
    for (let length = 0; length < whole.length; length++) {
      expect(problem(OWN_PCR, value, { own: whole.subarray(0, length) })).toContain("unexplained");
    }
  });

  test("with any bit flipped does not, though JSON would allow many of them", () => {
    for (let at = 0; at < 8 * whole.length; at++) {
      const flipped = Uint8Array.from(whole);
      flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(problem(OWN_PCR, value, { own: flipped }), `bit ${at}`).toContain("unexplained");
    }
  });

  test("of another register, or of none of today's events, explains nothing", () => {
    const elsewhere = encodeEventLog(ownLog(zeros, 15));
    expect(problem(OWN_PCR, value, { own: elsewhere })).toContain("tells nothing of it");
    const silent = encodeEventLog({ ...ownLog(sha256("?")), events: [] });
    expect(problem(OWN_PCR, sha256("?"), { own: silent })).toContain("tells nothing of it");
    expect(problem(OWN_PCR, sha256("?"), { own: whole })).toContain("something else than the agent's own log");
    const earlier = utf8('{"version": 1, "pcr": 14, "base": "", "events": []}');
    expect(problem(OWN_PCR, value, { own: earlier })).toContain("of an earlier version");
  });
});

/**
 * Offsets of bytes that no digest covers: class of platform and errata of the specification, types of events, and the data
 * of those events whose data is not what was measured.
 */
function uncovered(tcg: Uint8Array): ReadonlySet<number> {
  const log = decodeTcgLog(tcg);
  if (!log.ok) throw new Error(log.reason);
  const free = new Set<number>([32 + 16, 32 + 16 + 4 + 2]);
  const take = (from: number, count: number): void => {
    for (let at = from; at < from + count; at++) free.add(at);
  };
  let at = tcg.length - concatBytes(...log.value.events.map(bytesOfEvent)).length;
  for (const event of log.value.events) {
    const data = at + 4 + 4 + 4 + 2 + 32 + 4;
    take(at + 4, 4);
    // Where an image lies, where a table, what Linux was given; of a variable of the boot order GUID and name.
    if ([0x8000_0003, 0x8000_0008, 0x6].includes(event.type)) take(data, event.data.length);
    if (event.type === 0x8000_0002) {
      take(data, 16);
      take(data + 32, 2 * (event.data[16] ?? 0));
    }
    at += bytesOfEvent(event).length;
  }
  return free;
}

function bytesOfEvent({
  pcr,
  type,
  data,
}: {
  readonly pcr: number;
  readonly type: number;
  readonly data: Bytes;
}): Bytes {
  return concatBytes(le(pcr, 4), le(type, 4), le(1, 4), le(11, 2), new Uint8Array(32), le(data.length, 4), data);
}
