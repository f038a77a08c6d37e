// Which pod a process belongs to, by the names of its control groups: container runtimes put the pod's uid into them (facts: control-plane §2.9). Pure.

/** `pod` and a uid with `-` or, below systemd, `_`; static pods have 32 digits without either. */
const podUid = /(?:^|[-/])pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?=\/|$)/g;

/** @param cgroup content of `/proc/<pid>/cgroup` @returns the uid of the pod; undefined when it says none, `ambiguous` when it says several. */
export function podUidOf(cgroup: string): string | 'ambiguous' | undefined {
  const found = new Set<string>();
  for (const line of cgroup.split('\n')) {
    // `hierarchy:controllers:path`; a path may have colons.
    const path = line.split(':').slice(2).join(':');
    const innermost = [...path.matchAll(podUid)].at(-1)?.[1];
    if (innermost !== undefined) found.add(innermost.replaceAll('_', '-'));
  }
  if (found.size > 1) return 'ambiguous';
  return [...found][0];
}

/** Field 22 of `/proc/<pid>/stat`, in ticks since boot. The name before it may hold anything, blanks and parentheses included. */
export function startTimeOf(stat: string): number | undefined {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  const ticks = Number(fields[19] ?? Number.NaN);
  return Number.isInteger(ticks) && ticks >= 0 ? ticks : undefined;
}
