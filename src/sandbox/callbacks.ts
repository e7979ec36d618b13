/**
 * Calls what a caller gave and does not wait for it. `failed` gets what it throws, or what a promise that it gave
 * rejects with, whenever that is: nobody else would handle it. Says whether it gave something to wait for.
 */
export function callBack<T>(
  callback: (value: T) => unknown,
  value: T,
  failed: (error: unknown) => void,
): boolean {
  try {
    const given = callback(value);
    if ((typeof given !== "object" && typeof given !== "function") || given === null) return false;
    // Any thenable will do, also one whose `then` throws.
    new Promise((resolve) => resolve(given)).catch(failed);
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}
