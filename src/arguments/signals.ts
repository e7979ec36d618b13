const followed = new WeakMap<object, AbortController>();
const abortedOfOurs = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")?.get;

/**
 * A caller's signal as one that all of Node takes. Theirs may be of another realm, of jsdom or of a polyfill; then
 * it is followed. Undefined for what is no signal. What throws in it is thrown.
 */
export function ownSignal(signal: unknown): AbortSignal | undefined {
  if (isOurs(signal)) return signal;
  if (!isSignal(signal)) return undefined;
  const controller = followed.get(signal) ?? follow(signal);
  // Some are set without an event.
  if (signal.aborted) controller.abort(reasonOf(signal));
  return controller.signal;
}

function isOurs(signal: unknown): signal is AbortSignal {
  try {
    return typeof abortedOfOurs?.call(signal) === "boolean";
  } catch {
    return false;
  }
}

function isSignal(signal: unknown): signal is AbortSignal {
  if (typeof signal !== "object" || signal === null) return false;
  const { aborted, addEventListener } = signal as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

/** For as long as the signal lives, so that a hundred operations listen to it once. */
function follow(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  signal.addEventListener("abort", () => controller.abort(reasonOf(signal)));
  followed.set(signal, controller);
  return controller;
}

function reasonOf(signal: AbortSignal): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}
