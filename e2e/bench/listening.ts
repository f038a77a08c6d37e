// Waiting until a program in a pod takes connections.
import { once } from 'node:events';
import type { Child } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import { dialIn } from '../lab/http.ts';
import type { Pod } from '../lab/pod.ts';

/** Gives the child back once it listens on all ports. Otherwise ends it after five seconds and throws with what it said. */
export async function listening(pod: Pod, ports: readonly number[], child: Child): Promise<Child> {
  await using starting = new AsyncDisposableStack();
  starting.use(child);
  for (const port of ports) {
    await eventually(() => accepts(pod, port), { what: () => `a listener on port ${port} of ${pod.name}; it said:\n${child.output}` });
  }
  starting.move();
  return child;
}

async function accepts(pod: Pod, port: number): Promise<true> {
  const socket = dialIn(pod.netns, '127.0.0.1', port);
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
