// Reads an OpenMetrics exposition as the scenarios need it: sums of samples whose labels match.
// Pure. Independent of the code that writes the metrics, on purpose.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Exposition {
  readonly samples: readonly Sample[];

  constructor(text: string) {
    this.samples = text.split('\n').flatMap((line) => {
      const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (parts === null || line.startsWith('#')) return [];
      const [, name = '', labels = '', value = ''] = parts;
      return [
        {
          name,
          labels: Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v])),
          value: Number(value),
        },
      ];
    });
  }

  matching(name: string, labels: Readonly<Record<string, string>> = {}): readonly Sample[] {
    return this.samples.filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v));
  }

  /** 0 when there is no such series. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.matching(name, labels).reduce((sum, s) => sum + s.value, 0);
  }
}
