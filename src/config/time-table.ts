/** The configuration's table `[time]`: which clocks besides its own a node without internet listens to. @module */
import { z } from "zod";
import { field } from "./field.ts";

export const time = z.strictObject({
  radio: field(z.enum(["listen", "ignore"]).default("listen"), {
    description:
      "Whether the radio's time counts (its GPS, a phone's, or what other radios told it): only while nothing better is known, and never before what is certain.",
    expects: "listen or ignore",
    example: '"ignore"',
  }),
  max_ahead_days: field(z.int().min(1).max(36_500).default(3_650), {
    description:
      "How far beyond the latest time that is certain a time is still believed that nobody vouches for: a radio's, or the hardware clock's.",
    expects: "a whole number from 1 to 36500",
    example: "3650",
    unit: "days, 1–36500",
  }),
});
