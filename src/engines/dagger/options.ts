/** Options of `dagger()`. */
export interface DaggerOptions {
  /**
   * Engines to spread sandboxes over: `unix://`, `tcp://`, `ssh://`, `kube-pod://`… as in
   * `_EXPERIMENTAL_DAGGER_RUNNER_HOST`. A fork stays with its parent. Default: the one that variable names, else
   * the one of a `dagger run` around this process, else one that the Dagger CLI starts in Docker and leaves there.
   */
  engines?: readonly string[];
  /** The Dagger CLI. Default: `_EXPERIMENTAL_DAGGER_CLI_BIN`, else `dagger` on the PATH. */
  cli?: string;
  /**
   * Where files on their way to an engine lie, and which setups are kept. Default: FORKBOX_STATE_DIR, else
   * $XDG_STATE_HOME/forkbox.
   */
  stateDirectory?: string;
}

export function endpointsOf({ engines }: DaggerOptions): readonly string[] {
  if (engines !== undefined) return engines;
  const { _EXPERIMENTAL_DAGGER_RUNNER_HOST: host } = process.env;
  return host ? [host] : [];
}

export function cliOf({ cli }: DaggerOptions): string {
  return cli ?? (process.env._EXPERIMENTAL_DAGGER_CLI_BIN || "dagger");
}
