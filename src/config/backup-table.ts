/** The configuration's table `[backup]`: where backups go by themselves, and who can read them. @module */
import { z } from "zod";
import { field } from "./field.ts";

export const backup = z.strictObject({
  directory: field(z.string().max(1_024).default(""), {
    description:
      "The directory that `caye backup` writes to when it is told none, and the timer every day: a mounted stick, as a rule. Empty: no backups are made by themselves.",
    expects: "empty, or a path of at most 1024 characters",
    example: '"/media/caye-backup"',
    unit: "path",
  }),
  key_file: field(z.string().max(1_024).default(""), {
    description:
      "The public key's file (`caye backup keys` makes it): what is closed to it opens only with the secret one, which the node does not have.",
    expects: "empty, or a path of at most 1024 characters",
    example: '"/etc/caye/backup.pub"',
    unit: "path",
  }),
  keep: field(z.int().min(1).max(1_000).default(7), {
    description:
      "How many backups of this node are kept in the directory; older ones are removed once a new one is whole.",
    expects: "a whole number from 1 to 1000",
    example: "7",
    unit: "backups, 1–1000",
  }),
});
