/** How people are answered who ask by text. @module */
import { z } from "zod";
import { field } from "./field.ts";

export const phones = z.strictObject({
  answer: field(z.enum(["auto", "everyone", "nobody"]).default("auto"), {
    description:
      "Who is answered that asks this node by a direct text, with any Meshtastic app: `auto` answers everybody, but in a village with a group key nobody, since whoever asks may be no member.",
    expects: "auto, everyone or nobody",
    example: '"nobody"',
  }),
  language: field(z.enum(["en", "es"]).default("en"), {
    description: "The language of answers to somebody whose words did not tell one.",
    expects: "en or es",
    example: '"es"',
  }),
  max_texts: field(z.int().min(1).max(16).default(8), {
    description: "How many texts of an answer are sent at once; `more` goes on.",
    expects: "a whole number from 1 to 16",
    example: "4",
    unit: "texts, 1–16",
  }),
  questions: field(z.int().min(1).max(30).default(6), {
    description: "How many questions of one person are answered in ten minutes; of all people together it is 30.",
    expects: "a whole number from 1 to 30",
    example: "6",
    unit: "questions in 10 min, 1–30",
  }),
  max_file_bytes: field(z.int().min(0).max(4_000).default(1_500), {
    description: "The longest file that is sent as texts.",
    expects: "a whole number from 0 to 4000",
    example: "1500",
    unit: "bytes, 0–4000",
  }),
});
