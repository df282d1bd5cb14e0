/** The Node that runs us. @module */
import { expect, test } from "vitest";

test("the pinned Node 24 runs the tests, whatever Node the machine has", () => {
  expect(process.versions.node.split(".")[0]).toBe("24");
});
