// The order of names that decides between equals: by code units, so that every replica on every machine agrees.
export const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
