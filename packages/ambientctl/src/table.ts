// Rows as text in columns, as wide as their longest cell. Pure; used by output.ts for whatever is not JSON or YAML.

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const gap = 3;

/** Ends with a line feed; no line ends with blanks. @param bold whether the heads of columns stand out */
export function formatTable({ columns, rows }: Table, bold = false): string {
  const all = [columns, ...rows].map((row) => row.map(oneLine));
  const widths = columns.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  const lines = all.map((row) =>
    row
      .map((cell, at) => cell.padEnd((widths[at] ?? 0) + gap))
      .join('')
      .trimEnd(),
  );
  const [head = '', ...body] = lines;
  return `${[bold ? `\u001b[1m${head}\u001b[0m` : head, ...body].join('\n')}\n`;
}

/** Cells may hold what anybody wrote into the cluster: nothing in them breaks the table, or reaches the terminal as a command. */
export const oneLine = (cell: string): string => cell.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
