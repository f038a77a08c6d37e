// The one error class of the project: a fault that code can match on, and a sentence that a person can read.
// Thrown for what was not planned; expected refusals are ordinary return values.
// Knows no fault of its own: each package declares the union of its codes.

/** The fault's `code` is the stable API: logs, metrics and tests match on it, never on the text. */
export class MeshError<F extends { readonly code: string }> extends Error {
  override readonly name = 'MeshError';
  readonly fault: F;

  constructor(fault: F, text: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** True if `e` is a MeshError with this code; its fault is then typed as far as the code tells. */
export function isFault<C extends string>(e: unknown, code: C): e is MeshError<{ readonly code: C }> {
  return e instanceof MeshError && e.fault.code === code;
}

/** One line for anything that can be thrown, its causes included: `dial failed: connect ECONNREFUSED 10.0.0.1:80`. */
export function describeError(e: unknown): string {
  const parts: string[] = [];
  for (let at = e, depth = 0; at !== undefined && depth < 8; depth++) {
    const text = at instanceof Error ? at.message || at.name : String(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}
