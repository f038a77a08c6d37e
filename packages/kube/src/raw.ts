// Reading fields of JSON that somebody else wrote, without trusting its shape.
// Used by every file here that looks into an object; kinds of callers bring their own narrowing.

export type RawObject = Readonly<Record<string, unknown>>;

/** An empty object for whatever is none, so that reading on is safe. */
export const objectOf = (raw: unknown): RawObject => (isObject(raw) ? raw : {});
export const textOf = (raw: unknown): string => (typeof raw === 'string' ? raw : '');
export const numberOf = (raw: unknown): number => (typeof raw === 'number' ? raw : Number.NaN);
export const objectsOf = (raw: unknown): readonly RawObject[] => (Array.isArray(raw) ? raw.filter(isObject) : []);
export const textsOf = (raw: unknown): string[] => (Array.isArray(raw) ? raw.filter((each) => typeof each === 'string') : []);

export function isObject(raw: unknown): raw is RawObject {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}
