// The shape of the tables of what definitions refuse.
// Used by security-refusals.ts, networking-refusals.ts, gateway-refusals.ts and extension-refusals.ts.
import type { JsonObject } from '../patch/json.ts';

/** A rule, a spec that obeys it, a spec that breaks it, and part of the error of the latter. */
export type Refusal = readonly [rule: string, accepted: JsonObject, refused: JsonObject, error: string];
export type RefusalTable = readonly [apiVersion: string, kind: string, rows: readonly Refusal[]];
