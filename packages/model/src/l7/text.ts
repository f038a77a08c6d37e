// How a text is matched, the same for paths, headers, methods and query parameters. Plain data; compiled by route-table.ts.

/** `regex`: RE2-like syntax, must match the whole text. `present`: any value at all. */
export type TextMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string; readonly ignoreCase?: boolean }
  | { readonly suffix: string }
  | { readonly regex: string }
  | { readonly present: true };
