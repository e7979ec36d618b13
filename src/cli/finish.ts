/** Takes what a command's action gives: the exit code of the process. */
export type Finish = (exitCode: number) => void;
