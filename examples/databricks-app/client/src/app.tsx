import { useState } from "react";
import { defaultQuery } from "../../shared/api.ts";
import { FaresForm } from "./fares-form.tsx";
import { FaresView } from "./fares-view.tsx";
import { useFares } from "./use-fares.ts";

export function App() {
  const [query, setQuery] = useState(defaultQuery);
  const state = useFares(query);
  return (
    <main>
      <h1>Taxi fares by pickup area</h1>
      <FaresForm query={query} onSubmit={setQuery} />
      <FaresView state={state} onRetry={() => setQuery({ ...query })} />
    </main>
  );
}
