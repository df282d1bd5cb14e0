/** Alerts and a book of them, for tests. @module */
import { authorFromSeed, type Author } from "../../src/dag/author.ts";
import { verifyEd25519 } from "../../src/kernel/ed25519.ts";
import { AlertBook, type AlertBookPorts } from "../../src/alert/book.ts";
import type { Notice, NoticeText } from "../../src/alert/notice.ts";
import { encodeNotice } from "../../src/alert/notice-codec.ts";
import { signedBytes, type SignedAlert } from "../../src/alert/signed-alert.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { FakeClock } from "./clock.ts";
import { silentLog } from "./log.ts";
import { FaultyStore } from "./store.ts";

export function authorNumber(number: number): Author {
  return authorFromSeed(new Uint8Array(32).fill(number));
}

export const NO_TEXT: NoticeText = {
  language: "en",
  event: "Storm surge",
  headline: "",
  instruction: "",
  description: "",
  senderName: "",
  audience: "",
  web: "",
  contact: "",
  areaDescs: [],
};

export function noticeWith(changes: Partial<Notice> = {}, text: Partial<NoticeText> = {}): Notice {
  return {
    status: "Actual",
    msgType: "Alert",
    sentUnixS: 0,
    references: [],
    categories: ["Met"],
    responseTypes: [],
    urgency: "Immediate",
    severity: "Severe",
    certainty: "Observed",
    effectiveS: undefined,
    onsetS: undefined,
    expiresS: 6 * 3600,
    note: "",
    texts: [{ ...NO_TEXT, headline: "Sea over the road", areaDescs: ["Harbour"], ...text }],
    shapes: [],
    full: undefined,
    shortened: false,
    ...changes,
  };
}

export function signedBy(author: Author, number: number, notice: Notice, withKey = true): SignedAlert {
  const unsigned = { author: author.id, number, body: encodeNotice(notice) };
  const signature = author.sign(signedBytes(unsigned));
  return { ...unsigned, publicKey: withKey ? author.publicKey : undefined, signature };
}

export interface BookRig {
  readonly book: AlertBook;
  readonly clock: FakeClock;
  readonly store: FaultyStore;
  /** Unix seconds now. */
  readonly nowS: () => number;
  /** Keys that have become known by other means. */
  readonly keys: Map<string, Uint8Array>;
  /** The same disk, in a new life. */
  reopen(changes?: Partial<AlertBookPorts>): Promise<AlertBook>;
}

/** Author 1 is this node; 2 and 3 are authorised; all others are strangers. */
export async function openBookRig(changes: Partial<AlertBookPorts> = {}): Promise<BookRig> {
  const clock = new FakeClock();
  const store = new FaultyStore();
  const keys = new Map<string, Uint8Array>();
  const trusted = new Set([2, 3].map((number) => toHex(authorNumber(number).id)));
  const ports: AlertBookPorts = {
    store,
    clock,
    log: silentLog,
    self: authorNumber(1),
    verify: verifyEd25519,
    keyOf: (authorHex) => Promise.resolve(keys.get(authorHex)),
    isAuthorised: (authorHex) => trusted.has(authorHex),
    strangers: "show-unverified",
    ...changes,
  };
  return {
    book: await AlertBook.open(ports),
    clock,
    store,
    keys,
    nowS: () => Math.floor(clock.nowMs() / 1000),
    reopen: (more = {}) => AlertBook.open({ ...ports, ...more }),
  };
}
