// The user that health probes come from: whoever runs the kubelet, under one of the names that distributions give it (facts: control-plane §2.11).
// Asked once, at the agent's start.
import { readFileSync, statSync } from 'node:fs';
import { podUidOf } from './cgroup.ts';
import { outerPods, pidsIn } from './processes.ts';

/** Undefined: no kubelet is seen; probes then are whatever a local process connects. A process of a pod is none, whatever it calls itself. */
export function findKubeletUid(proc: string): number | undefined {
  const outer = outerPods(proc);
  for (const pid of pidsIn(proc)) {
    const folder = `${proc}/${pid}`;
    try {
      // In this order: a command line is read from the process's memory, and a pod's may be made such that the read never ends.
      if (podUidOf(readFileSync(`${folder}/cgroup`, 'utf8'), outer) !== undefined || !isKubelet(folder)) continue;
      return statSync(folder).uid;
    } catch {
      // It ended just now.
    }
  }
  return undefined;
}

function isKubelet(folder: string): boolean {
  const name = readFileSync(`${folder}/comm`, 'utf8').trim();
  if (name === 'kubelite') return readFileSync(`${folder}/cmdline`, 'utf8').includes('kubelet');
  return name === 'kubelet' || name === 'k3s' || name.startsWith('k3s-');
}
