// What every Kubernetes object has in common, trimmed to what the mesh reads. Plain data.
// The other files of this folder describe one kind each: its type, and the function that narrows what the API server sent to it.

export type Labels = Readonly<Record<string, string>>;

/** No resourceVersion on purpose: two versions that the mesh cannot tell apart are equal, and nobody hears of the change. */
export interface Meta {
  /** `''` for kinds that live outside namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  /** Only the ones that the mesh reads. */
  readonly annotations: Labels;
  /** When it was made, as a number that only orders; decides who was first. */
  readonly createdAt: number;
  readonly generation: number;
}

/** A condition of an object's status that the mesh itself writes. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** 0 when the kind does not carry it. */
  readonly observedGeneration: number;
}

/** A selection by labels; an empty one selects everything. */
export interface LabelSelector {
  readonly matchLabels: Labels;
  readonly matchExpressions: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}
