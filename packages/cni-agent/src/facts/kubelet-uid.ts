// The user that health probes come from: whoever runs the kubelet, under one of the names that distributions give it (facts: control-plane §2.11).
import { readFileSync, statSync } from 'node:fs';
import { pidsIn } from './processes.ts';

/** Undefined: no kubelet is seen; probes then are whatever a local process connects. */
export function findKubeletUid(proc: string): number | undefined {
  for (const pid of pidsIn(proc)) {
    try {
      const name = readFileSync(`${proc}/${pid}/comm`, 'utf8').trim();
      const isKubelet =
        name === 'kubelet' ||
        name === 'k3s' ||
        name.startsWith('k3s-') ||
        (name === 'kubelite' && readFileSync(`${proc}/${pid}/cmdline`, 'utf8').includes('kubelet'));
      if (isKubelet) return statSync(`${proc}/${pid}`).uid;
    } catch {
      // It ended just now.
    }
  }
  return undefined;
}
