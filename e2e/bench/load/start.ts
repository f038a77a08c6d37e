// How the loads start their programs: in a pod, as a child that dies with the bench.
import { Child } from '../../lab/child.ts';
import type { Pod } from '../../lab/pod.ts';

export type Start = (argv: readonly string[]) => Child;

export const startIn =
  ({ netns }: Pick<Pod, 'netns'>): Start =>
  (argv) =>
    new Child({ netns, argv });
