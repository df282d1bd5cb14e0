/** What is taken, what is refused and why; what survives a restart; what never comes back. */
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { authorNumber, noticeWith, openBookRig, signedBy } from "../fakes/alerts.ts";

const HOUR_MS = 3_600_000;
const friend = authorNumber(2);
const stranger = authorNumber(9);

describe("an alert that comes", () => {
  test("is new once, and then known", async () => {
    const { book, nowS } = await openBookRig();
    const alert = signedBy(friend, 1, noticeWith({ sentUnixS: nowS() }));
    expect((await book.take(alert)).verdict).toBe("new");
    expect((await book.take(alert)).verdict).toBe("known");
    expect(book.list().map((held) => [held.id, book.stateOf(held), book.isTrusted(held)])).toEqual([
      [`${toHex(friend.id.subarray(0, 4))}-1`, "active", true],
    ]);
  });

  test("needs none of its author's before it: a gap blocks nothing, and what was missed is still taken", async () => {
    const { book, nowS } = await openBookRig();
    const notice = noticeWith({ sentUnixS: nowS() });
    expect((await book.take(signedBy(friend, 70, notice))).verdict).toBe("new");
    expect((await book.take(signedBy(friend, 69, notice))).verdict).toBe("new");
  });

  test("is forged when one bit of body, number, author or signature is another", async () => {
    const { book, nowS } = await openBookRig();
    const alert = signedBy(friend, 1, noticeWith({ sentUnixS: nowS() }));
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
    for (const forged of [
      { ...alert, signature: flip(alert.signature) },
      { ...alert, body: flip(alert.body) },
      { ...alert, number: 2 },
      { ...alert, publicKey: stranger.publicKey },
    ]) {
      expect((await book.take(forged)).verdict).toBe("forged");
    }
    expect(book.list()).toEqual([]);
    expect((await book.take(alert)).verdict).toBe("new");
  });

  test("is malformed when its body is none", async () => {
    const { book } = await openBookRig();
    const alert = signedBy(friend, 1, noticeWith());
    expect((await book.take({ ...alert, body: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) })).verdict).toBe("malformed");
  });

  test("a second alert of one number is not taken", async () => {
    const { book, nowS } = await openBookRig();
    await book.take(signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })));
    const other = signedBy(friend, 1, noticeWith({ sentUnixS: nowS() }, { headline: "All clear" }));
    expect((await book.take(other)).verdict).toBe("stale");
    expect(book.list().map(({ notice }) => notice.texts[0]?.headline)).toEqual(["Sea over the road"]);
  });

  test("of an unknown author without its key is kept as unverified, and judged once the key is known", async () => {
    const { book, keys, nowS } = await openBookRig();
    const alert = signedBy(friend, 1, noticeWith({ sentUnixS: nowS() }), false);
    const forged = signedBy(stranger, 2, noticeWith({ sentUnixS: nowS() }), false);
    expect((await book.take(alert)).verdict).toBe("new");
    expect((await book.take({ ...forged, author: friend.id })).verdict).toBe("new");
    expect(book.list().map((held) => book.isTrusted(held))).toEqual([false, false]);
    keys.set(toHex(friend.id), friend.publicKey);
    await book.sweep();
    expect(book.list().map((held) => [held.number, book.isTrusted(held)])).toEqual([[1, true]]);
  });

  test("with the key takes the place of one that only claimed to be its author's", async () => {
    const { book, nowS } = await openBookRig();
    const claim = { ...signedBy(stranger, 1, noticeWith({}, { headline: "False" }), false), author: friend.id };
    await book.take(claim);
    expect((await book.take(signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })))).verdict).toBe("new");
    expect(book.list().map(({ notice }) => notice.texts[0]?.headline)).toEqual(["Sea over the road"]);
  });

  test("of a stranger is shown as unverified, or dropped", async () => {
    const alert = (nowS: number) => signedBy(stranger, 1, noticeWith({ sentUnixS: nowS }));
    const shows = await openBookRig();
    expect((await shows.book.take(alert(shows.nowS()))).verdict).toBe("new");
    expect(shows.book.list().map((held) => shows.book.isTrusted(held))).toEqual([false]);
    const drops = await openBookRig({ strangers: "drop" });
    expect((await drops.book.take(alert(drops.nowS()))).verdict).toBe("unauthorised");
    expect(drops.book.list()).toEqual([]);
  });
});

describe("time", () => {
  test("an alert that is over when it comes is not taken", async () => {
    const { book, nowS } = await openBookRig();
    const old = noticeWith({ sentUnixS: nowS() - 7 * 3600, expiresS: 6 * 3600 });
    expect((await book.take(signedBy(friend, 1, old))).verdict).toBe("expired");
  });

  test("an alert from the future is taken from those we trust, and said to be unsure; not from strangers", async () => {
    const { book, nowS } = await openBookRig();
    const later = noticeWith({ sentUnixS: nowS() + 3600 });
    expect((await book.take(signedBy(friend, 1, later))).verdict).toBe("future");
    expect((await book.take(signedBy(stranger, 1, later))).verdict).toBe("future");
    expect(book.list().map(({ authorHex }) => authorHex)).toEqual([toHex(friend.id)]);
  });

  test("a clock that was never set hides nothing", async () => {
    const rig = await openBookRig();
    const alert = signedBy(friend, 1, noticeWith({ sentUnixS: rig.nowS() - 30 * 86_400 }));
    rig.clock.setWall(0);
    expect((await rig.book.take(alert)).verdict).toBe("new");
    expect(rig.book.active().length).toBe(1);
  });

  test("an alert ends by the clock on the wall, and by time that surely passed", async () => {
    const byWall = await openBookRig();
    await byWall.book.take(signedBy(friend, 1, noticeWith({ sentUnixS: byWall.nowS() })));
    byWall.clock.setWall(byWall.clock.nowMs() + 6 * HOUR_MS);
    expect(byWall.book.active()).toEqual([]);
    const byPassing = await openBookRig();
    byPassing.clock.setWall(0);
    await byPassing.book.take(signedBy(friend, 1, noticeWith({ sentUnixS: 0 })));
    await byPassing.clock.advance(6 * HOUR_MS - 1);
    expect(byPassing.book.active().length).toBe(1);
    await byPassing.clock.advance(1);
    expect(byPassing.book.active()).toEqual([]);
  });
});

describe("what is over", () => {
  test("never comes back: not in this life, not in the next, not when the clock forgets the time", async () => {
    const rig = await openBookRig();
    const alert = signedBy(friend, 4, noticeWith({ sentUnixS: rig.nowS() }));
    await rig.book.take(alert);
    await rig.clock.advance(31 * HOUR_MS);
    await rig.book.sweep();
    expect(rig.book.list()).toEqual([]);
    rig.clock.setWall(0);
    expect((await rig.book.take(alert)).verdict).toBe("stale");
    expect((await (await rig.reopen()).take(alert)).verdict).toBe("stale");
  });

  test("a cancel ends what it names, whichever comes first", async () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const { book, nowS } = await openBookRig();
      const alerts = [
        signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })),
        signedBy(friend, 2, noticeWith({ sentUnixS: nowS(), msgType: "Cancel", references: [1] })),
      ];
      for (const number of order) await book.take(alerts[number - 1]!);
      expect(book.active().map(({ number }) => number)).toEqual([2]);
    }
  });

  test("an update replaces what it names, and that is not asked for again", async () => {
    const { book, nowS } = await openBookRig();
    await book.take(signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })));
    await book.take(signedBy(friend, 2, noticeWith({ sentUnixS: nowS(), msgType: "Update", references: [1] })));
    const [second, first] = book.list();
    expect([book.stateOf(second!), book.stateOf(first!)]).toEqual(["active", "replaced"]);
    expect(book.settled().map(toHex)).toContain(toHex(first!.digest));
  });

  test("nobody cancels another's alert", async () => {
    const { book, nowS } = await openBookRig();
    await book.take(signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })));
    await book.take(
      signedBy(authorNumber(3), 2, noticeWith({ sentUnixS: nowS(), msgType: "Cancel", references: [1] })),
    );
    expect(book.active().map(({ authorHex }) => authorHex)).toContain(toHex(friend.id));
  });

  test("a forger who claims a number keeps no true alert out", async () => {
    const { book, nowS } = await openBookRig();
    const claim = {
      ...signedBy(stranger, 5, noticeWith({ msgType: "Cancel", references: [4] }), false),
      author: friend.id,
    };
    await book.take(claim);
    expect((await book.take(signedBy(friend, 4, noticeWith({ sentUnixS: nowS() })))).verdict).toBe("new");
    expect(book.active().map(({ number }) => number)).toContain(4);
  });
});

describe("limits", () => {
  test("an author is taken at three in ten minutes and six an hour, by the dates of the alerts", async () => {
    const { book, nowS } = await openBookRig();
    const at = async (number: number, minutes: number): Promise<string> =>
      (await book.take(signedBy(friend, number, noticeWith({ sentUnixS: nowS() - 60 * minutes })))).verdict;
    expect([await at(1, 59), await at(2, 58), await at(3, 57)]).toEqual(["new", "new", "new"]);
    expect(await at(4, 56)).toBe("over-limit");
    expect([await at(5, 40), await at(6, 30), await at(7, 20)]).toEqual(["new", "new", "new"]);
    expect(await at(8, 5)).toBe("over-limit");
    const cancel = noticeWith({ sentUnixS: nowS(), msgType: "Cancel", references: [7] });
    expect((await book.take(signedBy(friend, 9, cancel))).verdict).toBe("new");
  });

  test("all strangers together have one small allowance, and take no room from those we trust", async () => {
    const { book, nowS } = await openBookRig();
    const verdicts: string[] = [];
    for (let i = 0; i < 60; i++) {
      verdicts.push((await book.take(signedBy(authorNumber(20 + i), 1, noticeWith({ sentUnixS: nowS() })))).verdict);
    }
    expect(verdicts.filter((verdict) => verdict === "new").length).toBe(6);
    expect((await book.take(signedBy(friend, 1, noticeWith({ sentUnixS: nowS() })))).verdict).toBe("new");
  });

  test("a trusted author that floods holds a bounded part of the book", async () => {
    const { book, nowS } = await openBookRig();
    for (let i = 1; i <= 40; i++) {
      await book.take(signedBy(friend, i, noticeWith({ sentUnixS: nowS() - 7200 * i, expiresS: 30 * 86_400 })));
    }
    expect(book.list().length).toBe(16);
    expect((await book.take(signedBy(authorNumber(3), 1, noticeWith({ sentUnixS: nowS() })))).verdict).toBe("new");
  });

  test("this node keeps the limit that its neighbours keep", async () => {
    const { book, nowS } = await openBookRig();
    for (let i = 0; i < 3; i++) await book.issue(noticeWith({ sentUnixS: nowS() }));
    await expect(book.issue(noticeWith({ sentUnixS: nowS() }))).rejects.toMatchObject({ code: "TOO_MANY" });
  });
});

describe("the disk", () => {
  test("alerts, what was read, and the own number survive a restart", async () => {
    const rig = await openBookRig();
    const own = await rig.book.issue(noticeWith({ sentUnixS: rig.nowS() }));
    const { held } = await rig.book.take(signedBy(friend, 1, noticeWith({ sentUnixS: rig.nowS() })));
    await rig.book.acknowledge(held!.id);
    const again = await rig.reopen();
    expect(again.list().map(({ id, acknowledgedAtMs }) => [id, acknowledgedAtMs !== undefined])).toEqual(
      rig.book.list().map(({ id }) => [id, id === held!.id]),
    );
    expect((await again.issue(noticeWith({ sentUnixS: rig.nowS() }))).number).toBe(own.number + 1);
  });

  test("that is full keeps no alert from being shown; it is written later", async () => {
    const rig = await openBookRig();
    rig.store.failure = new AgentError("DISK_FULL", "no room");
    expect((await rig.book.take(signedBy(friend, 1, noticeWith({ sentUnixS: rig.nowS() })))).verdict).toBe("new");
    expect((await rig.reopen()).list()).toEqual([]);
    rig.store.failure = undefined;
    await rig.book.sweep();
    expect((await rig.reopen()).list().length).toBe(1);
  });

  test("that fails leaves no alert of our own that only we know of", async () => {
    const rig = await openBookRig();
    rig.store.failure = new AgentError("DISK_FULL", "no room");
    await expect(rig.book.issue(noticeWith({ sentUnixS: rig.nowS() }))).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(rig.book.list()).toEqual([]);
  });

  test("an own alert that comes back from neighbours after a loss of the disk keeps its number from being used again", async () => {
    const { book, nowS } = await openBookRig();
    await book.take(signedBy(authorNumber(1), 12, noticeWith({ sentUnixS: nowS() })));
    expect((await book.issue(noticeWith({ sentUnixS: nowS() }))).number).toBe(13);
  });
});
