// Which pod a process belongs to, by the names of its control groups: container runtimes put the pod's uid into them (facts: control-plane §2.9). Pure.

/**
 * `pod` and a uid with `-` or, below systemd, `_`; static pods have 32 digits without either. Where the runtime and the kubelet are not of one
 * mind about systemd, the container's name follows after a colon.
 */
const podUid =
  /(?:^|[-/])pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?=[/:]|$)/gm;

const none: ReadonlySet<string> = new Set();

/**
 * The uids of all pods that the groups are named after. @param cgroup content of `/proc/<pid>/cgroup`, lines of `hierarchy:controllers:path`;
 * a path may have colons.
 */
export function podUidsIn(cgroup: string): Set<string> {
  return new Set(Array.from(cgroup.matchAll(podUid), ([, uid = '']) => uid.replaceAll('_', '-')));
}

/**
 * @param outer pods that the node itself runs in, as nodes of test clusters do; they are nobody's uid here
 * @returns the uid of the pod; undefined when it says none, `ambiguous` when it says several: a container that may make groups of its own can
 * give one of them another pod's name.
 */
export function podUidOf(cgroup: string, outer: ReadonlySet<string> = none): string | 'ambiguous' | undefined {
  const [uid, ...more] = podUidsIn(cgroup).difference(outer);
  return more.length > 0 ? 'ambiguous' : uid;
}

/** Field 22 of `/proc/<pid>/stat`, in ticks since boot. The name before it may hold anything, blanks and parentheses included. */
export function startTimeOf(stat: string): number | undefined {
  const ticks = /^\d+ \(.*\) (?:\S+ ){19}(\d{1,15})(?: |$)/s.exec(stat)?.[1];
  return ticks === undefined ? undefined : Number(ticks);
}
