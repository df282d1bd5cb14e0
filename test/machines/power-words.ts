/** What the host and the guest of the power test both say. @module */

/** Ends once no update is under way any more; the shell's words. */
export const SETTLED =
  "while grep -qE '^step=(announced|installing|installed|watching|returning|returned)$' /var/lib/caye-update/state 2>/dev/null; do sleep 1; done";
