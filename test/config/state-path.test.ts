/** Where the state is kept. @module */
import { expect, test } from "vitest";
import { statePath } from "../../src/config/state-path.ts";

test.each([
  [{ CAYE_STATE: "/s", XDG_STATE_HOME: "/x", HOME: "/h" }, "/s"],
  [{ CAYE_STATE: "", XDG_STATE_HOME: "/x/", HOME: "/h" }, "/x/caye"],
  [{ XDG_STATE_HOME: "relative", HOME: "/h" }, "/h/.local/state/caye"],
  [{ HOME: "/" }, "/.local/state/caye"],
])("%j keeps it in %s", (env, path) => {
  expect(statePath(env)).toBe(path);
});

test("an environment without a home is told what to set", () => {
  expect(() => statePath({})).toThrow(
    expect.objectContaining({ code: "STATE_UNSET", fix: expect.stringContaining("CAYE_STATE=") }),
  );
});
