/** The agent's own code, and what runs it, as files to be measured. @module */

export interface SourceFile {
  /** Relative to the project's root, `/` between its parts; `node` for the Node executable, wherever it lies. */
  readonly path: string;
  /** 32 bytes. */
  readonly sha256: Uint8Array;
}

/** What runs the code. */
export interface RuntimeFiles {
  /** As Node itself prints it: `v24.21.0`. */
  readonly nodeVersion: string;
  /** The Node executable first, then the libraries' files in rising order of their paths' UTF-16 units. */
  readonly files: readonly SourceFile[];
}

export interface SourceFiles {
  /** The code: every file in rising order of its path's UTF-16 units. @throws AgentError "OWN_FILES" when one can't be read */
  list(): Promise<readonly SourceFile[]>;
  /** @throws AgentError "OWN_FILES" when a file can't be read, or a library is missing */
  runtime(): Promise<RuntimeFiles>;
}
