/** Whether and how people are answered, from what is configured. @module */
import type { PhoneRules } from "./phones.ts";

/** As it stands in the configuration, under `[phones]`. */
export interface PhoneSettings {
  readonly answer: "auto" | "everyone" | "nobody";
  readonly language: PhoneRules["language"];
  readonly max_texts: number;
  readonly questions: number;
  readonly max_file_bytes: number;
}

type Answering = PhoneRules & { readonly number: () => number | undefined };

/**
 * What the exchange is given; empty when nobody is answered.
 * @param isPrivate the village has a group key: whoever may read its files is not for a text to say
 * @param number of this node's own radio; undefined until it is known
 */
export function openPhones(
  settings: PhoneSettings,
  isPrivate: boolean,
  number: () => number | undefined,
): { readonly phones?: Answering } {
  const { answer, language, max_texts: maxTexts, questions, max_file_bytes: maxFileBytes } = settings;
  if (answer === "nobody" || (answer === "auto" && isPrivate)) return {};
  return { phones: { language, maxTexts, questions, maxFileBytes, number } };
}
