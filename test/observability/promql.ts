/** The figures and labels that a PromQL expression names: by their form, not by a parser; promtool is the parser. @module */

export interface Named {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** Our own and Prometheus' `up`; functions, `ALERTS` and words in quotes are none. */
export function namesIn(expr: string): readonly Named[] {
  return [...expr.matchAll(/\b((?:caye|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, metric = "", selector = ""]) => ({
      metric,
      labels: [...selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
    }),
  );
}
