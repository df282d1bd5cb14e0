/** What is answered, word for word. */
import { describe, expect, test } from "vitest";
import type { Notice, NoticeText } from "../../../src/alert/notice.ts";
import {
  alertsAnswer,
  clip,
  fileAnswer,
  findNamed,
  listAnswer,
  PAGE_FILES,
  plainText,
  size,
  whoAnswer,
  type PhoneAlert,
  type PhoneFile,
} from "../../../src/exchange/phone/answers.ts";
import { SENTENCES } from "../../../src/exchange/phone/sentences.ts";
import { MAX_TEXT_BYTES, splitAnswer } from "../../../src/exchange/phone/texts.ts";
import { utf8 } from "../../../src/kernel/bytes.ts";

function file(name: string, bytes = 300, held = true): PhoneFile {
  return { name, bytes, held, ref: `00112233aabbccdd/${bytes}` };
}

const ALL = { word: "", page: 1, cut: false };

describe("a list of files", () => {
  test("is numbered, by name, with sizes, what is here first", () => {
    const files = [file("tide.txt", 300, false), file("Map.png", 23_400), file("álbum.txt", 1_540)];
    expect(listAnswer(files, ALL, "en").body).toBe(
      "3 files:\n1 álbum.txt 1.5 kB\n2 Map.png 23 kB\n3 tide.txt 300 B (not here yet)\nGet one: get NAME or get NUMBER.",
    );
    expect(listAnswer(files, { ...ALL, word: "album" }, "es").body).toBe(
      "1 archivo:\n1 álbum.txt 1.5 kB\nPara uno: dame NOMBRE o dame NÚMERO.",
    );
  });

  test("has pages; numbers go on; a page beyond the last is the last", () => {
    const files = Array.from({ length: PAGE_FILES + 2 }, (_, i) => file(`f${String(i).padStart(2, "0")}`));
    const first = listAnswer(files, ALL, "en");
    expect(first.files).toHaveLength(PAGE_FILES);
    expect(first.body).toContain("14 files, page 1/2:");
    expect(first.body).toContain("Next: ls 2. Get one");
    const second = listAnswer(files, { ...ALL, page: 99, cut: true }, "en");
    expect(second.first).toBe(PAGE_FILES + 1);
    expect(second.body).toBe("14+ files, page 2/2:\n13 f12 300 B\n14 f13 300 B\nGet one: get NAME or get NUMBER.");
  });

  test("says so when there is none", () => {
    expect(listAnswer([], ALL, "en").body).toBe("No files are known here yet.");
    expect(listAnswer([file("a")], { ...ALL, word: "tide" }, "es").body).toBe(
      'Ningún archivo con "tide". Todos: lista',
    );
  });
});

describe("a file is found", () => {
  const files = [
    file("Tide Table.txt"),
    file("mareas.txt"),
    file("tide-2.txt"),
    file("clinic.txt", 5, false),
    file("clinic.txt"),
  ];

  test.each([
    ["TIDE table.TXT", "Tide Table.txt"],
    ["tide table", "Tide Table.txt"],
    ["Máreas", "mareas.txt"],
    ["mar", "mareas.txt"],
    ["table", "Tide Table.txt"],
  ])("by %j", (name, found) => {
    expect(findNamed(files, name)).toMatchObject({ file: { name: found } });
  });

  test("where it is held, when several have the name", () => {
    expect(findNamed(files, "clinic")).toMatchObject({ file: { held: true } });
  });

  test("or others are named that may be meant", () => {
    expect(findNamed(files, "tid")).toEqual({ near: ["Tide Table.txt", "tide-2.txt"] });
    expect(findNamed(files, "mraeas.txt")).toEqual({ near: ["mareas.txt"] });
    expect(findNamed(files, "xyzzyxyzzy")).toEqual({ near: [] });
  });
});

describe("a file's content", () => {
  test("is sent when it is plain text, without what hides or turns text", () => {
    expect(plainText(utf8("\uFEFFa\r\nb\tc\u202E"))).toBe("a\nb c");
    expect(plainText(Uint8Array.of(0xff, 0xd8))).toBeUndefined();
    expect(plainText(utf8("a\u0000b"))).toBeUndefined();
    expect(plainText(utf8("\u001B[31mred"))).toBeUndefined();
  });

  test("stands behind its name, so that no node takes it for a question", () => {
    expect(fileAnswer("a.txt", "help", "en")).toBe("a.txt:\nhelp");
    expect(fileAnswer("a.txt", " \n", "es")).toBe("a.txt está vacío.");
  });
});

function alert(
  severity: Notice["severity"],
  headline: string,
  more: Partial<PhoneAlert> = {},
  status: Notice["status"] = "Actual",
): PhoneAlert {
  const text: NoticeText = {
    language: "en",
    event: "Flood",
    headline,
    instruction: "Go to the school",
    description: "",
    senderName: "",
    audience: "",
    web: "",
    contact: "",
    areaDescs: ["Riverside"],
  };
  const notice: Notice = {
    status,
    msgType: "Alert",
    sentUnixS: 1,
    references: [],
    categories: ["Met"],
    responseTypes: [],
    urgency: "Immediate",
    severity,
    certainty: "Observed",
    effectiveS: undefined,
    onsetS: undefined,
    expiresS: undefined,
    note: "",
    texts: [text, { ...text, language: "es-BZ", event: "Inundación", headline: `${headline} (es)` }],
    shapes: [],
    full: undefined,
    shortened: false,
  };
  return { notice, trusted: true, leftMs: undefined, sentUnixS: 1, ...more };
}

describe("alerts", () => {
  test("are told the most severe first, strangers' last, the newest first among equals", () => {
    const told = alertsAnswer(
      [
        alert("Minor", "one"),
        alert("Extreme", "two", { trusted: false }),
        alert("Severe", "three", { sentUnixS: 5 }),
        alert("Severe", "four", { sentUnixS: 9 }),
      ],
      "en",
    );
    expect(["four", "three", "one", "two"].map((word) => told.indexOf(word)).join()).toBe(
      ["four", "three", "one", "two"]
        .map((word) => told.indexOf(word))
        .toSorted((a, b) => a - b)
        .join(),
    );
    expect(told).toContain("UNVERIFIED EXTREME: Flood. two. Go to the school. Riverside.");
  });

  test("are told in the language of the person, with what is left of their time, and drills as drills", () => {
    expect(alertsAnswer([alert("Severe", "Río", { leftMs: 3 * 3_600_000 }, "Exercise")], "es")).toBe(
      "1 alerta:\nSIMULACRO GRAVE: Inundación. Río (es). Go to the school. Riverside. Por 3 h más.",
    );
    expect(alertsAnswer([], "es")).toBe("No hay alertas ahora.");
  });

  test("say of one that was taken back that it was, and neither how severe it is nor what to do, behind those that hold", () => {
    const { notice, ...rest } = alert("Extreme", "All clear", { leftMs: 3_600_000 });
    const cancel: PhoneAlert = { ...rest, notice: { ...notice, msgType: "Cancel", references: [1] } };
    const rows = alertsAnswer([cancel, alert("Minor", "Rain")], "en").split("\n");
    expect(rows[1]).toMatch(/^Minor: /);
    expect(rows[2]).toBe("CANCELLED: Flood. All clear. Riverside.");
  });
});

test("who is told with the neighbours, the latest first", () => {
  const neighbours = [
    { name: "school", agoMs: 7_200_000 },
    { name: "clinic", agoMs: 61_000 },
  ];
  const facts = { node: "roof", neighbours, authors: 3, files: 12 };
  expect(whoAnswer(facts, "en")).toBe(
    "I am roof, a Caye node.\nNodes heard: clinic (1 min ago), school (2 h ago).\nKnown: 3 authors, 12 files.",
  );
  expect(whoAnswer({ ...facts, neighbours: [] }, "es")).toBe(
    "Soy roof, un nodo Caye.\nAún no se oye a otros nodos.\nConocidos: 3 autores, 12 archivos.",
  );
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1 kB"],
  [1_540, "1.5 kB"],
  [23_400, "23 kB"],
  [4_200_000, "4.2 MB"],
])("%i bytes are %s", (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test.each(["en", "es"] as const)("each sentence in %s fits one text, with the longest names", (language) => {
  const say = SENTENCES[language];
  const name = "ñ".repeat(32);
  const sentences = [
    say.help("n".repeat(24)),
    say.unknown(undefined),
    say.unknown("alertas"),
    say.tooOften(10),
    say.failed,
    say.whichFile,
    say.noFile(clip("x".repeat(200)), []),
    say.tooLong(name, "900 kB", "1.5 kB"),
    say.noText(name, "900 kB"),
    say.asking(name, "1.5 kB", 12),
    say.notCome(name),
    say.damaged(name),
    say.busy,
  ];
  for (const sentence of sentences) expect(splitAnswer(sentence, 8, say.more), sentence).toHaveLength(1);
  expect(MAX_TEXT_BYTES).toBe(200);
});
