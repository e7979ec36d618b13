import { type FormEvent, useId } from "react";
import { type FaresQuery, maxLimit } from "../../shared/api.ts";

interface Props {
  query: FaresQuery;
  onSubmit: (query: FaresQuery) => void;
}

export function FaresForm({ query, onSubmit }: Props) {
  const id = useId();

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onSubmit({ minFare: Number(form.get("minFare")), limit: Number(form.get("limit")) });
  }

  return (
    <form onSubmit={submit}>
      <label htmlFor={`${id}-fare`}>Fares from ($)</label>
      <input
        id={`${id}-fare`}
        name="minFare"
        type="number"
        min={0}
        max={10_000}
        step="any"
        required
        defaultValue={query.minFare}
      />
      <label htmlFor={`${id}-limit`}>Areas</label>
      <input
        id={`${id}-limit`}
        name="limit"
        type="number"
        min={1}
        max={maxLimit}
        required
        defaultValue={query.limit}
      />
      <button type="submit">Show</button>
    </form>
  );
}
