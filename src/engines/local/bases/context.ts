import type { Holder } from "../holder/holder.js";
import type { Ids } from "../holder/ids.js";
import type { Stage } from "../holder/stage.js";

/** What opening a base needs of its engine. */
export interface BaseContext {
  directory: string;
  bases: string;
  /** See {@link State}. */
  lock: string;
  stage: Stage;
  holder: Holder;
  ids: Ids;
}
