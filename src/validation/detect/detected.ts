/** What was found of one language. */
export interface Detected {
  language: string;
  setup: string[];
  /** Left out: {@link defaultSetupFiles}. */
  setupFiles?: string[];
  build: string[];
  checks: Record<string, string>;
}
