import type { ValidationEvent } from "../../validation/types.js";

/** Shows a validation while it runs. */
export interface View {
  event(event: ValidationEvent): void;
  /** The user asked to stop. */
  stopping(): void;
  /** Takes away what was only for the moment; idempotent. */
  end(): void;
}
