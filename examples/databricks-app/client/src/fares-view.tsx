import { ResultTable } from "./result-table.tsx";
import type { FaresState } from "./use-fares.ts";

interface Props {
  state: FaresState;
  onRetry: () => void;
}

/** The answer to the form: a live region, so that a screen reader hears when it has come. */
export function FaresView({ state, onRetry }: Props) {
  return (
    <section aria-live="polite" aria-busy={state.status === "loading"}>
      {state.status === "loading" && <p role="status">Asking the warehouse…</p>}
      {state.status === "failed" && (
        <div role="alert">
          <p>{state.message}</p>
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
      {state.status === "loaded" && <ResultTable caption="Busiest first" result={state.result} />}
    </section>
  );
}
