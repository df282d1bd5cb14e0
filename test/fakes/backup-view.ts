/** An agent's backup from memory: items by kind and id. For tests of the API, of the commands and of backups themselves. @module */
import type { BackupAgent, BackupItem, BackupVerdict } from "../../src/kernel/upkeep.ts";

export interface FakeBackupView extends BackupAgent {
  /** In the order in which they are told of. */
  readonly held: { readonly item: BackupItem; readonly bytes: Uint8Array }[];
  author: string;
  /** Answers what is taken; undefined: as an agent that lacks nothing else. */
  judge: ((item: BackupItem) => BackupVerdict) | undefined;
}

export function fakeBackupView(author = "3f9a1c20b4d5e6f7"): FakeBackupView {
  const at = ({ kind, id }: BackupItem): number =>
    view.held.findIndex(({ item }) => item.kind === kind && item.id === id);
  const view: FakeBackupView = {
    held: [],
    author,
    judge: undefined,
    contents: async () => ({
      node: "clinic-roof",
      author: view.author,
      version: "0.1.0",
      at_s: 1_800_000_000,
      items: view.held.map(({ item }) => item),
    }),
    item: async (item) => view.held[at(item)]?.bytes,
    take: async (item, bytes) => {
      const verdict = view.judge?.(item) ?? { verdict: at(item) === -1 ? "new" : "known", detail: "" };
      if (verdict.verdict === "new") view.held.push({ item, bytes });
      return verdict;
    },
  };
  return view;
}
