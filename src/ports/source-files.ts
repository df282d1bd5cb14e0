/** The agent's own code as files, to be measured. @module */

export interface SourceFile {
  /** Relative to the project's root, `/` between its parts. */
  readonly path: string;
  /** 32 bytes. */
  readonly sha256: Uint8Array;
}

export interface SourceFiles {
  /** Every file in rising order of its path's UTF-16 units. @throws AgentError "OWN_FILES" when one can't be read */
  list(): Promise<readonly SourceFile[]>;
}
